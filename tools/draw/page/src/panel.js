// SPDX-License-Identifier: Apache-2.0
// The words: what a place gets, why, the way down, and what to type.
import {make} from './dom.js';
import {bytesText, hex} from './format.js';
import {PAGE} from './model.js';

function cureOf(model, reason) {
  if (reason.cure < 0) return [];
  const cure = model.cures[reason.cure];
  const parts = [make('p', {class: 'label'}, 'Cure')];
  if (cure.commands.length > 0) {
    parts.push(make('pre', {}, ...cure.commands.map(
        (command) => make('code', {}, command))));
  }
  if (cure.remark) parts.push(make('p', {}, cure.remark));
  if (cure.after) parts.push(make('p', {}, `Then: ${cure.after}`));
  if (cure.untried) parts.push(make('p', {}, `Not tried: ${cure.untried}`));
  return parts;
}

function reasonOf(model, index) {
  const reason = model.reasons[index];
  const parts = [make('p', {class: 'why'}, make('strong', {}, reason.name),
                      `: ${reason.text}`)];
  if (reason.level && !reason.text.includes(reason.level)) {
    parts.push(make('p', {class: 'soft'}, `Level: ${reason.level}`));
  }
  return [...parts, ...cureOf(model, reason)];
}

function verdict(model, node, offset) {
  const range = model.rangeAt(node, offset);
  if (range === undefined) return [make('p', {}, 'No bytes.')];
  if (range.mixed) {
    const shares = range.ranges.map((part) => make(
        'li', {}, `${model.kinds[part.kind].text}: ${bytesText(part.bytes)}`));
    const reasons = new Set(range.ranges.map((part) => part.reason));
    reasons.delete(-1);
    return [
      make('p', {}, `In ${bytesText(range.bytes)} from ${hex(range.start)} on ` +
           'there are:'),
      make('ul', {}, ...shares),
      ...[...reasons].slice(0, 3).flatMap((r) => reasonOf(model, r)),
    ];
  }
  const kind = model.kinds[range.kind];
  return [
    make('p', {class: 'verdict'},
         make('span', {class: `dot ${kind.name}`, 'aria-hidden': 'true'}),
         `${kind.text}: ${bytesText(range.bytes)} from ${hex(range.start)} on`),
    ...(range.reason >= 0 ? reasonOf(model, range.reason) : []),
  ];
}

function stepText(step) {
  const parts = [`${step.node.name} at ${hex(step.offset)}`];
  if (step.row) {
    const {row} = step;
    const chunk = row.chunk ? `, chunks of ${bytesText(row.chunk)}` : '';
    parts.push(row.rows > 1 ? `one of ${row.rows} rows (${row.what})` :
        `${row.what} [${hex(row.start)} +${bytesText(row.bytes)}]${chunk}`);
    if (!row.exact || row.rows > 1) parts.push('from here on not told');
  }
  if (step.phys !== undefined) {
    parts.push(`physical ${hex(step.phys)}, page frame ` +
               hex(step.phys / PAGE));
  }
  return parts.join(': ');
}

export class Panel {
  constructor(model) {
    this.model = model;
    this.element = make('aside', {id: 'panel', 'aria-label': 'Details',
                                  tabindex: 0});
  }

  show(node, offset) {
    const {model} = this;
    const steps = model.chain(node, offset).map((step) => make(
        'li', {'data-node': step.node.index, 'data-offset': step.offset,
               ...(step.phys === undefined ? {} : {'data-phys': step.phys})},
        stepText(step)));
    const parts = [
      make('h2', {}, `${node.name} at ${hex(offset)}`),
      make('p', {class: 'soft'},
           [node.text, node.detail].filter((text) => text).join('; ')),
      ...verdict(model, node, offset),
      make('h3', {}, 'Where it lies'), make('ol', {}, ...steps),
    ];
    if (node.not_known.length > 0) {
      parts.push(make('h3', {}, 'Not known'), make(
          'ul', {}, ...node.not_known.map((what) => make('li', {}, what))));
    }
    if (node.subject && node.size > 0) {
      parts.push(make('h3', {}, `All that keeps ${node.name} from 2 MiB pages`));
      const list = node.obstacles.map(
          (reason) => make('li', {}, ...reasonOf(model, reason)));
      parts.push(list.length > 0 ? make('ol', {}, ...list) :
          make('p', {}, node.holds ? 'Nothing: all of it gets them.' :
              node.not_known.length > 0 ? 'With what was taken, nothing.' :
              'Nothing that dmdax check knows of.'));
    }
    this.element.replaceChildren(...parts);
  }
}
