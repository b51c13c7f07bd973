// SPDX-License-Identifier: Apache-2.0
#include "tools/dmsetup/dm_task.h"

#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "base/errno_status.h"
#include "dm/wire/ctl_ioctl.h"

namespace dmdax {
namespace {

// The task of kCreate and those after it, as a failure names it: _cmd_data_v4.
constexpr const char* kTaskNames[] = {
    "create", "reload", "remove",  "remove_all",  "suspend", "resume",
    "info",   "deps",   "rename",  "status",      "table",   "waitevent",
    "names",  "clear",  "message", "setgeometry", "mknodes", "target-version",
};

// Tasks that do not fail if the device is absent: the reply says so.
bool MayBeAbsent(DmTaskType type) {
  return type == DmTaskType::kInfo || type == DmTaskType::kStatus ||
         type == DmTaskType::kMknodes;
}

}  // namespace

bool Say(DmsetupContext& ctx, absl::string_view text) {
  absl::StrAppend(&ctx.err, text, "\n");
  return false;
}

// --- running ---

absl::Status DmTask::Load() {
  DmCtl& ctl = ctx_.ctl;
  if (columns_ != nullptr) return ctl.TableLoad(io_, columns_);
  std::vector<DmTargetSpec> specs = rows_;
  // libdevmapper doubles backslashes, so the kernel sees them again.
  for (DmTargetSpec& spec : specs) {
    spec.params = absl::StrReplaceAll(spec.params, {{"\\", "\\\\"}});
  }
  return ctl.TableLoad(io_, specs);
}

absl::Status DmTask::FindTarget() const {
  DmCtl& ctl = ctx_.ctl;
  // libdevmapper sends the version of the interface in which the command came.
  constexpr uint32_t kSince[] = {4, 41, 0};
  absl::Status s = CheckIoctlVersion(ctl, kSince, DM_GET_TARGET_VERSION_CMD);
  if (!s.ok()) return s;
  if (FindTargetType(name_, ctl.machine().profile()) != nullptr) return s;
  return ErrnoError(EINVAL, "no such target type");
}

absl::Status DmTask::Ioctl() {
  DmCtl& ctl = ctx_.ctl;
  switch (type_) {
    case DmTaskType::kCreate:
      return ctl.DevCreate(io_);
    case DmTaskType::kReload:
      return Load();
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
    case DmTaskType::kDeps:
      return ctl.TableDeps(io_, &deps_, &has_table_);
    case DmTaskType::kRename:
      return ctl.DevRename(io_, new_name_.value_or(""));
    case DmTaskType::kStatus:
    case DmTaskType::kTable:
      return ctl.TableStatus(io_, &rows_);
    case DmTaskType::kWaitEvent: {
      if (absl::Status s = ctl.DevWait(io_); !s.ok()) return s;
      // The reply has the status as well.
      DmIoctl query{.flags = io_.flags, .name = io_.name};
      return ctl.TableStatus(query, &rows_);
    }
    case DmTaskType::kList:
      return ctl.ListDevices(io_, &names_);
    case DmTaskType::kClear:
      return ctl.TableClear(io_);
    case DmTaskType::kTargetMsg: {
      const std::string text = text_.value_or("");
      absl::Status s = ctl.TargetMsg(io_, sector_, text, &reply_);
      if (reply_.empty()) reply_ = UntouchedReply(sector_, text);
      return s;
    }
    case DmTaskType::kSetGeometry:
      return ctl.DevSetGeometry(io_, text_.value_or(""));
    case DmTaskType::kTargetVersion:
      return FindTarget();
  }
  return absl::OkStatus();
}

// _flatten(): the header as it is sent.
bool DmTask::Flatten() {
  const auto fail = [&](absl::string_view text) {
    Say(ctx_, text);
    return Say(ctx_, "Couldn't create ioctl argument.");
  };
  io_ = DmIoctl();
  if (minor_ >= 0) {
    if (default_major_) major_ = static_cast<int>(ctx_.ctl.major());
    if (major_ <= 0) {
      return fail("Missing major number for persistent device.");
    }
    io_.flags |= DM_PERSISTENT_DEV_FLAG;
    io_.dev = DevT{static_cast<uint32_t>(major_), static_cast<uint32_t>(minor_)}
                  .HugeEncode();
  }
  // With a number, resume and reload are addressed by it alone.
  const bool by_number =
      (type_ == DmTaskType::kResume || type_ == DmTaskType::kReload) &&
      minor_ >= 0 && major_ >= 0;
  if (!by_number) io_.name = name_;
  io_.uuid = uuid_;
  io_.flags |= flags_;
  io_.event_nr = event_nr_;
  if (type_ == DmTaskType::kSuspend) io_.flags |= DM_SUSPEND_FLAG;
  if (type_ == DmTaskType::kTable) io_.flags |= DM_STATUS_TABLE_FLAG;
  if ((flags_ & DM_IMA_MEASUREMENT_FLAG) &&
      !ctx_.ctl.machine().profile().dm_has_ima) {
    return fail(
        "WARNING: IMA measurement unsupported by kernel.  Aborting "
        "operation.");
  }
  return true;
}

// Runs the ioctl, and again while it fails for a reason that may pass.
absl::Status DmTask::IoctlWithRetries() {
  constexpr unsigned kMaxAttempts = 25;  // DM_IOCTL_RETRIES
  const DmIoctl request = io_;
  for (unsigned attempt = 1;; ++attempt) {
    io_ = request;
    absl::Status s = Ioctl();
    // No time passes between two attempts, because nothing changes here
    // meanwhile.
    const bool again = ErrnoOf(s) == EBUSY && type_ == DmTaskType::kRemove &&
                       retry_remove_ && attempt < kMaxAttempts;
    if (!again) return s;
    SayFailed(EBUSY);
  }
}

// "(254:0)": what was asked for, a major alone included.
std::string DmTask::NumberText() const {
  if (major_ <= 0) return "";
  return absl::StrCat("(", major_, ":", minor_ >= 0 ? absl::StrCat(minor_) : "",
                      ")");
}

bool DmTask::SayFailed(int err) const {
  ctx_.ioctl_errno = err;
  return Say(ctx_, absl::StrCat("device-mapper: ",
                                kTaskNames[static_cast<size_t>(type_)],
                                " ioctl on ", name_, " ", uuid_, NumberText(),
                                " failed: ", ErrnoText(err)));
}

bool DmTask::RunOne() {
  if (!Flatten()) return false;
  const absl::Status s = IoctlWithRetries();
  const int err = ErrnoOf(s);
  if (IsNotModelled(s)) ctx_.not_modelled.emplace_back(s.message());
  if (err == EAGAIN && type_ == DmTaskType::kWaitEvent) {
    ctx_.would_block = true;
    return false;
  }
  // The kernel keeps the device that is waited for: its removal, or its new
  // name, is an event.
  if (err == ENXIO && type_ == DmTaskType::kWaitEvent && ctx_.waited) {
    return true;
  }
  exists_ = s.ok();
  if (!s.ok() && (err != ENXIO || !MayBeAbsent(type_))) return SayFailed(err);
  if (!UnmangleReply()) return false;
  UpdateNodes();
  return true;
}

// What the ioctl means for /dev/mapper.
void DmTask::UpdateNodes() {
  MapperNodes& nodes = ctx_.nodes;
  const bool on_create = ctx_.options.addnodeoncreate;
  switch (type_) {
    case DmTaskType::kCreate:
      if (on_create && !name_.empty()) nodes.Add(name_, dev());
      break;
    case DmTaskType::kMknodes:
      // Here the node is called as the device is shown.
      if (exists_) {
        nodes.Add(io_.name, dev());
      } else if (given_name_) {
        nodes.Remove(name_);
      }
      break;
    case DmTaskType::kResume:
      if (name_.empty()) break;
      if (!on_create) nodes.Add(name_, dev());
      nodes.SetReadAhead(name_, dev(), read_ahead_);
      break;
    case DmTaskType::kRemove:
      // A deferred removal leaves the device, but not the node.
      if (given_name_) nodes.Remove(name_);
      break;
    case DmTaskType::kRename:
      if (!(flags_ & DM_UUID_FLAG) && given_name_) {
        nodes.Rename(name_, new_name_.value_or(""));
      }
      break;
    default:
      break;
  }
}

bool DmTask::Run() {
  const bool has_rows = !rows_.empty() || columns_ != nullptr;
  if (type_ == DmTaskType::kCreate && has_rows) return CreateAndLoad();
  if (type_ == DmTaskType::kMknodes && !given_name_ && !given_uuid_ &&
      major_ <= 0) {
    return MknodesAll();
  }
  if (type_ == DmTaskType::kSuspend && enable_checks_) {
    return SuspendWithChecks();
  }
  return RunOne();
}

}  // namespace dmdax
