// SPDX-License-Identifier: Apache-2.0
#include "tools/dmsetup/node_ops.h"

#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/errno_status.h"
#include "block/read_ahead.h"
#include "tools/dmsetup/sysfs.h"

namespace dmdax {

void NodeOps::Add(absl::string_view name, DevT dev, const NodeOwner& owner) {
  Push({.type = Type::kAdd,
        .name = std::string(name),
        .dev = dev,
        .owner = owner});
}

void NodeOps::Remove(absl::string_view name) {
  Push({.type = Type::kDel, .name = std::string(name)});
}

void NodeOps::Rename(absl::string_view old_name, absl::string_view new_name) {
  Push({.type = Type::kRename,
        .name = std::string(new_name),
        .old_name = std::string(old_name)});
}

void NodeOps::SetReadAhead(absl::string_view name, DevT dev,
                           NodeReadAhead value) {
  if (value.sectors == NodeReadAhead::kAuto) return;
  Push({.type = Type::kReadAhead,
        .name = std::string(name),
        .dev = dev,
        .read_ahead = value});
}

void NodeOps::Push(Op op) {
  Unstack(op);
  ++CountOf(op.type);
  ops_.push_back(std::move(op));
  Log("Stacking", ops_.back());
}

// What `op` makes needless.  As in libdevmapper, counts save the search where
// there can be nothing: a command may stack 100,000 of a kind.
void NodeOps::Unstack(const Op& op) {
  if (op.type == Type::kReadAhead) return;
  if (op.type == Type::kAdd && CountOf(Type::kDel) == 0) return;
  for (auto it = ops_.begin(); it != ops_.end();) {
    bool needless = false;
    if (op.type == Type::kDel) {
      if (CountOf(Type::kDel) == ops_.size()) return;
      needless = it->name == op.name;
    } else if (op.type == Type::kAdd) {
      needless = it->type == Type::kDel && it->name == op.name;
    } else if (op.type == Type::kRename) {
      needless = it->name == op.old_name;
    }
    if (!needless) {
      ++it;
      continue;
    }
    Log("Unstacking", *it);
    --CountOf(it->type);
    it = ops_.erase(it);
    if (op.type == Type::kAdd) return;
  }
}

void NodeOps::Log(absl::string_view action, const Op& op) {
  if (!log_.verbose()) return;
  switch (op.type) {
    case Type::kAdd:
      log_.Debug(absl::StrFormat("%s: %s NODE_ADD (%d,%d) %d:%d 0%o", op.name,
                                 action, op.dev.major_nr, op.dev.minor_nr,
                                 op.owner.uid, op.owner.gid, op.owner.mode));
      break;
    case Type::kDel:
      log_.Debug(absl::StrCat(op.name, ": ", action, " NODE_DEL"));
      break;
    case Type::kRename:
      log_.Debug(
          absl::StrCat(op.old_name, ": ", action, " NODE_RENAME to ", op.name));
      break;
    case Type::kReadAhead:
      log_.Debug(absl::StrCat(op.name, ": ", action, " NODE_READ_AHEAD ",
                              op.read_ahead.sectors,
                              " (flags=", op.read_ahead.minimum ? 1 : 0, ")"));
      break;
  }
}

void NodeOps::Update() {
  while (!ops_.empty()) {
    const Op op = std::move(ops_.front());
    ops_.pop_front();
    --CountOf(op.type);
    Log("Processing", op);
    switch (op.type) {
      case Type::kAdd:
        AddNode(op);
        break;
      case Type::kDel:
        RemoveNode(op);
        break;
      case Type::kRename:
        RenameNode(op);
        break;
      case Type::kReadAhead:
        SetReadAheadNow(op);
        break;
    }
  }
}

std::string NodeOps::PathOf(absl::string_view name) const {
  return absl::StrCat(kMapperDir, "/", name);
}

// Whether something other than a block device lies at `path`.
bool NodeOps::IsOther(const std::string& path) const {
  return ErrnoOf(machine_.LookupBdev(path).status()) == ENOTBLK;
}

void NodeOps::AddNode(const Op& op) {
  const std::string path = PathOf(op.name);
  if (IsOther(path)) {
    log_.Error(absl::StrCat("A non-block device file at '", path,
                            "' is already present"));
    return;
  }
  const absl::StatusOr<DevT> there = machine_.LookupBdev(path);
  if (there.ok() && *there == op.dev) return;
  machine_.AddNode(path, op.dev);
  log_.Debug(absl::StrCat("Created ", path));
}

void NodeOps::RemoveNode(const Op& op) {
  const std::string path = PathOf(op.name);
  if (IsOther(path)) {
    log_.Error(
        absl::StrCat("Unable to unlink device node for '", op.name, "'"));
    return;
  }
  if (!machine_.LookupBdev(path).ok()) return;
  machine_.RemoveNode(path);
  log_.Debug(absl::StrCat("Removed ", path));
}

void NodeOps::RenameNode(const Op& op) {
  const std::string from = PathOf(op.old_name), to = PathOf(op.name);
  if (IsOther(to)) {
    log_.Error(absl::StrCat("A non-block device file at '", to,
                            "' is already present"));
    return;
  }
  machine_.RemoveNode(to);
  if (IsOther(from)) {
    log_.Error(absl::StrCat("Unable to rename device node from '", op.old_name,
                            "' to '", op.name, "'"));
    return;
  }
  // One that is not there has been renamed, for all that is known.
  if (const absl::StatusOr<DevT> dev = machine_.LookupBdev(from); dev.ok()) {
    machine_.RemoveNode(from);
    machine_.AddNode(to, *dev);
  }
  log_.Debug(absl::StrCat("Renamed ", from, " to ", to));
}

// The disk that has the file in sysfs, else the one that the node leads to.
NodeOps::Disk NodeOps::OpenDisk(absl::string_view name, DevT dev) {
  if (BlockDevice* bdev = machine_.FindBdev(dev)) return {bdev, true};
  log_.SysDebug(
      "open",
      absl::StrCat("/sys/dev/block/", dev.ToString(), "/bdi/read_ahead_kb"),
      ENOENT);
  if (name.empty()) {
    log_.Error("Empty device name passed to BLKRAGET");
    return {};
  }
  const std::string path = PathOf(name);
  const absl::StatusOr<DevT> there = machine_.LookupBdev(path);
  if (ErrnoOf(there.status()) == ENOTBLK) {
    // It opens, but has nothing to tell.
    log_.Error(absl::StrCat(name, ": BLKRAGET failed: ", ErrnoText(ENOTTY)));
    return {};
  }
  if (there.ok()) {
    if (BlockDevice* bdev = machine_.FindBdev(*there)) return {bdev, false};
  }
  const int err = there.ok() ? ENXIO : ErrnoOf(there.status());
  log_.Error(absl::StrCat(path, ": open failed: ", ErrnoText(err)));
  log_.Backtrace();
  return {};
}

std::optional<uint32_t> NodeOps::ReadAhead(absl::string_view name, DevT dev) {
  const Disk disk = OpenDisk(name, dev);
  if (disk.bdev == nullptr) return std::nullopt;
  const uint32_t sectors = ReadAheadSectors(*disk.bdev);
  log_.Debug(absl::StrCat(
      name, disk.in_sysfs ? absl::StrCat(" (", dev.ToString(), ")") : "",
      ": read ahead is ", sectors));
  return sectors;
}

void NodeOps::SetReadAheadNow(const Op& op) {
  const uint32_t sectors = op.read_ahead.sectors;
  if (op.read_ahead.minimum) {
    const std::optional<uint32_t> current = ReadAhead(op.name, op.dev);
    if (!current) {
      log_.Backtrace();
      return;
    }
    if (*current >= sectors) {
      log_.Debug(absl::StrCat(op.name, ": retaining kernel read ahead of ",
                              *current, " (requested ", sectors, ")"));
      return;
    }
  }
  log_.Debug(absl::StrCat(op.name, " (", op.dev.ToString(),
                          "): Setting read ahead to ", sectors));
  if (BlockDevice* const bdev = machine_.FindBdev(op.dev)) {
    SetReadAheadKb(bdev->queue(), (uint64_t{sectors} + 1) / 2);
  }
}

}  // namespace dmdax
