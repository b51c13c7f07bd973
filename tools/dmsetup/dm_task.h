// SPDX-License-Identifier: Apache-2.0
//
// DmTask: what libdevmapper does around an ioctl: who is meant, under which
// mangled name; the words of a failure; device nodes.
//
//   DmTask task(ctx, DmTaskType::kInfo);
//   if (!task.SetDevice("d0") || !task.Run()) return false;  // said why
//   task.io().flags & DM_SUSPEND_FLAG ...
//
// Mirrors: struct dm_task, dm_task_run of libdm/ioctl/libdm-iface.c and
// dm_task_set_name of libdm/libdm-common.c (1.02.185).
//
// dm_task.cc runs it, dm_task_device.cc knows who is meant, dm_task_nodes.cc
// keeps /dev/mapper.
#ifndef DMDAX_TOOLS_DMSETUP_DM_TASK_H_
#define DMDAX_TOOLS_DMSETUP_DM_TASK_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dm/dm_ioctl.h"
#include "tools/dmsetup/options.h"

namespace dmdax {

struct InfoReport;
class DevTree;

// One dmsetup command's surroundings: its options, its kernel, its streams.
struct DmsetupContext {
  DmCtl& ctl;
  DmsetupOptions options;
  std::string input;  // standard input, whole
  std::string out = {};
  std::string err = {};
  // What dmsetup does not say: where exactly the input is wrong, and why.
  std::vector<std::string> hints = {};
  std::shared_ptr<InfoReport> report = {};  // of -c and -S
  DevTree* tree = nullptr;                  // that is being built
  bool concise_printed = false;             // a line of table --concise is open
  // Set when a command would wait for ever (`wait`): the caller decides.
  bool would_block = false;
  // It has done so before: a device that is gone since had its last event.
  bool waited = false;
};

// log_error(): a line of standard error.  Returns false, the failure that it
// tells of.
bool Say(DmsetupContext& ctx, absl::string_view text);

// Where libdevmapper has its nodes.
inline constexpr char kMapperDir[] = "/dev/mapper";

enum class DmTaskType {
  kCreate,
  kReload,
  kRemove,
  kRemoveAll,
  kSuspend,
  kResume,
  kInfo,
  kDeps,
  kRename,
  kStatus,
  kTable,
  kWaitEvent,
  kList,
  kClear,
  kTargetMsg,
  kSetGeometry,
  kMknodes,
};

class DmTask {
 public:
  DmTask(DmsetupContext& ctx, DmTaskType type) : ctx_(ctx), type_(type) {}

  // _set_task_device(): by name, or by -u or -j and -m of the options.
  bool SetDevice(const std::optional<std::string>& name);
  // dm_task_set_name(): a name, or a path to an existing device.
  bool SetName(absl::string_view name);
  bool SetUuid(absl::string_view uuid);
  bool SetNewName(absl::string_view name);
  bool SetNewUuid(absl::string_view uuid);
  void SetDevNumber(DevT dev);
  // As asked for: a negative minor is none, a major of 0 or less is missing.
  void SetDevNumber(int major_nr, int minor_nr);
  void AddFlags(uint32_t flags) { flags_ |= flags; }
  void SetEventNr(uint32_t event_nr) { io_.event_nr = event_nr; }
  void SetSector(sector_t sector) { sector_ = sector; }
  void SetText(std::string text) { text_ = std::move(text); }
  // `columns`, unless null, are the rows; their devices need no escapes.
  void SetRows(std::vector<DmTargetSpec> rows,
               std::shared_ptr<const LinearRows> columns = nullptr) {
    rows_ = std::move(rows);
    columns_ = std::move(columns);
  }

  // dm_task_run(): false after printing "device-mapper: ... failed: ...".
  // kCreate with rows is create, load and resume, undone on failure.
  bool Run();

  // The name that was set, as the kernel gets it.
  const std::string& kernel_name() const { return name_; }

  // The reply.
  const DmIoctl& io() const { return io_; }
  // Whether the device exists (info, status: its absence is no failure).
  bool exists() const { return exists_; }
  const std::vector<DmTargetSpec>& rows() const { return rows_; }
  const std::vector<DmNameEntry>& names() const { return names_; }
  const std::vector<DevT>& deps() const { return deps_; }
  const std::string& reply() const { return reply_; }
  // dm_task_get_name(): the reply's name, unmangled.
  std::string name() const;
  std::string uuid() const;
  DevT dev() const { return DevT::HugeDecode(io_.dev); }

 private:
  bool SetNameFromPath(const std::string& path);
  bool SetPlainName(absl::string_view name, MangleMode mode);
  bool CreateAndLoad();
  absl::Status Ioctl();
  bool RunOne();
  bool CheckReplyMangled();
  // Mangles a name or uuid; says what is wrong with `s`, and that `failed`.
  std::optional<std::string> MangleOrSay(absl::string_view s,
                                         absl::string_view what, size_t max,
                                         MangleMode mode,
                                         absl::string_view failed);
  void UpdateNodes();
  std::string NodePath(absl::string_view name) const;
  bool AddNode(DevT dev);

  DmsetupContext& ctx_;
  DmTaskType type_;
  std::string name_;  // mangled, as the kernel gets it
  std::string uuid_;
  std::string new_name_;
  std::optional<DevT> number_;
  int lone_major_ = 0;  // asked for without a minor: shown, but not sent
  uint32_t flags_ = 0;
  sector_t sector_{};
  std::string text_;
  DmIoctl io_;
  bool exists_ = true;
  std::vector<DmTargetSpec> rows_;
  std::shared_ptr<const LinearRows> columns_;
  std::vector<DmNameEntry> names_;
  std::vector<DevT> deps_;
  std::string reply_;
};

}  // namespace dmdax

#endif  // DMDAX_TOOLS_DMSETUP_DM_TASK_H_
