// SPDX-License-Identifier: Apache-2.0
// Puts the page together.
import {make} from './dom.js';
import {drawGraph} from './graph.js';
import {Model} from './model.js';
import {readTheme} from './paint.js';
import {Panel} from './panel.js';
import {Strip} from './strip.js';

// So many strips are shown at once without being asked for.
const FEW = 12;

class Page {
  constructor(model) {
    this.model = model;
    this.panel = new Panel(model);
    this.graph = drawGraph(model, (node) => this.choose(node));
    this.strips = new Map();
    this.place = undefined;  // that was chosen, and not only hovered over
    document.getElementById('stack').append(this.graph.element);
    document.getElementById('side').append(this.panel.element);
    document.getElementById('kernel').textContent = model.kernel;
    this.notes();
    this.legend();
    this.controls();
    const first = model.nodes.find((node) => node.subject) || model.nodes[0];
    this.choose(first);
    window.dmdax = this;  // for tests and for the curious
  }

  notes() {
    const notes = [];
    if (this.model.left_out > 0) {
      notes.push(`${this.model.left_out} files and devices are left out: there ` +
                 'is no room. Name what to draw.');
    }
    if (this.model.rounded) {
      notes.push('A device is larger than 8 PiB: its offsets are rounded here.');
    }
    document.getElementById('notes').textContent = notes.join(' ');
  }

  legend() {
    const used = new Set();
    for (const node of this.model.nodes) {
      for (const block of node.blocks) {
        for (const range of block.ranges) used.add(range.kind);
      }
    }
    const list = document.getElementById('legend');
    this.model.kinds.forEach((kind, i) => {
      if (!used.has(i)) return;
      list.append(make('li', {}, make('span', {class: `dot ${kind.name}`,
                                               'aria-hidden': 'true'}),
                       kind.text));
    });
  }

  controls() {
    this.all = document.getElementById('all');
    this.all.checked = this.model.nodes.length <= FEW;
    this.all.addEventListener('change', () => this.showStrips());
    this.follow = document.getElementById('follow');
    const root = document.documentElement;
    document.getElementById('theme').addEventListener('click', () => {
      const dark = getComputedStyle(root).colorScheme === 'dark';
      root.dataset.theme = dark ? 'light' : 'dark';
      this.repaint();
    });
    matchMedia('(prefers-color-scheme: dark)').addEventListener(
        'change', () => this.repaint());
  }

  theme() {
    if (this.colours === undefined) this.colours = readTheme(this.model);
    return this.colours;
  }

  repaint() {
    this.colours = undefined;
    for (const strip of this.strips.values()) strip.draw();
  }

  choose(node) {
    this.chosen = node;
    this.related = this.model.related(node.index);
    this.graph.show(node.index, this.related);
    this.showStrips();
    this.point(node, this.strip(node).cursor, false);
  }

  strip(node) {
    if (!this.strips.has(node.index)) {
      this.strips.set(node.index, new Strip(
          this.model, node, () => this.theme(), {
            point: (at, offset, hover) => this.point(at, offset, hover),
            leave: () => this.point(...this.place, false),
            zoomed: (strip) => this.zoomed(strip),
          }));
    }
    return this.strips.get(node.index);
  }

  showStrips() {
    const list = document.getElementById('strips');
    const shown = this.model.nodes.filter(
        (node) => this.all.checked || this.related.has(node.index));
    let level = -1;
    const parts = [];
    for (const node of shown) {
      if (node.level !== level) {
        level = node.level;
        parts.push(make('h2', {class: 'level'},
                        `Level ${level + 1} of ${this.model.levels}`));
      }
      parts.push(this.strip(node).element);
    }
    list.replaceChildren(...parts);
  }

  // Tells of a place, and marks on each strip where it lies.
  point(node, offset, hover) {
    if (!hover) this.place = [node, offset];
    this.panel.show(node, offset);
    const at = new Map(this.model.chain(node, offset).map(
        (step) => [step.node.index, step.offset]));
    for (const [index, strip] of this.strips) {
      // Hovering moves no cursor where one was put.
      if (index === node.index && !hover) {
        strip.marked = true;
        strip.draw();
      } else if (index !== node.index) {
        strip.mark(at.get(index));
      }
    }
  }

  // What lies below goes to where the middle of this strip's window lies.
  zoomed(strip) {
    if (!this.follow.checked) return;
    const {from, bytes} = strip.view;
    const inside = strip.cursor >= from && strip.cursor < from + bytes;
    const middle = inside ? strip.cursor :
        strip.whole(from + bytes / 2);
    const [, ...below] = this.model.chain(strip.node, middle);
    for (const step of below) {
      const other = this.strips.get(step.node.index);
      if (other !== undefined) {
        other.setWindow(step.offset - (middle - from), bytes);
      }
    }
  }
}

new Page(new Model(JSON.parse(document.getElementById('model').textContent)));
