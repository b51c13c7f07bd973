// SPDX-License-Identifier: Apache-2.0
#include "tools/draw/draw_layout.h"

#include <algorithm>

namespace dmdax {
namespace {

using Levels = std::vector<std::vector<size_t>>;

// Puts the nodes of a level next to each other, in the middle.
void Spread(const std::vector<size_t>& level, DrawLayout& layout) {
  double at = (layout.columns - static_cast<double>(level.size())) / 2;
  for (const size_t node : level) layout.column[node] = at++;
}

}  // namespace

DrawLayout LayOut(const DrawModel& model) {
  Levels levels(static_cast<size_t>(model.levels));
  std::vector<std::vector<size_t>> above(model.nodes.size()), below(above);
  for (size_t i = 0; i < model.nodes.size(); ++i) {
    levels[static_cast<size_t>(model.nodes[i].level)].push_back(i);
  }
  for (const DrawEdge& e : model.edges) {
    const auto from = static_cast<size_t>(e.from);
    const auto to = static_cast<size_t>(e.to);
    below[from].push_back(to);
    above[to].push_back(from);
  }
  DrawLayout layout;
  layout.column.resize(model.nodes.size());
  for (const auto& level : levels) {
    layout.columns =
        std::max(layout.columns, static_cast<double>(level.size()));
  }
  for (const auto& level : levels) Spread(level, layout);
  const auto settle = [&](std::vector<size_t>& level, const Levels& others) {
    std::vector<double> middle = layout.column;
    for (const size_t node : level) {
      if (others[node].empty()) continue;
      double sum = 0;
      for (const size_t other : others[node]) sum += layout.column[other];
      middle[node] = sum / static_cast<double>(others[node].size());
    }
    std::stable_sort(level.begin(), level.end(),
                     [&](size_t a, size_t b) { return middle[a] < middle[b]; });
    Spread(level, layout);
  };
  constexpr int kRounds = 4;
  for (int round = 0; round < kRounds; ++round) {
    for (auto& level : levels) settle(level, above);
    for (size_t i = levels.size(); i > 0; --i) settle(levels[i - 1], below);
  }
  return layout;
}

}  // namespace dmdax
