// SPDX-License-Identifier: Apache-2.0
//
// DmTask: what libdevmapper does around an ioctl.  It finds the device, mangles
// its name, words a failure, and keeps the device nodes.
//
//   DmTask task(ctx, DmTaskType::kInfo);
//   if (!task.SetDevice("d0") || !task.Run()) return false;  // said why
//   return (task.io().flags & DM_SUSPEND_FLAG) != 0;
//
// Mirrors: struct dm_task, dm_task_run of libdm/ioctl/libdm-iface.c and
// dm_task_set_name of libdm/libdm-common.c (1.02.185).
//
// dm_task.cc runs it, dm_task_device.cc finds the device, dm_task_steps.cc has
// the tasks that are several ioctls; mapper_nodes.h keeps /dev/mapper.
#ifndef DMDAX_TOOLS_DMSETUP_DM_TASK_H_
#define DMDAX_TOOLS_DMSETUP_DM_TASK_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dm/dm_ioctl.h"
#include "tools/dmsetup/facts.h"
#include "tools/dmsetup/mapper_nodes.h"
#include "tools/dmsetup/options.h"

namespace dmdax {

struct InfoReport;
class DevTree;

// One dmsetup command's surroundings: its options, its kernel, its streams.
struct DmsetupContext {
  DmCtl& ctl;
  DmsetupOptions options;
  std::string input;  // standard input, whole
  // Files that were read already, by path, or null.
  std::map<std::string, std::string>* files = nullptr;
  std::string out = {};
  std::string err = {};
  MapperNodes nodes{ctl.machine(), err};
  // What dmsetup does not say: where exactly the input is wrong, and why.
  std::vector<std::string> hints = {};
  std::string table = {};  // dmsetup's text of it, as it was read
  std::vector<std::string> not_modelled = {};
  DmsetupFacts* facts = nullptr;  // what `out` says, for programs; or null
  int ioctl_errno = 0;            // of the last one that failed
  std::shared_ptr<InfoReport> report = {};  // of -c and -S
  std::shared_ptr<DevTree> tree = {};       // of all devices, once asked for
  bool concise_printed = false;             // a line of table --concise is open
  bool exec_failed = false;                 // --exec has no words
  size_t num_devices = 0;                   // counted by remove_all
  // Set when a command would wait for ever (`wait`): the caller decides.
  bool would_block = false;
  bool endless = false;  // see DmsetupResult
  // It has waited before: if the device is gone since, that was its last event.
  bool waited = false;
};

// log_error(): a line of standard error.  Returns false, the failure that it
// tells of.
bool Say(DmsetupContext& ctx, absl::string_view text);

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
  kTargetVersion,
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
  void SetMajor(int major_nr);
  void SetMinor(int minor_nr) { minor_ = minor_nr; }
  void AddFlags(uint32_t flags) { flags_ |= flags; }
  // --checks and --retry, which are no flags of the kernel.
  void EnableChecks() { enable_checks_ = true; }
  void RetryRemove() { retry_remove_ = true; }
  void SetEventNr(uint32_t event_nr) { event_nr_ = event_nr; }
  void SetReadAhead(NodeReadAhead value) { read_ahead_ = value; }
  void SetSector(sector_t sector) { sector_ = sector; }
  void SetText(std::string text) { text_ = std::move(text); }
  // `columns`, unless null, are the rows; their devices need no escapes.
  void SetRows(std::vector<DmTargetSpec> rows,
               std::shared_ptr<const LinearRows> columns = nullptr) {
    rows_ = std::move(rows);
    columns_ = std::move(columns);
  }

  // dm_task_run(): false after printing "device-mapper: ... failed: ...".
  // kCreate with rows is create, load and resume, undone on failure; kMknodes
  // without a name is about all.
  bool Run();

  // The reply.
  const DmIoctl& io() const { return io_; }
  // Whether the device exists (info, status: its absence is no failure).
  bool exists() const { return exists_; }
  const std::vector<DmTargetSpec>& rows() const { return rows_; }
  const std::vector<DmNameEntry>& names() const { return names_; }
  const std::vector<DevT>& deps() const { return deps_; }
  const std::string& reply() const { return reply_; }
  // dm_task_get_name(): the reply's, as it is shown.
  const std::string& name() const { return io_.name; }
  const std::string& uuid() const { return io_.uuid; }
  // dm_task_get_name_mangled() and its like; nothing after saying why not.
  std::optional<std::string> MangledName() const {
    return Mangled("name", name(), DmCtl::kNameLen);
  }
  std::optional<std::string> MangledUuid() const {
    return Mangled("UUID", uuid(), DmCtl::kUuidLen);
  }
  std::string UnmangledName() const { return Unmangled(name()); }
  std::string UnmangledUuid() const { return Unmangled(uuid()); }
  // dm_task_get_read_ahead(): nothing after saying why not.
  std::optional<uint32_t> ReadAhead() const {
    return ctx_.nodes.ReadAhead(name(), dev());
  }
  DevT dev() const { return DevT::HugeDecode(io_.dev); }

 private:
  bool SetNameFromPath(const std::string& path);
  bool SetPlainName(absl::string_view name, MangleMode mode);
  // What another task of the same device asks for.
  bool CopyIdentity(const DmTask& from);

  bool RunOne();
  bool CreateAndLoad();
  bool SuspendWithChecks();
  bool CheckChildrenNotSuspended(std::optional<DevT> device);
  bool MknodesAll();

  bool Flatten();
  absl::Status Ioctl();
  absl::Status Load();
  absl::Status FindTarget() const;
  absl::Status IoctlWithRetries();
  bool SayFailed(int err) const;
  std::string NumberText() const;
  std::optional<std::string> Mangled(absl::string_view what,
                                     const std::string& text, size_t max) const;
  std::string Unmangled(const std::string& text) const;
  bool UnmangleReply();
  bool UnmangleText(absl::string_view what, std::string& text);
  void UpdateNodes();

  // Mangles a name or uuid; says what is wrong with `s`, and that `failed`.
  struct Mangling {
    absl::string_view what;    // "name", "new UUID"
    absl::string_view failed;  // "device name", in the complaint
    absl::string_view stop;    // that ends the complaint
    size_t max;
  };
  std::optional<std::string> MangleOrSay(absl::string_view s,
                                         const Mangling& how, MangleMode mode);

  DmsetupContext& ctx_;
  DmTaskType type_;
  // As given, and as the kernel gets them.
  std::optional<std::string> given_name_, given_uuid_;
  std::string name_, uuid_;
  std::optional<std::string> new_name_;
  int major_ = -1, minor_ = -1;
  bool default_major_ = true;  // none was set: the driver's will do
  uint32_t flags_ = 0;
  bool enable_checks_ = false, retry_remove_ = false;
  uint32_t event_nr_ = 0;
  NodeReadAhead read_ahead_;
  sector_t sector_{};
  std::optional<std::string> text_;  // a message or geometry
  DmIoctl io_;
  bool exists_ = true;
  std::vector<DmTargetSpec> rows_;
  std::shared_ptr<const LinearRows> columns_;
  std::vector<DmNameEntry> names_;
  std::vector<DevT> deps_;
  bool has_table_ = false;
  std::string reply_;
};

}  // namespace dmdax

#endif  // DMDAX_TOOLS_DMSETUP_DM_TASK_H_
