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

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "tools/dmsetup/dm_task.h"

namespace dmdax {

// Along which links: down to what a device uses, or up to its users.
enum class TreeOrder { kUses, kUsedBy };

class DevTree {
 public:
  // Nodes next to one, by when they were linked.
  using Links = std::map<uint64_t, size_t>;
  struct Node {
    DevT dev;
    std::string name, uuid;  // "" for a device that is not mapped
    bool exists = false;     // a mapped device
    DmIoctl io;              // its status
    Links uses, used_by;
  };

  DevTree() : nodes_(1) {}
  // Adds a device and all it stands on.  False after saying why not.
  bool Add(DmsetupContext& ctx, DevT dev);

  const Node& node(size_t i) const { return nodes_[i]; }
  // The index of a device; 0 when it is not there.
  size_t Find(DevT dev) const;
  // What lies next to a node, the root included.
  const Links& Children(size_t i, TreeOrder order) const;
  // How many of them are devices.
  size_t NumChildren(size_t i, TreeOrder order) const;

 private:
  // A device and what it stands on, which is still to be added.
  struct Half {
    size_t index;
    std::vector<DevT> deps;
    size_t next = 0;  // of `deps`
  };
  bool AddOne(DmsetupContext& ctx, size_t parent, DevT dev,
              std::vector<Half>* halves);
  bool Linked(size_t parent, size_t child) const {
    return links_.contains({parent, child});
  }
  void Link(size_t parent, size_t child);
  void Unlink(size_t parent, size_t child);
  void LinkTreeNodes(size_t parent, size_t child);

  std::vector<Node> nodes_;
  absl::flat_hash_map<DevT, size_t> index_;
  // Of parent and child: when they were linked.
  absl::flat_hash_map<std::pair<size_t, size_t>, uint64_t> links_;
  uint64_t last_link_ = 0;
};

// _build_whole_deptree(): makes ctx.tree of all mapped devices, unless it is
// there already.  Even an incomplete tree may be shown.
bool BuildWholeTree(DmsetupContext& ctx);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_DMSETUP_DEV_TREE_H_
