// SPDX-License-Identifier: Apache-2.0
#include "tools/draw/draw_levels.h"

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

namespace dmdax {
namespace {

void Renumber(const std::vector<size_t>& order, DrawModel* model) {
  std::vector<int> to(order.size());
  std::vector<DrawNode> nodes;
  for (size_t i = 0; i < order.size(); ++i) {
    to[order[i]] = static_cast<int>(i);
    nodes.push_back(std::move(model->nodes[order[i]]));
  }
  const auto renumber = [&](int& node) {
    if (node >= 0) node = to[static_cast<size_t>(node)];
  };
  for (DrawNode& node : nodes) {
    for (DrawRow& row : node.rows) {
      for (DrawRow::Leg& leg : row.legs) renumber(leg.node);
    }
  }
  for (DrawEdge& edge : model->edges) {
    renumber(edge.from);
    renumber(edge.to);
  }
  model->nodes = std::move(nodes);
}

}  // namespace

void SetLevels(DrawModel* model) {
  const size_t nodes = model->nodes.size();
  std::vector<int> height(nodes, 0);
  // Without cycles it settles after as many rounds as there are levels.
  bool moved = true;
  while (moved) {
    moved = false;
    for (const DrawEdge& e : model->edges) {
      int& from = height[static_cast<size_t>(e.from)];
      const int least = height[static_cast<size_t>(e.to)] + 1;
      moved |= from < least;
      from = std::max(from, least);
    }
  }
  const int top = *std::max_element(height.begin(), height.end());
  model->levels = top + 1;
  std::vector<size_t> order(nodes);
  for (size_t i = 0; i < nodes; ++i) {
    model->nodes[i].level = top - height[i];
    order[i] = i;
  }
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return model->nodes[a].level < model->nodes[b].level;
  });
  Renumber(order, model);
}

}  // namespace dmdax
