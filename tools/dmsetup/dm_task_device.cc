// SPDX-License-Identifier: Apache-2.0
//
// Finds the device of a task: by name, path, uuid or number, and says what is
// wrong with them.
#include <algorithm>
#include <cerrno>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "tools/dmsetup/dm_task.h"

namespace dmdax {

std::optional<std::string> DmTask::MangleOrSay(absl::string_view s,
                                               const Mangling& how,
                                               MangleMode mode) {
  if (mode == MangleMode::kNone) return std::string(s);
  if (absl::Status once = CheckMangledOnce(s, how.what, mode); !once.ok()) {
    Say(ctx_, once.message());
    return std::nullopt;
  }
  absl::StatusOr<std::string> mangled = Mangle(s, how.what, how.max, mode);
  if (!mangled.ok()) {
    Say(ctx_, mangled.status().message());
    Say(ctx_, absl::StrCat("Failed to mangle ", how.failed, " \"", s, "\"",
                           how.stop));
    return std::nullopt;
  }
  return *std::move(mangled);
}

bool DmTask::SetPlainName(absl::string_view name, MangleMode mode) {
  given_name_.reset();
  name_.clear();
  if (name.size() > DmCtl::kNameLen) {
    return Say(ctx_, absl::StrCat("Name \"", name, "\" too long."));
  }
  std::optional<std::string> mangled =
      MangleOrSay(name, {"name", "device name", ".", DmCtl::kNameLen}, mode);
  if (!mangled) return false;
  given_name_ = std::string(name);
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
    // "/": the same number, none, as the directory of the nodes has.
    if (base.empty()) return SetPlainName(base, MangleMode::kNone);
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
  absl::StatusOr<DevT> mapper =
      machine.LookupBdev(absl::StrCat(kMapperDir, "/", base));
  if (mapper.ok() && *mapper == *dev) {
    return SetPlainName(base, MangleMode::kNone);
  }
  for (const std::string& node : machine.NodesOf(*dev)) {
    if (absl::StartsWith(node, absl::StrCat(kMapperDir, "/"))) {
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
      uuid, {"UUID", "device uuid", ".", DmCtl::kUuidLen}, ctx_.options.mangle);
  if (!mangled) return false;
  given_uuid_ = std::string(uuid);
  uuid_ = *std::move(mangled);
  return true;
}

void DmTask::SetMajor(int major_nr) {
  major_ = major_nr;
  default_major_ = false;
}

void DmTask::SetDevNumber(DevT dev) {
  SetMajor(static_cast<int>(dev.major_nr));
  SetMinor(static_cast<int>(dev.minor_nr));
}

bool DmTask::SetDevice(const std::optional<std::string>& name) {
  if (name) return SetName(*name);
  if (ctx_.options.uuid) return SetUuid(*ctx_.options.uuid);
  if (ctx_.options.major && ctx_.options.minor) {
    SetMajor(*ctx_.options.major);
    SetMinor(*ctx_.options.minor);
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
      MangleOrSay(name, {"new name", "new device name", "", DmCtl::kNameLen},
                  ctx_.options.mangle);
  if (!mangled) return false;
  new_name_ = *std::move(mangled);
  return true;
}

bool DmTask::SetNewUuid(absl::string_view uuid) {
  if (uuid.size() > DmCtl::kUuidLen) {
    return Say(ctx_, absl::StrCat("Uuid \"", uuid, "\" too long"));
  }
  std::optional<std::string> mangled =
      MangleOrSay(uuid, {"new UUID", "new device UUID", "", DmCtl::kUuidLen},
                  ctx_.options.mangle);
  if (!mangled) return false;
  new_name_ = *std::move(mangled);
  flags_ |= DM_UUID_FLAG;
  return true;
}

std::optional<std::string> DmTask::Mangled(absl::string_view what,
                                           const std::string& text,
                                           size_t max) const {
  const absl::StatusOr<std::string> mangled =
      Mangle(text, what, max, ctx_.options.mangle);
  if (mangled.ok()) return *mangled;
  Say(ctx_, mangled.status().message());
  Say(ctx_, absl::StrCat("Failed to mangle device ",
                         absl::AsciiStrToLower(what), " \"", text, "\"."));
  return std::nullopt;
}

std::string DmTask::Unmangled(const std::string& text) const {
  // Unless all stays as it is, the reply is unmangled already.
  return ctx_.options.mangle == MangleMode::kNone ? Unmangle(text) : text;
}

// _do_dm_ioctl_unmangle_string(): the text as it is shown.
bool DmTask::UnmangleText(absl::string_view what, std::string& text) {
  const MangleMode mode = ctx_.options.mangle;
  if (mode == MangleMode::kNone || text.empty()) return true;
  if (absl::Status s = CheckMangledOnce(text, what, mode); !s.ok()) {
    Say(ctx_, s.message());
    return false;
  }
  if (!IsMangled(text)) {
    return Say(ctx_, absl::StrCat("The ", what, " \"", text,
                                  "\" should be mangled but it contains "
                                  "blacklisted characters."));
  }
  text = Unmangle(text);
  return true;
}

bool DmTask::UnmangleReply() {
  bool ok = UnmangleText("name", io_.name);
  for (DmNameEntry& entry : names_) ok &= UnmangleText("name", entry.name);
  if (!ok) return false;
  return type_ == DmTaskType::kRemove || UnmangleText("UUID", io_.uuid);
}

}  // namespace dmdax
