// SPDX-License-Identifier: Apache-2.0
//
// The device nodes of a Machine.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "block/machine.h"

namespace dmdax {

void Machine::SetNode(std::string path, DevT dev) {
  changed_.Node(path);
  nodes_[std::move(path)] = dev;
}

void Machine::AddNode(absl::string_view path, DevT dev) {
  absl::MutexLock lock(&mu_);
  if (!nodes_.contains(path)) Need(AbsentObjects::By::kNode, path);
  SetNode(std::string(path), dev);
}

void Machine::AddCharNode(absl::string_view path) {
  absl::MutexLock lock(&mu_);
  char_nodes_.emplace(path);
}

void Machine::RemoveNode(absl::string_view path) {
  absl::MutexLock lock(&mu_);
  if (auto it = nodes_.find(path); it != nodes_.end()) {
    changed_.Node(path);
    nodes_.erase(it);
  } else {
    Need(AbsentObjects::By::kNode, path);
  }
}

std::optional<DevT> Machine::LoadedNode(absl::string_view path) const {
  absl::MutexLock lock(&mu_);
  const auto it = nodes_.find(path);
  return it == nodes_.end() ? std::nullopt : std::optional<DevT>(it->second);
}

std::map<std::string, DevT> Machine::Nodes() const {
  NeedAll();
  return LoadedNodes();
}

std::map<std::string, DevT> Machine::LoadedNodes() const {
  absl::MutexLock lock(&mu_);
  return {nodes_.begin(), nodes_.end()};
}

std::vector<std::string> Machine::NodesOf(DevT dev) const {
  // With a device come its nodes.
  if (absent_ != nullptr) Need(AbsentObjects::By::kDev, dev.ToString());
  absl::MutexLock lock(&mu_);
  std::vector<std::string> paths;
  for (const auto& [path, node_dev] : nodes_) {
    if (node_dev == dev) paths.push_back(path);
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

}  // namespace dmdax
