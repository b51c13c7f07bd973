// SPDX-License-Identifier: Apache-2.0
// The model as `dmdax --json draw` prints it, with what questions need.

export const PAGE = 4096;

// The last of `list`, whose items have a `start`, that starts at or before
// `offset`.
function lastAt(list, offset) {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (list[middle].start <= offset) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low - 1;
}

// Adds what the first bytes of a block get.
function addInside(block, bytes, sum) {
  const add = (list, times) => {
    for (let i = 0; i < sum.length; ++i) sum[i] += list[i] * times;
  };
  if (block.mixed) return add(block.turn, bytes / block.bytes);
  const turns = Math.floor(bytes / block.repeat);
  add(block.turn, turns);
  const rest = bytes - turns * block.repeat;
  const range = block.ranges[lastAt(block.ranges, rest)];
  add(range.before, 1);
  sum[range.kind] += rest - range.start;
}

function readBlocks(node, kinds) {
  let start = 0;
  const sum = new Float64Array(kinds);  // of all blocks before
  return node.blocks.map(([bytes, repeat, mixed, list]) => {
    const block = {
      start, bytes: Number(bytes), repeat: Number(repeat), mixed: !!mixed,
      before: sum.slice(), turn: new Float64Array(kinds), ranges: [],
    };
    let at = 0;
    for (const [size, kind, reason] of list) {
      const range = {start: at, bytes: Number(size), kind, reason};
      range.before = block.turn.slice();
      block.turn[kind] += range.bytes;
      block.ranges.push(range);
      at += range.bytes;
    }
    addInside(block, block.bytes, sum);
    start += block.bytes;
    return block;
  });
}

function readRows(node) {
  return node.rows.map(([start, bytes, what, chunk, exact, rows, legs]) => ({
    start: Number(start), bytes: Number(bytes), what, chunk: Number(chunk),
    exact: !!exact, rows: Number(rows),
    legs: legs.map(([to, at, size]) => (
        {node: to, start: Number(at), bytes: Number(size)})),
  }));
}

export class Model {
  constructor(json) {
    Object.assign(this, json);
    this.nodes = json.nodes.map((node, index) => ({
      ...node, index, size: Number(node.size),
      blocks: readBlocks(node, json.kinds.length), rows: readRows(node),
      memory: node.memory.map(([start, bytes, phys]) => (
          {start: Number(start), bytes: Number(bytes), phys: Number(phys)})),
      landings: [],
    }));
    for (const node of this.nodes) {
      for (const row of node.rows) {
        for (const leg of row.legs) {
          if (leg.node < 0) continue;
          this.nodes[leg.node].landings.push(
              {start: leg.start, bytes: leg.bytes, from: node.index});
        }
      }
    }
    for (const node of this.nodes) {
      node.landings.sort((a, b) => a.start - b.start);
    }
    this.rounded = this.nodes.some(
        (node) => node.size > Number.MAX_SAFE_INTEGER);
  }

  // Bytes of [0, offset) by kind.
  before(node, offset) {
    const block = node.blocks[lastAt(node.blocks, offset)];
    const sum = new Float64Array(this.kinds.length);
    if (block === undefined) return sum;
    sum.set(block.before);
    addInside(block, Math.min(offset - block.start, block.bytes), sum);
    return sum;
  }

  kindsBetween(node, from, to) {
    const sum = this.before(node, to);
    this.before(node, from).forEach((bytes, i) => { sum[i] -= bytes; });
    return sum;
  }

  // What the byte at `offset` gets: a range, or a mixed block, which says only
  // how much of each there is around.
  rangeAt(node, offset) {
    const block = node.blocks[lastAt(node.blocks, offset)];
    if (block === undefined) return undefined;
    if (block.mixed) return block;
    const inside = offset - block.start;
    const turn = Math.floor(inside / block.repeat) * block.repeat;
    const range = block.ranges[lastAt(block.ranges, inside - turn)];
    const start = block.start + turn + range.start;
    return {
      start, bytes: Math.min(range.bytes, block.start + block.bytes - start),
      kind: range.kind, reason: range.reason,
    };
  }

  rowAt(node, offset) {
    const row = node.rows[lastAt(node.rows, offset)];
    return row && offset < row.start + row.bytes ? row : undefined;
  }

  // Where a byte lies on what is below: {row, node, offset}, without a node
  // where nobody can tell; or undefined at the bottom.
  below(node, offset) {
    const row = this.rowAt(node, offset);
    if (row === undefined) return undefined;
    if (!row.exact || row.rows > 1 || row.legs.length === 0) return {row};
    let inside = offset - row.start;
    let leg = row.legs[0];
    if (row.chunk !== 0) {
      const chunk = Math.floor(inside / row.chunk);
      leg = row.legs[chunk % row.legs.length];
      inside = Math.floor(chunk / row.legs.length) * row.chunk +
          inside % row.chunk;
    }
    if (leg.node < 0) return {row};
    return {row, node: this.nodes[leg.node], offset: leg.start + inside};
  }

  physical(node, offset) {
    const memory = node.memory[lastAt(node.memory, offset)];
    if (memory === undefined || offset >= memory.start + memory.bytes) {
      return undefined;
    }
    return memory.phys + offset - memory.start;
  }

  // The way of a byte down to the memory: [{node, offset, row, phys}].
  chain(node, offset) {
    const steps = [];
    while (node !== undefined) {
      const next = this.below(node, offset);
      steps.push({node, offset, row: next && next.row,
                  phys: this.physical(node, offset)});
      node = next && next.node;
      offset = next && next.offset;
    }
    return steps;
  }

  // The node, all that is below it and all that stands on it.
  related(index) {
    const found = new Set([index]);
    const walk = (from, to) => {
      const left = [index];
      while (left.length > 0) {
        const at = left.pop();
        for (const edge of this.edges) {
          if (edge[from] !== at || found.has(edge[to])) continue;
          found.add(edge[to]);
          left.push(edge[to]);
        }
      }
    };
    walk('from', 'to');
    walk('to', 'from');
    return found;
  }
}
