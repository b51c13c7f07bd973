// SPDX-License-Identifier: Apache-2.0
// One level's address space: a canvas to zoom and to move in, by mouse, touch
// and keys.  For a screen reader it is a slider whose value is a byte offset.
import {select} from 'd3-selection';
import {zoom, zoomIdentity} from 'd3-zoom';
import {make} from './dom.js';
import {aboutText, bytesText, hex} from './format.js';
import {PAGE} from './model.js';
import {HEIGHT, paint} from './paint.js';

const TABLE_ROWS = 200;

export class Strip {
  // `on`: {point(node, offset, hover), leave(), zoomed(strip)}.
  constructor(model, node, theme, on) {
    this.model = model;
    this.node = node;
    this.theme = theme;
    this.on = on;
    this.cursor = 0;
    this.view = {from: 0, bytes: node.size, width: 0};
    this.transform = zoomIdentity;
    this.visible = false;
    this.build();
  }

  build() {
    const {node} = this;
    const name = `strip-${node.index}`;
    this.place = make('span', {class: 'window'});
    this.canvas = make('canvas', {'aria-hidden': 'true'});
    this.lane = make('div', {
      class: 'lane', role: 'slider', tabindex: 0, 'aria-labelledby': name,
      'aria-valuemin': 0, 'aria-valuemax': Math.max(0, node.size - 1),
      'aria-valuenow': 0, 'aria-describedby': 'keys',
      onkeydown: (event) => this.key(event),
      onfocus: () => this.on.point(node, this.cursor, false),
      onmousemove: (event) => this.on.point(node, this.offsetAt(event), true),
      onmouseleave: () => this.on.leave(),
      onclick: (event) => {
        this.lane.focus();
        this.moveTo(this.offsetAt(event));
      },
    }, this.canvas);
    const button = (text, label, act) => make(
        'button', {type: 'button', 'aria-label': `${label}: ${node.name}`,
                   title: label, onclick: act}, text);
    this.table = make('details', {ontoggle: () => this.fillTable()},
                      make('summary', {}, `Ranges of ${node.name} as a table`));
    this.element = make(
        'section', {class: 'strip', 'data-node': node.index},
        make('div', {class: 'head'},
             make('h3', {id: name}, node.name),
             make('span', {class: 'soft'}, `${node.text}; ${node.shares_text}`),
             this.place,
             make('span', {class: 'buttons'},
                  button('+', 'zoom in', () => this.zoomBy(4)),
                  button('−', 'zoom out', () => this.zoomBy(1 / 4)),
                  button('whole', 'the whole', () => this.zoomBy(0)))),
        this.lane, this.note(), this.table);
    this.zoom = zoom()
        .filter((event) => event.type === 'wheel' ?
            event.ctrlKey || document.activeElement === this.lane :
            !event.button)
        .on('zoom', (event) => this.zoomed(event));
    select(this.lane).call(this.zoom).on('dblclick.zoom', null);
    // It may be asked for while it is not on the screen.
    new IntersectionObserver(([entry]) => {
      this.visible = entry.isIntersecting;
      this.draw();
    }).observe(this.element);
    new ResizeObserver(() => this.resize()).observe(this.lane);
  }

  // What the strip does not show one by one.
  note() {
    const {node} = this;
    const parts = [];
    const mixed = node.blocks.filter((block) => block.mixed).length;
    if (mixed > 0) {
      parts.push(`${node.all_ranges} ranges, summarised in ` +
                 `${node.blocks.length} parts`);
    }
    if (node.rows.length > 0 && Number(node.all_rows) > node.rows.length) {
      parts.push(`${node.all_rows} rows, summarised in ${node.rows.length}`);
    }
    return make('p', {class: 'soft note'}, parts.join('; '));
  }

  get most() {
    return Math.max(1, this.node.size / PAGE);
  }

  resize() {
    const width = this.lane.clientWidth;
    if (width === 0 || width === this.view.width) return;
    const {from, bytes} = this.view;
    this.view.width = width;
    this.zoom.extent([[0, 0], [width, HEIGHT]])
        .translateExtent([[0, 0], [width, HEIGHT]])
        .scaleExtent([1, this.most]);
    this.setWindow(from, bytes);
  }

  // Shows so many bytes from there on, as near as it gets.
  setWindow(from, bytes) {
    const {size} = this.node;
    if (size === 0 || this.view.width === 0) return;
    bytes = Math.min(Math.max(bytes, PAGE), size);
    from = Math.min(Math.max(from, 0), size - bytes);
    const k = size / bytes;
    const x = -from / size * k * this.view.width;
    select(this.lane).call(this.zoom.transform,
                           zoomIdentity.translate(x, 0).scale(k));
  }

  zoomed({transform, sourceEvent}) {
    const {size} = this.node;
    const {view} = this;
    view.bytes = size / transform.k;
    view.from = Math.min(Math.max(
        -transform.x / transform.k / view.width * size, 0), size - view.bytes);
    this.draw();
    if (sourceEvent) this.on.zoomed(this);
  }

  zoomBy(factor) {
    const {from, bytes} = this.view;
    const {size} = this.node;
    if (factor === 0) {
      this.setWindow(0, size);
    } else {
      const wanted = Math.min(Math.max(bytes / factor, PAGE), size);
      const inside = this.cursor >= from && this.cursor < from + bytes;
      const at = inside ? this.cursor : from + bytes / 2;
      let to = at - (at - from) / bytes * wanted;
      // The page at an edge stays in view, whatever numbers are rounded to.
      if (inside) to = Math.min(Math.max(to, at + PAGE - wanted), at);
      this.setWindow(to, wanted);
    }
    this.on.zoomed(this);
  }

  offsetAt(event) {
    const x = event.clientX - this.canvas.getBoundingClientRect().left;
    const {from, bytes, width} = this.view;
    return this.whole(from + x / width * bytes);
  }

  // Where a page begins.
  whole(offset) {
    const last = Math.max(0, this.node.size - 1);
    return Math.floor(Math.min(Math.max(offset, 0), last) / PAGE) * PAGE;
  }

  moveTo(offset) {
    this.cursor = this.whole(offset);
    const {from, bytes} = this.view;
    if (this.cursor < from || this.cursor >= from + bytes) {
      this.setWindow(this.cursor - bytes / 2, bytes);
      this.on.zoomed(this);
    }
    this.say();
    this.draw();
    this.on.point(this.node, this.cursor, false);
  }

  say() {
    const range = this.model.rangeAt(this.node, this.cursor);
    if (range === undefined) return;
    const what = range.mixed ? 'several kinds' :
        `${this.model.kinds[range.kind].text}, from ${hex(range.start)} on ` +
        bytesText(range.bytes);
    this.lane.setAttribute('aria-valuenow', this.cursor);
    this.lane.setAttribute('aria-valuetext', `${hex(this.cursor)}: ${what}`);
  }

  key(event) {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const {view, cursor, node} = this;
    const step = Math.max(PAGE, view.bytes / 64);
    const range = this.model.rangeAt(node, cursor);
    const next = () => range.start + range.bytes;
    // Back to where this range begins, or to the one before.
    const previous = () => cursor > range.start ? range.start :
        (this.model.rangeAt(node, Math.max(0, range.start - 1)).start);
    const right = () => this.moveTo(event.shiftKey ? next() : cursor + step);
    const left = () => this.moveTo(event.shiftKey ? previous() : cursor - step);
    const act = {
      ArrowRight: right, ArrowUp: right, ArrowLeft: left, ArrowDown: left,
      PageDown: () => this.moveTo(cursor + view.bytes / 2),
      PageUp: () => this.moveTo(cursor - view.bytes / 2),
      Home: () => this.moveTo(0), End: () => this.moveTo(node.size - 1),
      '+': () => this.zoomBy(2), '=': () => this.zoomBy(2),
      '-': () => this.zoomBy(1 / 2), '0': () => this.zoomBy(0),
      Enter: () => {
        this.setWindow(range.start, range.bytes);
        this.on.zoomed(this);
      },
    }[event.key];
    if (act === undefined || range === undefined) return;
    event.preventDefault();
    act();
  }

  draw() {
    if (!this.visible || this.view.width === 0) return;
    const {from, bytes} = this.view;
    this.place.textContent =
        `${hex(this.whole(from))} to ${hex(from + bytes)}, ${aboutText(bytes)}`;
    const cursor = document.activeElement === this.lane || this.marked ?
        this.cursor : undefined;
    paint(this.canvas, this.model, this.node, this.theme(), this.view, cursor);
  }

  // Shows where a byte lies, or nothing.
  mark(offset) {
    if (offset === undefined && !this.marked) return;
    this.marked = offset !== undefined;
    if (this.marked) this.cursor = this.whole(offset);
    this.draw();
  }

  // What is in view, for readers of text.
  fillTable() {
    if (!this.table.open) return;
    const {model, node, view} = this;
    const body = make('tbody');
    let at = Math.floor(view.from);
    const end = Math.min(node.size, view.from + view.bytes);
    let shown = 0;
    for (; at < end && shown < TABLE_ROWS; ++shown) {
      const range = model.rangeAt(node, at);
      const kinds = range.mixed ? range.ranges : [range];
      const what = kinds.map(({kind}) => model.kinds[kind].text);
      const why = kinds.map(({reason}) => reason).filter((r) => r >= 0);
      body.append(make('tr', {},
                       make('td', {}, hex(range.start)),
                       make('td', {}, bytesText(range.bytes)),
                       make('td', {}, [...new Set(what)].join(', ')),
                       make('td', {}, [...new Set(why)].map(
                           (r) => model.reasons[r].text).join('; '))));
      at = range.start + range.bytes;
    }
    const head = ['From', 'Size', 'Page', 'Why no larger'].map(
        (text) => make('th', {scope: 'col'}, text));
    const more = at < end ? `Ranges in view: the first ${shown}.` :
        `Ranges in view: ${shown}.`;
    this.table.replaceChildren(
        this.table.firstChild,
        make('div', {class: 'scroll', tabindex: 0, role: 'region',
                     'aria-label': `Ranges of ${node.name}`},
             make('table', {}, make('caption', {}, more),
                  make('thead', {}, make('tr', {}, ...head)), body)));
  }
}
