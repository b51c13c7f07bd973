// SPDX-License-Identifier: Apache-2.0
// A strip on its canvas: what bytes get, where they land, what lands there.
import {PAGE} from './model.js';
import {bytesText, hex} from './format.js';

export const HEIGHT = 92;
const LANES = {kinds: [0, 24], rows: [30, 18], landings: [52, 12]};
const AXIS = 70;

// So that kinds are told apart without colours.
const HATCH = {
  pte: (c) => { c.moveTo(0, 8); c.lineTo(8, 0); },
  tail: (c) => { c.moveTo(0, 0); c.lineTo(8, 8); },
  hole: (c) => { c.rect(3, 3, 1, 1); },
  signal: (c) => {
    c.moveTo(0, 8); c.lineTo(8, 0); c.moveTo(0, 0); c.lineTo(8, 8);
  },
  not_dax: (c) => { c.moveTo(4, 0); c.lineTo(4, 8); },
  not_asked: (c) => { c.moveTo(0, 4); c.lineTo(8, 4); },
};

export function readTheme(model) {
  const style = getComputedStyle(document.documentElement);
  const theme = {ink: style.getPropertyValue('--ink'),
                 soft: style.getPropertyValue('--soft'),
                 line: style.getPropertyValue('--line'),
                 piece: style.getPropertyValue('--piece'),
                 odd: style.getPropertyValue('--piece-odd'),
                 onPiece: style.getPropertyValue('--on-piece'), kinds: []};
  for (const {name} of model.kinds) {
    const tile = document.createElement('canvas');
    tile.width = tile.height = 8;
    const c = tile.getContext('2d');
    if (HATCH[name]) {
      c.strokeStyle = 'rgba(0, 0, 0, .45)';
      c.beginPath();
      HATCH[name](c);
      c.stroke();
    }
    theme.kinds.push({colour: style.getPropertyValue(`--${name}`),
                      hatch: c.createPattern(tile, 'repeat')});
  }
  return theme;
}

function fillKind(c, kind, x, y, w, h) {
  c.fillStyle = kind.colour;
  c.fillRect(x, y, w, h);
  c.fillStyle = kind.hatch;
  c.fillRect(x, y, w, h);
}

// A column in which several kinds lie is divided, and each is seen.
function fillColumn(c, theme, kinds, x, w) {
  const [top, high] = LANES.kinds;
  const there = [];
  let sum = 0;
  kinds.forEach((bytes, kind) => {
    if (bytes <= 0.5) return;
    there.push(kind);
    sum += bytes;
  });
  let at = 0;
  there.forEach((kind, i) => {
    const more = there.length - 1 - i;
    const h = more === 0 ? high - at :
        Math.min(Math.max(kinds[kind] / sum * high, 3), high - at - 3 * more);
    fillKind(c, theme.kinds[kind], x, top + at, w, h);
    at += h;
  });
}

function paintKinds(c, model, node, theme, view) {
  const byPixel = view.bytes / view.width;
  // The same single kind, column by column, is painted at once.
  let from = 0;
  let last;
  const flush = (x) => {
    if (last !== undefined) fillColumn(c, theme, last.kinds, from, x - from);
  };
  for (let x = 0; x < view.width; ++x) {
    const a = view.from + x * byPixel;
    const kinds = model.kindsBetween(node, a, Math.min(a + byPixel, node.size));
    let only = -1;
    kinds.forEach((bytes, kind) => {
      if (bytes > 0.5 * Math.min(1, byPixel)) only = only === -1 ? kind : -2;
    });
    if (last !== undefined && only >= 0 && only === last.only) continue;
    flush(x);
    last = {only, kinds};
    from = x;
  }
  flush(view.width);
}

function label(c, theme, text, x, w, y, colour) {
  const left = Math.max(x, 0) + 4;
  const room = x + w - left - 4;
  if (room < 24) return;
  c.fillStyle = colour;
  let shown = text;
  while (shown.length > 2 && c.measureText(shown).width > room) {
    shown = shown.slice(0, Math.max(1, Math.floor(shown.length * 0.8) - 1)) +
        '…';
  }
  if (c.measureText(shown).width <= room) c.fillText(shown, left, y);
}

// Boxes by their start; those too narrow to be told apart are one.
function paintBoxes(c, theme, lane, view, boxes) {
  const [y, h] = lane;
  let odd = false;
  let narrow;
  const flush = () => {
    if (narrow === undefined) return;
    c.fillStyle = theme.odd;
    c.fillRect(narrow.x, y, Math.max(narrow.end - narrow.x, 0.5), h);
    narrow = undefined;
  };
  for (const box of boxes) {
    const x = (box.start - view.from) / view.bytes * view.width;
    const w = box.bytes / view.bytes * view.width;
    const left = Math.max(x, 0);
    const right = Math.min(x + w, view.width);
    if (right < left) continue;
    if (w < 1) {
      if (narrow !== undefined && left - narrow.end < 1) {
        narrow.end = Math.max(narrow.end, right);
      } else {
        flush();
        narrow = {x: left, end: right};
      }
      continue;
    }
    flush();
    odd = box.odd === undefined ? !odd : box.odd;
    c.fillStyle = odd ? theme.odd : theme.piece;
    c.fillRect(left, y, right - left - (w > 4 ? 1 : 0), h);
    label(c, theme, box.text(), x, Math.min(w, view.width - x), y + h / 2 + 4,
          theme.onPiece);
  }
  flush();
}

function legText(model, leg, offset) {
  const name = leg.node < 0 ? 'left out' : model.nodes[leg.node].name;
  return `→ ${name} +${bytesText(offset)}`;
}

function rowText(model, row) {
  if (row.rows > 1) return `${row.rows} rows: ${row.what}`;
  if (row.legs.length === 0) return row.what;
  if (row.exact && row.chunk === 0) {
    return `${row.what} ${legText(model, row.legs[0], row.legs[0].start)}`;
  }
  const names = row.legs.slice(0, 4).map(
      (leg) => leg.node < 0 ? 'left out' : model.nodes[leg.node].name);
  const more = row.legs.length > 4 ? ', …' : '';
  const chunk = row.chunk === 0 ? '' : ` ${bytesText(row.chunk)} chunks`;
  return `${row.what}${chunk} → ${names.join(', ')}${more}`;
}

// The chunks of a stripe that are in view, if they are wide enough.
function chunkBoxes(model, row, view) {
  if (row.chunk === 0 || row.chunk / view.bytes * view.width < 4) return [];
  const first = Math.max(0, Math.floor((view.from - row.start) / row.chunk));
  const last = Math.min(row.bytes / row.chunk,
                        (view.from + view.bytes - row.start) / row.chunk);
  const boxes = [];
  for (let i = first; i < last; ++i) {
    const leg = row.legs[i % row.legs.length];
    const offset = leg.start + Math.floor(i / row.legs.length) * row.chunk;
    boxes.push({start: row.start + i * row.chunk, bytes: row.chunk,
                odd: i % 2 === 1, text: () => legText(model, leg, offset)});
  }
  return boxes;
}

function inView(list, view) {
  const end = view.from + view.bytes;
  return list.filter((i) => i.start < end && i.start + i.bytes > view.from);
}

function paintRows(c, model, node, theme, view) {
  const boxes = [];
  for (const row of inView(node.rows, view)) {
    const chunks = chunkBoxes(model, row, view);
    if (chunks.length > 0) {
      boxes.push(...chunks);
    } else {
      boxes.push({start: row.start, bytes: row.bytes,
                  text: () => rowText(model, row)});
    }
  }
  paintBoxes(c, theme, LANES.rows, view, boxes);
}

function paintLandings(c, model, node, theme, view) {
  c.font = '10px system-ui, sans-serif';
  paintBoxes(c, theme, LANES.landings, view,
             inView(node.landings, view).map((landing) => ({
               ...landing,
               text: () => `used by ${model.nodes[landing.from].name}`,
             })));
}

function paintAxis(c, theme, node, view) {
  const room = Math.max(2, Math.floor(view.width / 130));
  const step = Math.max(PAGE, 2 ** Math.ceil(Math.log2(view.bytes / room)));
  c.font = '11px ui-monospace, monospace';
  c.strokeStyle = theme.line;
  c.fillStyle = theme.soft;
  c.beginPath();
  for (let at = Math.ceil(view.from / step) * step; at <= view.from + view.bytes;
       at += step) {
    const x = (at - view.from) / view.bytes * view.width;
    c.moveTo(Math.round(x) + 0.5, AXIS - 3);
    c.lineTo(Math.round(x) + 0.5, AXIS + 3);
    const text = hex(at);
    if (x + c.measureText(text).width + 4 < view.width) {
      c.fillText(text, x + 4, AXIS + 14);
    }
  }
  // Pages, once they are wide enough.
  if (PAGE / view.bytes * view.width >= 6) {
    for (let at = Math.ceil(view.from / PAGE) * PAGE;
         at <= view.from + view.bytes; at += PAGE) {
      const x = Math.round((at - view.from) / view.bytes * view.width) + 0.5;
      c.moveTo(x, LANES.kinds[0]);
      c.lineTo(x, LANES.kinds[1]);
    }
  }
  c.stroke();
}

function paintCursor(c, theme, view, offset) {
  const x = (offset - view.from) / view.bytes * view.width;
  if (x < 0 || x > view.width) return;
  c.fillStyle = theme.ink;
  c.fillRect(Math.round(x) - 1, 0, 2, AXIS);
  c.beginPath();
  c.moveTo(x - 5, AXIS + 4);
  c.lineTo(x + 5, AXIS + 4);
  c.lineTo(x, AXIS - 3);
  c.fill();
}

// `view`: {from, bytes, width}; `cursor`: a byte offset, or undefined.
export function paint(canvas, model, node, theme, view, cursor) {
  const scale = window.devicePixelRatio || 1;
  canvas.width = Math.round(view.width * scale);
  canvas.height = HEIGHT * scale;
  canvas.style.height = `${HEIGHT}px`;
  const c = canvas.getContext('2d');
  c.scale(scale, scale);
  if (node.size === 0) return;
  c.font = '11px system-ui, sans-serif';
  paintKinds(c, model, node, theme, view);
  paintRows(c, model, node, theme, view);
  paintLandings(c, model, node, theme, view);
  paintAxis(c, theme, node, view);
  if (cursor !== undefined) paintCursor(c, theme, view, cursor);
}

