// SPDX-License-Identifier: Apache-2.0
#include "tools/dmsetup/dev_tree.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "tools/dmsetup/command.h"

namespace dmdax {

size_t DevTree::Find(DevT dev) const {
  const auto it = index_.find(dev);
  return it == index_.end() ? 0 : it->second;
}

const DevTree::Links& DevTree::Children(size_t i, TreeOrder order) const {
  return order == TreeOrder::kUses ? nodes_[i].uses : nodes_[i].used_by;
}

size_t DevTree::NumChildren(size_t i, TreeOrder order) const {
  const bool ends = order == TreeOrder::kUses ? Linked(i, 0) : Linked(0, i);
  return ends ? 0 : Children(i, order).size();
}

void DevTree::Link(size_t parent, size_t child) {
  if (!links_.try_emplace({parent, child}, ++last_link_).second) return;
  nodes_[parent].uses[last_link_] = child;
  nodes_[child].used_by[last_link_] = parent;
}

void DevTree::Unlink(size_t parent, size_t child) {
  const auto it = links_.find({parent, child});
  if (it == links_.end()) return;
  nodes_[parent].uses.erase(it->second);
  nodes_[child].used_by.erase(it->second);
  links_.erase(it);
}

void DevTree::LinkTreeNodes(size_t parent, size_t child) {
  if (parent == 0) {
    // A device that another one uses does not stand at the top.
    if (NumChildren(child, TreeOrder::kUsedBy) > 0) return;
  } else {
    Unlink(0, child);
  }
  Unlink(parent, 0);
  Link(parent, child);
}

// A chain may be longer than the stack of a program is deep.
bool DevTree::Add(DmsetupContext& ctx, DevT dev) {
  std::vector<Half> halves;
  if (!AddOne(ctx, 0, dev, &halves)) return false;
  while (!halves.empty()) {
    Half& half = halves.back();
    if (half.next == half.deps.size()) {
      halves.pop_back();
      continue;
    }
    const DevT below = half.deps[half.next++];
    if (!AddOne(ctx, half.index, below, &halves)) return false;
  }
  return true;
}

bool DevTree::AddOne(DmsetupContext& ctx, size_t parent, DevT dev,
                     std::vector<Half>* halves) {
  if (const size_t known = Find(dev); known != 0) {
    LinkTreeNodes(parent, known);
    return true;
  }
  const size_t index = nodes_.size();
  nodes_.push_back({.dev = dev});
  index_[dev] = index;
  std::vector<DevT> deps;
  if (dev.major_nr == ctx.ctl.major()) {
    DmTask task(ctx, DmTaskType::kDeps);
    task.SetDevNumber(dev);
    if (!task.Run()) {
      Say(ctx,
          absl::StrCat("_deps: task run failed for (", dev.ToString(), ")"));
      return false;
    }
    Node& node = nodes_[index];
    node.name = task.name();
    node.uuid = task.uuid();
    node.exists = true;
    node.io = task.io();
    deps = task.deps();
  }
  LinkTreeNodes(parent, index);
  if (deps.empty()) {
    Link(index, 0);
  } else {
    halves->push_back({.index = index, .deps = std::move(deps)});
  }
  return true;
}

bool BuildWholeTree(DmsetupContext& ctx) {
  if (ctx.tree != nullptr) return true;
  ctx.tree = std::make_shared<DevTree>();
  return ProcessAll(ctx, CommandCall{.verb = "ls"}, false,
                    [](DmsetupContext& c, const CommandCall& each) {
                      const DevT dev = DevT::HugeDecode(each.listed_dev);
                      return c.tree->Add(c, dev);
                    });
}

}  // namespace dmdax
