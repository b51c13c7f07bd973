// SPDX-License-Identifier: Apache-2.0
// The stack as a layered graph.
import dagre from '@dagrejs/dagre';
import {svg} from './dom.js';

const WIDTH = 230;
const HEIGHT = 74;
const BAR = WIDTH - 20;

function short(text, most) {
  const chars = [...text];
  return chars.length <= most ? text : chars.slice(0, most - 1).join('') + '…';
}

function layOut(model) {
  const graph = new dagre.graphlib.Graph();
  graph.setGraph({rankdir: 'TB', nodesep: 24, ranksep: 34, marginx: 8,
                  marginy: 8});
  graph.setDefaultEdgeLabel(() => ({}));
  model.nodes.forEach((node, i) => {
    graph.setNode(String(i), {width: WIDTH, height: HEIGHT});
  });
  for (const edge of model.edges) {
    const levels = model.nodes[edge.to].level - model.nodes[edge.from].level;
    graph.setEdge(String(edge.from), String(edge.to),
                  {minlen: Math.max(1, levels), width: 60, height: 16,
                   labelpos: 'c', edge});
  }
  dagre.layout(graph);
  return graph;
}

// How much of the node gets what, as a bar.
function bar(model, node) {
  const group = svg('g', {});
  let x = 10;
  const kinds = model.kindsBetween(node, 0, node.size);
  kinds.forEach((bytes, kind) => {
    if (bytes <= 0) return;
    const width = Math.max(2, bytes / node.size * BAR);
    group.append(svg('rect', {class: `fill-${model.kinds[kind].name}`, x,
                              y: HEIGHT - 16, height: 8,
                              width: Math.max(0, Math.min(
                                  width, BAR + 10 - x))}));
    x += width;
  });
  group.append(svg('rect', {class: 'frame', x: 10, y: HEIGHT - 16, width: BAR,
                            height: 8}));
  return group;
}

function drawEdge(label) {
  const path = label.points.map(
      (p, i) => `${i === 0 ? 'M' : 'L'}${p.x} ${p.y}`).join('');
  return svg('path', {class: 'edge', d: path});
}

function drawLabel(label) {
  const times = Number(label.edge.rows) > 1 ? ` × ${label.edge.rows}` : '';
  return svg('text', {class: 'edge-label', x: label.x, y: label.y + 4},
             short(label.edge.what + times, 30));
}

function drawNode(model, node, place, choose) {
  const group = svg('g', {
    class: node.subject ? 'node subject' : 'node', role: 'button', tabindex: 0,
    'aria-pressed': 'false', 'data-node': node.index,
    transform: `translate(${place.x - WIDTH / 2} ${place.y - HEIGHT / 2})`,
    onclick: () => choose(node),
    onkeydown: (event) => {
      if (event.key !== 'Enter' && event.key !== ' ') return;
      event.preventDefault();
      choose(node);
    },
  });
  group.append(svg('title', {},
                   [node.name, node.text, node.shares_text].join(', ')),
               svg('rect', {class: 'box', width: WIDTH, height: HEIGHT, rx: 6}),
               svg('text', {class: 'name', x: 10, y: 20}, short(node.name, 27)),
               svg('text', {class: 'soft', x: 10, y: 36}, short(node.text, 36)),
               svg('text', {class: 'soft', x: 10, y: 51},
                   short(node.shares_text, 36)),
               bar(model, node));
  return group;
}

// `choose(node)` is called for a node that is clicked, or entered by key.
export function drawGraph(model, choose) {
  const graph = layOut(model);
  const {width, height} = graph.graph();
  const picture = svg('svg', {width, height, viewBox: `0 0 ${width} ${height}`,
                              role: 'group', 'aria-label': 'Stack'});
  // What is a little too wide is shrunk, the rest is scrolled.
  if (width < 1500) picture.classList.add('fits');
  const edges = graph.edges().map((id) => graph.edge(id));
  picture.append(...edges.map(drawEdge), ...edges.map(drawLabel));
  const groups = model.nodes.map((node, i) => drawNode(
      model, node, graph.node(String(i)), choose));
  picture.append(...groups);
  return {
    element: picture,
    show(index, related) {
      groups.forEach((group, i) => {
        group.setAttribute('aria-pressed', String(i === index));
        group.classList.toggle('faded', !related.has(i));
      });
      const {parentElement: frame} = picture;
      const shrunk = picture.clientWidth / width || 1;
      const {x, y} = graph.node(String(index));
      frame.scrollTo(x * shrunk - frame.clientWidth / 2,
                     y * shrunk - frame.clientHeight / 2);
    },
  };
}
