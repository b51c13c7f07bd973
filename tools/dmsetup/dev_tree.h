// SPDX-License-Identifier: Apache-2.0
//
// DevTree: which devices stand on which, in the order of libdevmapper's
// dependency tree.
//
// Node 0 is the root.  It is above the devices on which no other stands, and
// below those that stand on no other.
//
// Mirrors: dm_tree_add_dev, dm_tree_next_child, dm_tree_node_num_children of
// libdm/libdm-deptree.c (1.02.185).
#ifndef DMDAX_TOOLS_DMSETUP_DEV_TREE_H_
#define DMDAX_TOOLS_DMSETUP_DEV_TREE_H_

#include <string>
#include <vector>

#include "tools/dmsetup/dm_task.h"

namespace dmdax {

// Along which links: down to what a device uses, or up to its users.
enum class TreeOrder { kUses, kUsedBy };

class DevTree {
 public:
  struct Node {
    DevT dev;
    std::string name, uuid;  // "" for a device that is not mapped
    bool exists = false;     // a mapped device
    DmIoctl io;              // its status
    std::vector<size_t> uses, used_by;
  };

  DevTree() : nodes_(1) {}
  // Adds a device and all it stands on.  False after saying why not.
  bool Add(DmsetupContext& ctx, DevT dev) { return Add(ctx, 0, dev); }

  const Node& node(size_t i) const { return nodes_[i]; }
  // The index of a device; 0 when it is not there.
  size_t Find(DevT dev) const;
  // What lies next to a node, the root included.
  const std::vector<size_t>& Children(size_t i, TreeOrder order) const;
  // How many of them are devices.
  size_t NumChildren(size_t i, TreeOrder order) const;

 private:
  bool Add(DmsetupContext& ctx, size_t parent, DevT dev);
  bool Linked(size_t parent, size_t child) const;
  void Link(size_t parent, size_t child);
  void Unlink(size_t parent, size_t child);
  void LinkTreeNodes(size_t parent, size_t child);

  std::vector<Node> nodes_;
};

// _build_whole_deptree(): makes ctx.tree of all mapped devices, unless it is
// there already.  Even an incomplete tree may be shown.
bool BuildWholeTree(DmsetupContext& ctx);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_DMSETUP_DEV_TREE_H_
