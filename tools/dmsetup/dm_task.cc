// SPDX-License-Identifier: Apache-2.0
#include "tools/dmsetup/dm_task.h"

#include <algorithm>
#include <cerrno>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "base/errno_status.h"

namespace dmdax {
namespace {

constexpr char kMapperDir[] = "/dev/mapper";

// The verb in "device-mapper: <verb> ioctl on ...".
absl::string_view Verb(DmTaskType type) {
  switch (type) {
    case DmTaskType::kCreate:
      return "create";
    case DmTaskType::kReload:
      return "reload";
    case DmTaskType::kRemove:
      return "remove";
    case DmTaskType::kRemoveAll:
      return "remove_all";
    case DmTaskType::kSuspend:
      return "suspend";
    case DmTaskType::kResume:
      return "resume";
    case DmTaskType::kInfo:
      return "info";
    case DmTaskType::kDeps:
      return "deps";
    case DmTaskType::kRename:
      return "rename";
    case DmTaskType::kStatus:
      return "status";
    case DmTaskType::kTable:
      return "table";
    case DmTaskType::kWaitEvent:
      return "waitevent";
    case DmTaskType::kList:
      return "names";
    case DmTaskType::kClear:
      return "clear";
    case DmTaskType::kTargetMsg:
      return "message";
    case DmTaskType::kSetGeometry:
      return "setgeometry";
    case DmTaskType::kMknodes:
      return "mknodes";
  }
  return "";
}

}  // namespace

void DmTask::Error(absl::string_view text) {
  absl::StrAppend(&ctx_.err, text, "\n");
}

std::string DmTask::NodePath(absl::string_view name) const {
  return absl::StrCat(kMapperDir, "/", name);
}

// --- who is meant ---

std::optional<std::string> DmTask::MangleOrSay(absl::string_view s,
                                               absl::string_view what,
                                               size_t max, MangleMode mode,
                                               absl::string_view failed) {
  absl::StatusOr<std::string> mangled = Mangle(s, what, max, mode);
  if (mangled.ok()) return *std::move(mangled);
  Error(mangled.status().message());
  if (!absl::StrContains(mangled.status().message(), "more than once")) {
    // Only of those in use already does the sentence end in a full stop.
    Error(absl::StrCat("Failed to mangle ", failed, s,
                       absl::StartsWith(what, "new") ? "\"" : "\"."));
  }
  return std::nullopt;
}

bool DmTask::SetPlainName(absl::string_view name, MangleMode mode) {
  if (name.size() > DmCtl::kNameLen) {
    Error(absl::StrCat("Name \"", name, "\" too long."));
    return false;
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
    Error(absl::StrCat("Name \"", path, "\" invalid. It contains \"/\"."));
    return false;
  }
  // The control node is no device, but it has its own name.
  if (path == "/dev/mapper/control") {
    return SetPlainName(base, MangleMode::kNone);
  }
  absl::StatusOr<DevT> dev = machine.LookupBdev(path);
  if (!dev.ok() && ErrnoOf(dev.status()) == ENOTBLK) {
    Error(absl::StrCat("Device ", base, " not found"));
    return false;
  }
  // "vg/lv" is tried under /dev.
  if (!dev.ok() && path.size() >= 3 && path[0] != '/' &&
      std::count(path.begin(), path.end(), '/') == 1) {
    dev = machine.LookupBdev(absl::StrCat("/dev/", path));
  }
  if (!dev.ok()) {
    Error(absl::StrCat("Device ", path, " not found"));
    return false;
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
  Error(absl::StrCat("Device ", base, " not found"));
  return false;
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

void DmTask::SetDevNumber(DevT dev) {
  number_ = dev;
  flags_ |= DM_PERSISTENT_DEV_FLAG;
}

bool DmTask::SetDevice(const std::optional<std::string>& name) {
  if (name) return SetName(*name);
  if (ctx_.options.uuid) return SetUuid(*ctx_.options.uuid);
  if (ctx_.options.major && ctx_.options.minor) {
    SetDevNumber({static_cast<uint32_t>(*ctx_.options.major),
                  static_cast<uint32_t>(*ctx_.options.minor)});
    return true;
  }
  Error("No device specified.");
  return false;
}

bool DmTask::SetNewName(absl::string_view name) {
  if (absl::StrContains(name, '/')) {
    Error(absl::StrCat("Name \"", name, "\" invalid. It contains \"/\"."));
    return false;
  }
  if (name.size() > DmCtl::kNameLen) {
    Error(absl::StrCat("Name \"", name, "\" too long"));
    return false;
  }
  if (name.empty()) {
    Error("Non empty new name is required.");
    return false;
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
    Error(absl::StrCat("Uuid \"", uuid, "\" too long"));
    return false;
  }
  std::optional<std::string> mangled =
      MangleOrSay(uuid, "new UUID", DmCtl::kUuidLen, ctx_.options.mangle,
                  "new device UUID \"");
  if (!mangled) return false;
  new_name_ = *std::move(mangled);
  flags_ |= DM_UUID_FLAG;
  return true;
}

std::string DmTask::name() const {
  const std::string& n = io_.name.empty() ? name_ : io_.name;
  return ctx_.options.mangle == MangleMode::kNone ? n : Unmangle(n);
}

std::string DmTask::uuid() const {
  return ctx_.options.mangle == MangleMode::kNone ? io_.uuid
                                                  : Unmangle(io_.uuid);
}

// --- running ---

absl::Status DmTask::Ioctl() {
  DmCtl& ctl = ctx_.ctl;
  switch (type_) {
    case DmTaskType::kCreate:
      return ctl.DevCreate(io_);
    case DmTaskType::kReload: {
      if (columns_ != nullptr) return ctl.TableLoad(io_, columns_);
      std::vector<DmTargetSpec> specs = rows_;
      // libdevmapper doubles backslashes, so the kernel sees them again.
      for (DmTargetSpec& spec : specs) {
        spec.params = absl::StrReplaceAll(spec.params, {{"\\", "\\\\"}});
      }
      return ctl.TableLoad(io_, specs);
    }
    case DmTaskType::kRemove:
      return ctl.DevRemove(io_);
    case DmTaskType::kRemoveAll:
      return ctl.RemoveAll(io_);
    case DmTaskType::kSuspend:
    case DmTaskType::kResume:
      return ctl.DevSuspend(io_);
    case DmTaskType::kInfo:
    case DmTaskType::kMknodes:
      return ctl.DevStatus(io_);
    case DmTaskType::kDeps: {
      bool has_table;
      return ctl.TableDeps(io_, &deps_, &has_table);
    }
    case DmTaskType::kRename:
      return ctl.DevRename(io_, new_name_);
    case DmTaskType::kStatus:
    case DmTaskType::kTable:
      return ctl.TableStatus(io_, &rows_);
    case DmTaskType::kWaitEvent:
      return ctl.DevWait(io_);
    case DmTaskType::kList:
      return ctl.ListDevices(io_, &names_);
    case DmTaskType::kClear:
      return ctl.TableClear(io_);
    case DmTaskType::kTargetMsg: {
      absl::Status s = ctl.TargetMsg(io_, sector_, text_, &reply_);
      if (reply_.empty()) reply_ = UntouchedReply(sector_, text_);
      return s;
    }
    case DmTaskType::kSetGeometry:
      return ctl.DevSetGeometry(io_, text_);
  }
  return absl::OkStatus();
}

// What the kernel tells must be mangled, unless all goes unmangled.
bool DmTask::CheckReplyMangled() {
  if (ctx_.options.mangle == MangleMode::kNone) return true;
  std::vector<std::pair<absl::string_view, absl::string_view>> texts = {
      {"name", io_.name}, {"UUID", io_.uuid}};
  for (const DmNameEntry& entry : names_) texts.push_back({"name", entry.name});
  for (const auto& [what, text] : texts) {
    if (IsMangled(text)) continue;
    Error(absl::StrCat("The ", what, " \"", text,
                       "\" should be mangled but it contains blacklisted "
                       "characters."));
    return false;
  }
  return true;
}

bool DmTask::RunOne() {
  if (number_ && number_->major_nr == 0) {
    Error(
        "Missing major number for persistent device.\n"
        "Couldn't create ioctl argument.");
    return false;
  }
  io_.name = name_;
  io_.uuid = uuid_;
  io_.flags = flags_;
  io_.dev = number_ ? number_->HugeEncode() : 0;
  if (type_ == DmTaskType::kSuspend) io_.flags |= DM_SUSPEND_FLAG;
  if (type_ == DmTaskType::kTable) io_.flags |= DM_STATUS_TABLE_FLAG;
  // With a number, resume and reload are addressed by it alone.
  if (number_ && type_ == DmTaskType::kReload) io_.name.clear();
  if (number_ && type_ == DmTaskType::kResume) io_.name.clear();
  const absl::Status s = Ioctl();
  if (s.ok()) {
    UpdateNodes();
    return CheckReplyMangled();
  }
  const int err = ErrnoOf(s);
  if (err == EAGAIN && type_ == DmTaskType::kWaitEvent) {
    ctx_.would_block = true;
    return false;
  }
  if (err == ENXIO &&
      (type_ == DmTaskType::kInfo || type_ == DmTaskType::kStatus ||
       type_ == DmTaskType::kMknodes)) {
    exists_ = false;
    if (type_ == DmTaskType::kMknodes) {
      ctx_.ctl.machine().RemoveNode(NodePath(name_));
    }
    return true;
  }
  const std::string number = number_ && number_->major_nr > 0
                                 ? absl::StrCat("(", number_->ToString(), ")")
                                 : "";
  Error(absl::StrCat("device-mapper: ", Verb(type_), " ioctl on ", name_, " ",
                     uuid_, number, " failed: ", ErrnoText(err)));
  return false;
}

bool DmTask::CreateAndLoad() {
  DmTask create(ctx_, DmTaskType::kCreate);
  create.name_ = name_;
  create.uuid_ = uuid_;
  create.number_ = number_;
  create.flags_ = flags_ & DM_PERSISTENT_DEV_FLAG;
  if (!create.RunOne()) return false;

  DmTask load(ctx_, DmTaskType::kReload);
  load.name_ = name_;
  load.SetDevNumber(create.dev());
  load.AddFlags(flags_ & DM_READONLY_FLAG);
  load.SetRows(std::move(rows_), std::move(columns_));
  rows_.clear();
  columns_ = nullptr;
  uuid_.clear();
  if (load.RunOne()) {
    type_ = DmTaskType::kResume;
    if (RunOne()) return true;
  }
  // Undo.  A number that was asked for is passed beside the name, which the
  // kernel refuses: the device stays, as with dmsetup.
  type_ = DmTaskType::kRemove;
  flags_ = 0;
  if (!RunOne()) Error("Failed to revert device creation.");
  return false;
}

bool DmTask::Run() {
  const bool has_rows = !rows_.empty() || columns_ != nullptr;
  if (type_ == DmTaskType::kCreate && has_rows) return CreateAndLoad();
  return RunOne();
}

// --- nodes in /dev/mapper ---

bool DmTask::AddNode(DevT dev) {
  const std::string node = NodePath(name_);
  Machine& machine = ctx_.ctl.machine();
  if (absl::StatusOr<DevT> at = machine.LookupBdev(node);
      !at.ok() && ErrnoOf(at.status()) == ENOTBLK) {
    Error(absl::StrCat("A non-block device file at '", node,
                       "' is already present"));
    return false;
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
