// SPDX-License-Identifier: Apache-2.0
//
// Who a task is about: names, paths, uuids and numbers, and what is wrong
// with them.
#include <algorithm>
#include <cerrno>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "tools/dmsetup/dm_task.h"

namespace dmdax {

std::optional<std::string> DmTask::MangleOrSay(absl::string_view s,
                                               absl::string_view what,
                                               size_t max, MangleMode mode,
                                               absl::string_view failed) {
  absl::StatusOr<std::string> mangled = Mangle(s, what, max, mode);
  if (mangled.ok()) return *std::move(mangled);
  Say(ctx_, mangled.status().message());
  if (!absl::StrContains(mangled.status().message(), "more than once")) {
    // Only of those in use already does the sentence end in a full stop.
    Say(ctx_, absl::StrCat("Failed to mangle ", failed, s,
                           absl::StartsWith(what, "new") ? "\"" : "\"."));
  }
  return std::nullopt;
}

bool DmTask::SetPlainName(absl::string_view name, MangleMode mode) {
  if (name.size() > DmCtl::kNameLen) {
    return Say(ctx_, absl::StrCat("Name \"", name, "\" too long."));
  }
  std::optional<std::string> mangled =
      MangleOrSay(name, "name", DmCtl::kNameLen, mode, "device name \"");
  if (!mangled) return false;
  name_ = *std::move(mangled);
  return true;
}

bool DmTask::SetNameFromPath(const std::string& path) {
  Machine& machine = ctx_.ctl.machine();
  const std::string base = path.substr(path.rfind('/') + 1);
  if (type_ == DmTaskType::kCreate) {
    return Say(ctx_,
               absl::StrCat("Name \"", path, "\" invalid. It contains \"/\"."));
  }
  // The control node is no device, but it has its own name.
  if (path == "/dev/mapper/control") {
    return SetPlainName(base, MangleMode::kNone);
  }
  absl::StatusOr<DevT> dev = machine.LookupBdev(path);
  if (!dev.ok() && ErrnoOf(dev.status()) == ENOTBLK) {
    return Say(ctx_, absl::StrCat("Device ", base, " not found"));
  }
  // "vg/lv" is tried under /dev.
  if (!dev.ok() && path.size() >= 3 && path[0] != '/' &&
      std::count(path.begin(), path.end(), '/') == 1) {
    dev = machine.LookupBdev(absl::StrCat("/dev/", path));
  }
  if (!dev.ok()) {
    return Say(ctx_, absl::StrCat("Device ", path, " not found"));
  }
  absl::StatusOr<DevT> mapper = machine.LookupBdev(NodePath(base));
  if (mapper.ok() && *mapper == *dev) {
    return SetPlainName(base, MangleMode::kNone);
  }
  for (const auto& [node, node_dev] : machine.Nodes()) {
    if (node_dev == *dev &&
        absl::StartsWith(node, absl::StrCat(kMapperDir, "/"))) {
      return SetPlainName(node.substr(sizeof(kMapperDir)), MangleMode::kNone);
    }
  }
  return Say(ctx_, absl::StrCat("Device ", base, " not found"));
}

bool DmTask::SetName(absl::string_view name) {
  if (absl::StrContains(name, '/')) return SetNameFromPath(std::string(name));
  return SetPlainName(name, ctx_.options.mangle);
}

bool DmTask::SetUuid(absl::string_view uuid) {
  std::optional<std::string> mangled = MangleOrSay(
      uuid, "UUID", DmCtl::kUuidLen, ctx_.options.mangle, "device uuid \"");
  if (!mangled) return false;
  uuid_ = *std::move(mangled);
  return true;
}

void DmTask::SetDevNumber(int major_nr, int minor_nr) {
  // libdevmapper's "none" is -1, and so is all below it.
  if (minor_nr < 0) {
    lone_major_ = major_nr;
    return;
  }
  SetDevNumber({static_cast<uint32_t>(std::max(major_nr, 0)),
                static_cast<uint32_t>(minor_nr)});
}

void DmTask::SetDevNumber(DevT dev) {
  number_ = dev;
  flags_ |= DM_PERSISTENT_DEV_FLAG;
}

bool DmTask::SetDevice(const std::optional<std::string>& name) {
  if (name) return SetName(*name);
  if (ctx_.options.uuid) return SetUuid(*ctx_.options.uuid);
  if (ctx_.options.major && ctx_.options.minor) {
    SetDevNumber(*ctx_.options.major, *ctx_.options.minor);
    return true;
  }
  return Say(ctx_, "No device specified.");
}

bool DmTask::SetNewName(absl::string_view name) {
  if (absl::StrContains(name, '/')) {
    return Say(ctx_,
               absl::StrCat("Name \"", name, "\" invalid. It contains \"/\"."));
  }
  if (name.size() > DmCtl::kNameLen) {
    return Say(ctx_, absl::StrCat("Name \"", name, "\" too long"));
  }
  if (name.empty()) {
    return Say(ctx_, "Non empty new name is required.");
  }
  std::optional<std::string> mangled =
      MangleOrSay(name, "new name", DmCtl::kNameLen, ctx_.options.mangle,
                  "new device name \"");
  if (!mangled) return false;
  new_name_ = *std::move(mangled);
  return true;
}

bool DmTask::SetNewUuid(absl::string_view uuid) {
  if (uuid.size() > DmCtl::kUuidLen) {
    return Say(ctx_, absl::StrCat("Uuid \"", uuid, "\" too long"));
  }
  std::optional<std::string> mangled =
      MangleOrSay(uuid, "new UUID", DmCtl::kUuidLen, ctx_.options.mangle,
                  "new device UUID \"");
  if (!mangled) return false;
  new_name_ = *std::move(mangled);
  flags_ |= DM_UUID_FLAG;
  return true;
}

}  // namespace dmdax
