// SPDX-License-Identifier: Apache-2.0
#include "tools/dmsetup/dev_tree.h"

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "tools/dmsetup/command.h"

namespace dmdax {

size_t DevTree::Find(DevT dev) const {
  for (size_t i = 1; i < nodes_.size(); ++i) {
    if (nodes_[i].dev == dev) return i;
  }
  return 0;
}

const std::vector<size_t>& DevTree::Children(size_t i, TreeOrder order) const {
  return order == TreeOrder::kUses ? nodes_[i].uses : nodes_[i].used_by;
}

size_t DevTree::NumChildren(size_t i, TreeOrder order) const {
  const bool ends = order == TreeOrder::kUses ? Linked(i, 0) : Linked(0, i);
  return ends ? 0 : Children(i, order).size();
}

bool DevTree::Linked(size_t parent, size_t child) const {
  return absl::c_linear_search(nodes_[parent].uses, child);
}

void DevTree::Link(size_t parent, size_t child) {
  if (Linked(parent, child)) return;
  nodes_[parent].uses.push_back(child);
  nodes_[child].used_by.push_back(parent);
}

void DevTree::Unlink(size_t parent, size_t child) {
  std::erase(nodes_[parent].uses, child);
  std::erase(nodes_[child].used_by, parent);
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

bool DevTree::Add(DmsetupContext& ctx, size_t parent, DevT dev) {
  if (const size_t known = Find(dev); known != 0) {
    LinkTreeNodes(parent, known);
    return true;
  }
  const size_t index = nodes_.size();
  nodes_.push_back({.dev = dev});
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
    return true;
  }
  for (const DevT& below : deps) {
    if (!Add(ctx, index, below)) return false;
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
