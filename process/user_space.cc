// SPDX-License-Identifier: Apache-2.0
#include "process/user_space.h"

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "base/errno_status.h"
#include "process/field_error.h"

namespace dmdax {
namespace {

constexpr absl::string_view kDev = "/dev/";
constexpr size_t kMostListed = 20;

}  // namespace

UserSpace::UserSpace(Machine& machine, const FaultProfile& faults)
    : machine_(machine), faults_(faults), mem_(faults) {}

UserSpace::~UserSpace() {
  // Address spaces go first: they tell the files that they are unmapped.
  tasks_.clear();
  mounts_.clear();
  daxes_.clear();
  for (BlockDevice* bdev : claimed_) {
    bdev->Close(FMODE_READ | FMODE_WRITE | FMODE_EXCL);
  }
}

void UserSpace::AddPagemaps() {
  machine_.NeedUserSpace();
  // Every open of a file comes here.
  const uint64_t added = machine_.pmems_added();
  if (added == pmems_with_pages_) return;
  pmems_with_pages_ = added;
  // The memory of a pmem that is not loaded is not touched.
  for (BlockDevice* bdev : machine_.LoadedBlockDevices()) {
    const PmemDevice* pmem = machine_.FindPmem(bdev->name());
    if (pmem == nullptr || !pmem->options().has_pages) continue;
    const pfn_t start(pmem->options().base >> faults_.page_shift);
    if (mem_.FindPagemap(start) != nullptr || IsDevDax(pmem->options())) {
      continue;
    }
    mem_.AddPagemap({.start = start,
                     .nr = pmem->options().size >> faults_.page_shift,
                     .type = MemoryType::kFsDax});
  }
}

absl::StatusOr<MountPoint*> UserSpace::Mount(const MountOptions& options,
                                             BlockDevice& bdev) {
  machine_.NeedUserSpace();
  const PmemDevice* pmem = machine_.FindPmem(bdev.name());
  if (pmem != nullptr && IsDevDax(pmem->options())) {
    return FieldError(EBUSY, "device",
                      absl::StrCat(bdev.name(), " is a device-dax"));
  }
  // The kernel would give the file system that is there; another type is EBUSY.
  const std::string type =
      options.request.type.empty() ? "ext4" : options.request.type;
  const auto [first, last] = mounts_of_.equal_range(&bdev);
  for (auto it = first; it != last; ++it) {
    const MountOptions& other = it->second->options();
    if (other.path == options.path || options.claim == DeviceClaim::kShared ||
        other.request.type != type) {
      continue;
    }
    return FieldError(
        EBUSY, "device",
        absl::StrCat("not modelled: a second mount of ", bdev.name(),
                     ", which is mounted on ", other.path));
  }
  absl::StatusOr<std::unique_ptr<MountPoint>> m =
      MountPoint::Create(options, bdev, machine_.profile(), faults_, mem_,
                         machine_.log(), &machine_);
  if (!m.ok()) return m.status();
  const std::string& path = (*m)->options().path;
  if (!options.decided.has_value()) {
    const absl::StatusOr<DevT> node = machine_.LookupBdev(path);
    if (node.ok() || ErrnoOf(node.status()) == ENOTDIR) {
      return FieldError(
          ENOTDIR, "path",
          absl::StrCat(path, ": ", node.ok() ? "it is" : "it lies below",
                       " the node of a device"));
    }
  }
  std::string below;
  if (MountPoint* outer = MountOf(path, &below);
      outer != nullptr && !options.decided.has_value()) {
    if (const MountedFile* file = outer->FileOnTheWay(below)) {
      return FieldError(ENOTDIR, "path",
                        absl::StrCat(path, ": ", file->path, " is a file"));
    }
  }
  if (mounts_.count(path) != 0) {
    return FieldError(EBUSY, "path",
                      absl::StrCat(mounts_[path]->bdev().name(),
                                   " is mounted on ", path, " already"));
  }
  MountPoint* mount = (mounts_[path] = *std::move(m)).get();
  mounts_of_.insert({&bdev, mount});
  return mount;
}

MountPoint* UserSpace::FirstMountOf(const BlockDevice& bdev) const {
  MountPoint* first = nullptr;
  const auto [begin, end] = mounts_of_.equal_range(&bdev);
  for (auto it = begin; it != end; ++it) {
    MountPoint* const mount = it->second;
    if (first == nullptr || mount->options().path < first->options().path) {
      first = mount;
    }
  }
  return first;
}

absl::Status UserSpace::Unmount(const std::string& path) {
  auto it = mounts_.find(MountPath(path));
  if (it == mounts_.end()) {
    return ErrnoError(EINVAL, absl::StrCat(path, ": not mounted"));
  }
  // A File of a mapping points to the inode, which the mount owns.
  for (const auto& [name, file] : it->second->files()) {
    if (!file->inode.mapping.i_mmap.empty()) {
      return ErrnoError(EBUSY, absl::StrCat(file->path, " is mapped"));
    }
  }
  // What lies below would have no path.
  const std::string below = PathBelow(it->first, "");
  auto inner = mounts_.lower_bound(below);
  if (inner == it) ++inner;  // it is "/"
  if (inner != mounts_.end() && absl::StartsWith(inner->first, below)) {
    return ErrnoError(EBUSY, absl::StrCat(inner->second->bdev().name(),
                                          " is mounted on ", inner->first));
  }
  const auto [first, last] = mounts_of_.equal_range(&it->second->bdev());
  mounts_of_.erase(std::find_if(first, last, [&](const auto& entry) {
    return entry.second == it->second.get();
  }));
  mounts_.erase(it);
  return absl::OkStatus();
}

MountPoint* UserSpace::MountOf(const std::string& path,
                               std::string* name) const {
  for (absl::string_view above : PathsAbove(path)) {
    if (auto it = mounts_.find(std::string(above)); it != mounts_.end()) {
      *name = path.substr(PathBelow(above, "").size());
      return it->second.get();
    }
  }
  return nullptr;
}

std::string UserSpace::WhatThereIs() const {
  std::vector<std::string> known;
  for (const auto& [at, mount] : mounts_) {
    for (const auto& [name, file] : mount->files()) {
      if (known.size() <= kMostListed) known.push_back(file->path);
    }
  }
  for (const auto& [name, dax] : daxes_) {
    if (known.size() <= kMostListed) known.push_back(absl::StrCat(kDev, name));
  }
  if (known.empty()) return "the machine has no files";
  const bool more = known.size() > kMostListed;
  if (more) known.resize(kMostListed);
  return absl::StrCat("there are ", absl::StrJoin(known, ", "),
                      more ? ", ..." : "");
}

absl::StatusOr<MountPoint*> UserSpace::FindMount(
    const std::string& path) const {
  auto it = mounts_.find(MountPath(path));
  if (it != mounts_.end()) return it->second.get();
  return ErrnoError(EINVAL, absl::StrCat(path, ": not mounted"));
}

absl::StatusOr<MountedFile*> UserSpace::FindFile(
    const std::string& path) const {
  std::string name;
  MountPoint* mount = MountOf(path, &name);
  MountedFile* file = mount != nullptr ? mount->FindFile(name) : nullptr;
  if (file != nullptr) return file;
  return ErrnoError(ENOENT, absl::StrCat("no file '", path.substr(0, 128),
                                         "'; ", WhatThereIs()));
}

bool UserSpace::IsReadOnly(const std::string& path) const {
  std::string name;
  const MountPoint* mount = MountOf(path, &name);
  return mount != nullptr && mount->read_only();
}

absl::StatusOr<std::shared_ptr<File>> UserSpace::Open(const std::string& path,
                                                      bool writable,
                                                      OpenedWhen opened) {
  AddPagemaps();
  if (absl::StartsWith(path, kDev)) {
    auto it = daxes_.find(path.substr(kDev.size()));
    if (it != daxes_.end()) return it->second->Open(writable);
  }
  absl::StatusOr<MountedFile*> file = FindFile(path);
  if (!file.ok()) return file.status();
  std::string name;
  MountPoint* mount = MountOf(path, &name);
  if (writable && opened == OpenedWhen::kNow && mount->read_only()) {
    return ErrnoError(
        EROFS, absl::StrCat(path.substr(0, 128), ": ", mount->options().path,
                            " is mounted read-only"));
  }
  return mount->Open(**file, writable);
}

absl::StatusOr<Task*> UserSpace::AddTask(uint32_t pid) {
  // PID_MAX_LIMIT of include/linux/threads.h: the next one is never given.
  constexpr uint32_t kPidMax = 4 * 1024 * 1024 - 1;
  if (pid == 0 || pid > kPidMax) {
    return FieldError(EINVAL, "pid",
                      absl::StrCat("pid ", pid, ": 1 to ", kPidMax));
  }
  if (tasks_.count(pid) != 0) {
    return FieldError(EEXIST, "pid",
                      absl::StrCat("there is a process ", pid, " already"));
  }
  // Disks may have come since the last call, and their memory has pages now.
  AddPagemaps();
  return (tasks_[pid] = std::make_unique<Task>(pid, faults_, mem_)).get();
}

Task* UserSpace::FindTask(uint32_t pid) const {
  auto it = tasks_.find(pid);
  return it != tasks_.end() ? it->second.get() : nullptr;
}

absl::StatusOr<VmAreaStruct*> UserSpace::Mmap(Task& task,
                                              const MmapOptions& options) {
  VmaOptions vma = options.vma;
  if (!options.path.empty()) {
    absl::StatusOr<std::shared_ptr<File>> file =
        Open(options.path, !options.readonly, options.opened);
    if (!file.ok()) {
      return FieldError(ErrnoOf(file.status()), "file",
                        file.status().message());
    }
    vma.file = *std::move(file);
  }
  absl::StatusOr<VmAreaStruct*> mapped = task.Map(vma);
  if (mapped.ok() || !FieldOf(mapped.status()).empty()) return mapped;
  const int err = ErrnoOf(mapped.status());
  return FieldError(
      err, err == EOVERFLOW ? "offset" : "",
      absl::StrCat(mapped.status().message(), ": ", ErrnoText(err)));
}

absl::Status UserSpace::RemoveTask(uint32_t pid) {
  if (tasks_.erase(pid) != 0) return absl::OkStatus();
  return ErrnoError(ESRCH, absl::StrCat("no process ", pid));
}

void UserSpace::KeepSequence(uint64_t at_least) {
  sequence_ = std::max(sequence_, at_least);
}

FrameOwner UserSpace::OwnerOf(pfn_t pfn) const {
  if (mem_.IsZero(pfn)) return {.kind = FrameOwner::kZeroPage};
  const uint64_t phys = pfn.value() << faults_.page_shift;
  if (const auto it = DaxIn(phys, 1); it != dax_ranges_.end()) {
    return {FrameOwner::kDevDax, it->second.dax->options().name,
            it->second.offset + (phys - it->first)};
  }
  for (const PmemDevice* pmem : machine_.LoadedPmemsIn(phys, 1)) {
    const uint64_t data = pmem->options().base + pmem->options().data_offset;
    if (phys >= data) {
      return {FrameOwner::kPmem, pmem->options().name, phys - data};
    }
  }
  return {};
}

}  // namespace dmdax
