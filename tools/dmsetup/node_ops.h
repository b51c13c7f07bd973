// SPDX-License-Identifier: Apache-2.0
//
// NodeOps: what is to be done in /dev/mapper, kept until libdevmapper does it:
// when it would have waited for udev, and at the end.
//
//   ops.Add("home", dev, {});  // home: Stacking NODE_ADD (254,0) 0:6 0660
//   ops.Update();              // home: Processing ..., Created ...
//
// Mirrors: _stack_node_op, _pop_node_ops, _add_dev_node, _rm_dev_node,
// _rename_dev_node, _set_dev_node_read_ahead of libdm/libdm-common.c
// (1.02.185), as they are where udev is disabled.
// Threading: none.
#ifndef DMDAX_TOOLS_DMSETUP_NODE_OPS_H_
#define DMDAX_TOOLS_DMSETUP_NODE_OPS_H_

#include <cstdint>
#include <list>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "block/machine.h"
#include "tools/dmsetup/dm_log.h"

namespace dmdax {

// Where libdevmapper has its nodes.
inline constexpr char kMapperDir[] = "/dev/mapper";

// Owner and mode of a new node: DM_DEVICE_UID, _GID and _MODE.  An emulated
// machine has nobody who could be kept out.
struct NodeOwner {
  uint32_t uid = 0, gid = 6, mode = 0660;
};

// Sectors of read-ahead to set; kAuto leaves it to the kernel.
struct NodeReadAhead {
  static constexpr uint32_t kAuto = UINT32_MAX;
  uint32_t sectors = kAuto;
  bool minimum = false;  // DM_READ_AHEAD_MINIMUM_FLAG: or more
};

class NodeOps {
 public:
  NodeOps(Machine& machine, LibdmLog& log) : machine_(machine), log_(log) {}

  // Names are as the kernel has them.
  void Add(absl::string_view name, DevT dev, const NodeOwner& owner);
  void Remove(absl::string_view name);
  void Rename(absl::string_view old_name, absl::string_view new_name);
  void SetReadAhead(absl::string_view name, DevT dev, NodeReadAhead value);

  // update_devs(): does what has been kept.
  void Update();

  // get_dev_node_read_ahead(): sectors, nothing after saying why not.
  std::optional<uint32_t> ReadAhead(absl::string_view name, DevT dev);

 private:
  enum class Type { kAdd, kDel, kRename, kReadAhead };
  struct Op {
    Type type;
    std::string name;
    std::string old_name = {};
    DevT dev = {};
    NodeOwner owner = {};
    NodeReadAhead read_ahead = {};
  };

  struct Disk {
    BlockDevice* bdev = nullptr;
    bool in_sysfs = false;
  };

  size_t& CountOf(Type type) { return counts_[static_cast<size_t>(type)]; }
  void Push(Op op);
  void Unstack(const Op& op);
  void Log(absl::string_view action, const Op& op);
  void AddNode(const Op& op);
  void RemoveNode(const Op& op);
  void RenameNode(const Op& op);
  void SetReadAheadNow(const Op& op);
  std::string PathOf(absl::string_view name) const;
  bool IsOther(const std::string& path) const;
  Disk OpenDisk(absl::string_view name, DevT dev);

  Machine& machine_;
  LibdmLog& log_;
  std::list<Op> ops_;
  // How many of each type are in ops_ (_count_node_ops).
  size_t counts_[4] = {};
};

}  // namespace dmdax

#endif  // DMDAX_TOOLS_DMSETUP_NODE_OPS_H_
