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

bool Say(DmsetupContext& ctx, absl::string_view text) {
  absl::StrAppend(&ctx.err, text, "\n");
  return false;
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
    return Say(ctx_,
               absl::StrCat("The ", what, " \"", text,
                            "\" should be mangled but it contains blacklisted "
                            "characters."));
  }
  return true;
}

bool DmTask::RunOne() {
  if (number_ && number_->major_nr == 0) {
    return Say(ctx_,
               "Missing major number for persistent device.\n"
               "Couldn't create ioctl argument.");
  }
  if ((flags_ & DM_IMA_MEASUREMENT_FLAG) &&
      ctx_.ctl.machine().profile().dm_ioctl_version[1] < kDmImaInterface) {
    return Say(ctx_,
               "WARNING: IMA measurement unsupported by kernel.  Aborting "
               "operation.\nCouldn't create ioctl argument.");
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
  // The kernel keeps the device that is waited for: its removal, or its new
  // name, is an event.
  if (err == ENXIO && type_ == DmTaskType::kWaitEvent && ctx_.waited) {
    return true;
  }
  if (err == ENXIO &&
      (type_ == DmTaskType::kInfo || type_ == DmTaskType::kStatus ||
       type_ == DmTaskType::kMknodes)) {
    exists_ = false;
    if (type_ == DmTaskType::kMknodes && name_.empty()) {
      // Its node would be the directory.
      Say(ctx_, "Unable to unlink device node for ''");
    } else if (type_ == DmTaskType::kMknodes) {
      ctx_.ctl.machine().RemoveNode(NodePath(name_));
    }
    return true;
  }
  std::string number;
  if (number_) {
    number = absl::StrCat("(", number_->ToString(), ")");
  } else if (lone_major_ > 0) {
    number = absl::StrCat("(", lone_major_, ":)");
  }
  return Say(ctx_,
             absl::StrCat("device-mapper: ", Verb(type_), " ioctl on ", name_,
                          " ", uuid_, number, " failed: ", ErrnoText(err)));
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
  if (!RunOne()) Say(ctx_, "Failed to revert device creation.");
  return false;
}

bool DmTask::Run() {
  const bool has_rows = !rows_.empty() || columns_ != nullptr;
  if (type_ == DmTaskType::kCreate && has_rows) return CreateAndLoad();
  return RunOne();
}

}  // namespace dmdax
