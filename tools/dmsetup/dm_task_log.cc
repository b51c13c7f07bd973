// SPDX-License-Identifier: Apache-2.0
//
// The line that each ioctl gets in the log.  It shows the size of the buffer,
// which nothing else does.
//
//   dm reload   (254:0) [ opencount flush ]   [16384] (*1)
//
// Mirrors: _flatten and _do_dm_ioctl of libdm/ioctl/libdm-iface.c (1.02.185).
#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "dm/wire/ctl_ioctl.h"
#include "dm/wire/ioctl_param.h"
#include "tools/dmsetup/dm_task.h"

namespace dmdax {
namespace {

constexpr size_t kMinBuffer = 16 * 1024;
// A row of a load: struct dm_target_spec, the NUL and the alignment.
constexpr size_t kPerRow = 40 + 1 + 8;
constexpr size_t kTargetMsg = 8;  // sizeof(struct dm_target_msg)

// _sanitise_message(): no keys in the log.
absl::string_view Sanitised(absl::string_view message) {
  constexpr absl::string_view kKeySet = "key set";
  return absl::StartsWithIgnoreCase(message, kKeySet) ? kKeySet : message;
}

}  // namespace

absl::string_view DmTaskName(DmTaskType type) {
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
    case DmTaskType::kVersion:
      return "version";
    case DmTaskType::kListVersions:
      return "versions";
    case DmTaskType::kTargetVersion:
      return "target-version";
  }
  return "";
}

// "(254:0)": what was asked for, a major alone included.
std::string DmTask::NumberText() const {
  if (major_ <= 0) return "";
  return absl::StrCat("(", major_, ":", minor_ >= 0 ? absl::StrCat(minor_) : "",
                      ")");
}

size_t DmTask::BufferSize() const {
  size_t size = DmIoctlLayout::kSize;
  if (type_ == DmTaskType::kReload && columns_ != nullptr) {
    for (size_t i = 0; i < columns_->size(); ++i) {
      size += kPerRow + columns_->Params(i).size();
    }
  } else if (type_ == DmTaskType::kReload) {
    for (const DmTargetSpec& row : rows_) size += kPerRow + row.params.size();
  }
  if (new_name_) size += new_name_->size() + 1;
  if (text_) {
    const bool message = type_ == DmTaskType::kTargetMsg;
    size += (message ? kTargetMsg : 0) + text_->size() + 1;
  }
  return std::max(size, kMinBuffer) << ctx_.buffer_doublings;
}

void DmTask::LogIoctl(const DmIoctl& request, unsigned attempt) const {
  if (!ctx_.log.verbose()) return;
  std::string line = absl::StrCat("dm ", DmTaskName(type_), " ",
                                  flags_ & DM_UUID_FLAG ? "UUID " : "",
                                  request.name, " ", request.uuid);
  if (new_name_) absl::StrAppend(&line, " ", *new_name_);
  absl::StrAppend(&line, " ", NumberText(), major_ > 0 ? " " : "", "[ ");
  absl::StrAppend(&line, no_open_count_ ? "noopencount " : "opencount ",
                  flags_ & DM_NOFLUSH_FLAG ? "noflush " : "flush ");
  struct {
    bool set;
    const char* word;
  } const words[] = {
      {(flags_ & DM_READONLY_FLAG) != 0, "readonly "},
      {(flags_ & DM_SKIP_LOCKFS_FLAG) != 0, "skiplockfs "},
      {retry_remove_, "retryremove "},
      {(flags_ & DM_DEFERRED_REMOVE) != 0, "deferredremove "},
      {(flags_ & DM_IMA_MEASUREMENT_FLAG) != 0, "ima_measurement "},
      {(flags_ & DM_QUERY_INACTIVE_TABLE_FLAG) != 0, "inactive "},
      {enable_checks_, "enablechecks "},
  };
  for (const auto& word : words) {
    if (word.set) absl::StrAppend(&line, word.word);
  }
  absl::StrAppend(&line, "] ");
  if (sector_.value() != 0) absl::StrAppend(&line, sector_.value());
  if (type_ == DmTaskType::kTargetMsg) {
    absl::StrAppend(&line, " ", Sanitised(text_.value_or("")));
  } else {
    absl::StrAppend(&line, " ");
  }
  absl::StrAppend(&line, " [", BufferSize(), "] (*", attempt, ")");
  ctx_.log.Debug(line);
}

// Whether the reply of the kernel would not fit a buffer of `size`.
bool DmTask::IsBufferFull(size_t size) const {
  const KernelProfile& profile = ctx_.ctl.machine().profile();
  IoctlParam param(std::string(size, '\0'), size);
  switch (type_) {
    case DmTaskType::kListVersions:
      WriteVersions(param, TargetTypes(profile), profile);
      break;
    case DmTaskType::kList:
      WriteDeviceList(param, names_, profile);
      break;
    case DmTaskType::kDeps:
      if (has_table_) WriteDeps(param, deps_);
      break;
    case DmTaskType::kStatus:
    case DmTaskType::kTable:
    case DmTaskType::kWaitEvent:
      if (!rows_.empty()) WriteStatus(param, rows_);
      break;
    case DmTaskType::kTargetMsg:
      if (io_.flags & DM_DATA_OUT_FLAG) {
        WriteMessageReply(param, reply_, param.StartResult());
      }
      break;
    default:
      break;
  }
  return param.flags() & DM_BUFFER_FULL_FLAG;
}

// libdevmapper asks again, with twice the room, until the reply fits.  Ours
// always fits, and asking again would change nothing.
void DmTask::LogRepeats(const DmIoctl& request, unsigned attempt) {
  if (!ctx_.log.verbose()) return;
  while (IsBufferFull(BufferSize())) {
    ++ctx_.buffer_doublings;
    LogIoctl(request, attempt);
  }
}

}  // namespace dmdax
