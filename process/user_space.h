// SPDX-License-Identifier: Apache-2.0
//
// UserSpace: what uses a machine: mounted file systems, device-dax devices and
// processes.
//
//   UserSpace user(machine, machine.profile().fault);
//   absl::StatusOr<MountPoint*> m = user.Mount(
//       {.path = "/mnt", .request = {.options = "dax=always"}}, *bdev);
//   (*m)->AddFile({.name = "f", .extents = {{.length = 16 << 20}}});
//   Task& task = *user.AddTask(1).value();
//   task.Map({.file = user.Open("/mnt/f").value(), .length = 16 << 20});
//
// The machine's devices must outlive it.
// Threading: thread-compatible.
#ifndef DMDAX_PROCESS_USER_SPACE_H_
#define DMDAX_PROCESS_USER_SPACE_H_

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "block/machine.h"
#include "dax/device_dax.h"
#include "process/dev_dax_options.h"
#include "process/mount_point.h"
#include "process/task.h"

namespace dmdax {

// Whether a file is opened now, or was when it still could be: what has become
// of its device since takes nothing from who has it open.
enum class OpenedWhen { kNow, kBefore };

// open(2) of a path and mmap(2) of what it gave.
struct MmapOptions {
  std::string path;       // "/mnt/f", "/dev/dax0.0"; "": anonymous memory
  bool readonly = false;  // O_RDONLY
  VmaOptions vma;         // without a file
  OpenedWhen opened = OpenedWhen::kNow;
};

// What a page frame belongs to.
struct FrameOwner {
  enum Kind { kRam, kZeroPage, kPmem, kDevDax } kind = kRam;
  std::string name;     // "pmem0", "dax3.0"
  uint64_t offset = 0;  // bytes from the start of the disk's data, or of the
                        // device
};

class UserSpace {
 public:
  UserSpace(Machine& machine, const FaultProfile& faults);
  ~UserSpace();

  const KernelProfile& kernel() const { return machine_.profile(); }
  const FaultProfile& faults() const { return faults_; }
  MemMap& mem() { return mem_; }

  // mount(2).  EBUSY: something is mounted there; else MountPoint::Create().
  absl::StatusOr<MountPoint*> Mount(const MountOptions& options,
                                    BlockDevice& bdev);
  // umount(2).  EINVAL: nothing is mounted there; EBUSY: a file is mapped.
  absl::Status Unmount(const std::string& path);
  const std::map<std::string, std::unique_ptr<MountPoint>>& mounts() const {
    return mounts_;
  }

  // Of those of a device the first by its path; null: it is not mounted.
  MountPoint* FirstMountOf(const BlockDevice& bdev) const;

  // EEXIST, ENOENT (no such pmem), EBUSY (its memory is in use, or a range is
  // a pmem's or another device-dax's), EINVAL as CheckDevDaxName() and
  // CheckDevDaxOptions(), or as DevDax::Create().
  absl::StatusOr<DevDax*> AddDevDax(const DevDaxRequest& request);
  // That of a snapshot: any name, and memory that is a pmem's too.
  absl::StatusOr<DevDax*> RestoreDevDax(const DevDaxRequest& request);
  const std::map<std::string, DevDaxRequest>& dev_daxes() const {
    return dax_requests_;
  }

  // Whether nobody can open the file for writing, as its mount is read-only.
  bool IsReadOnly(const std::string& path) const;
  // open(2) of a file or of /dev/daxX.Y.  ENOENT lists what there is; EROFS of
  // a writable one that is opened now, see IsReadOnly().
  absl::StatusOr<std::shared_ptr<File>> Open(
      const std::string& path, bool writable = true,
      OpenedWhen opened = OpenedWhen::kNow);
  // ENOENT lists what there is.
  absl::StatusOr<MountedFile*> FindFile(const std::string& path) const;
  absl::StatusOr<MountPoint*> FindMount(const std::string& path) const;

  // EEXIST; EINVAL for pid 0.
  absl::StatusOr<Task*> AddTask(uint32_t pid);
  Task* FindTask(uint32_t pid) const;
  // Opens the file and maps it in `task`, which is one of ours.  Errors of
  // Open() and Task::Map(), with the field to blame if there is one.
  absl::StatusOr<VmAreaStruct*> Mmap(Task& task, const MmapOptions& options);
  // exit(2): unmaps everything.  ESRCH.
  absl::Status RemoveTask(uint32_t pid);
  const std::map<uint32_t, std::unique_ptr<Task>>& tasks() const {
    return tasks_;
  }

  // For the next touch of any task.
  uint64_t NextSequence() { return ++sequence_; }
  void KeepSequence(uint64_t at_least);

  FrameOwner OwnerOf(pfn_t pfn) const;

  bool empty() const {
    return mounts_.empty() && dax_requests_.empty() && tasks_.empty();
  }

 private:
  // Gives struct pages to the memory of every pmem, also to those added since
  // the last call.
  void AddPagemaps();
  // --- user_space_dax.cc ---
  // Of all device-daxes, by the first byte.
  struct DaxRange {
    uint64_t end = 0;
    uint64_t offset = 0;  // in the device
    DevDax* dax = nullptr;
  };
  using DaxRanges = std::map<uint64_t, DaxRange>;
  bool IsDevDax(const PmemOptions& pmem) const {
    return DaxIn(pmem.base, pmem.size) != dax_ranges_.end();
  }
  // The first range of a device-dax with some of these bytes of memory.
  DaxRanges::const_iterator DaxIn(uint64_t start, uint64_t size) const;
  // The request's options with the range that its pmem is.
  absl::StatusOr<DevDaxOptions> ResolveRanges(
      const DevDaxRequest& request) const;
  absl::Status CheckMemory(const DevDaxOptions& options) const;
  absl::Status TakeFromDisks(const DevDaxOptions& options);

  // "/mnt/f" -> its mount and "f".
  MountPoint* MountOf(const std::string& path, std::string* name) const;
  std::string WhatThereIs() const;

  Machine& machine_;
  const FaultProfile& faults_;
  MemMap mem_;
  std::map<std::string, std::unique_ptr<MountPoint>> mounts_;
  std::multimap<const BlockDevice*, MountPoint*> mounts_of_;
  std::map<std::string, std::unique_ptr<DevDax>> daxes_;
  std::map<std::string, DevDaxRequest> dax_requests_;
  DaxRanges dax_ranges_;
  std::vector<BlockDevice*> claimed_;  // pmems that are device-dax
  std::map<uint32_t, std::unique_ptr<Task>> tasks_;
  uint64_t sequence_ = 0;
  uint64_t pmems_with_pages_ = 0;  // Machine::pmems_added() when they got them
};

}  // namespace dmdax

#endif  // DMDAX_PROCESS_USER_SPACE_H_
