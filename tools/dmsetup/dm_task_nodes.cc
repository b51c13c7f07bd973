// SPDX-License-Identifier: Apache-2.0
//
// The nodes in /dev/mapper, which libdevmapper makes and removes itself where
// no udev does.
// Mirrors: add_dev_node, rm_dev_node, rename_dev_node of libdm/libdm-common.c
// (1.02.185).
#include <cerrno>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "tools/dmsetup/dm_task.h"

namespace dmdax {

std::string DmTask::NodePath(absl::string_view name) const {
  return absl::StrCat(kMapperDir, "/", name);
}

bool DmTask::AddNode(DevT dev) {
  const std::string node = NodePath(name_);
  Machine& machine = ctx_.ctl.machine();
  if (absl::StatusOr<DevT> at = machine.LookupBdev(node);
      !at.ok() && ErrnoOf(at.status()) == ENOTBLK) {
    return Say(ctx_, absl::StrCat("A non-block device file at '", node,
                                  "' is already present"));
  }
  machine.AddNode(node, dev);
  return true;
}

void DmTask::UpdateNodes() {
  Machine& machine = ctx_.ctl.machine();
  switch (type_) {
    case DmTaskType::kCreate:
      if (ctx_.options.addnodeoncreate) AddNode(dev());
      break;
    case DmTaskType::kMknodes:
      AddNode(dev());
      break;
    case DmTaskType::kResume:
      if (name_.empty()) break;
      if (!ctx_.options.addnodeoncreate) AddNode(dev());
      break;
    case DmTaskType::kRemove:
      // A deferred removal leaves the device, but not the node.
      if (!name_.empty()) machine.RemoveNode(NodePath(name_));
      break;
    case DmTaskType::kRename:
      if ((flags_ & DM_UUID_FLAG) || name_.empty()) break;
      machine.RemoveNode(NodePath(name_));
      machine.AddNode(NodePath(new_name_), dev());
      break;
    case DmTaskType::kRemoveAll:
      for (const auto& [node, node_dev] : machine.Nodes()) {
        if (absl::StartsWith(node, absl::StrCat(kMapperDir, "/")) &&
            ctx_.ctl.FindMinor(node_dev.minor_nr) == nullptr) {
          machine.RemoveNode(node);
        }
      }
      break;
    default:
      break;
  }
}

}  // namespace dmdax
