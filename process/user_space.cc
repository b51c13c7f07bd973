// SPDX-License-Identifier: Apache-2.0
#include "process/user_space.h"

#include <algorithm>
#include <cerrno>
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

bool UserSpace::IsDevDax(const PmemOptions& pmem) const {
  for (const auto& [name, dax] : daxes_) {
    for (const DevDaxRange& r : dax->options().ranges) {
      if (r.start < pmem.base + pmem.size && pmem.base < r.start + r.size) {
        return true;
      }
    }
  }
  return false;
}

void UserSpace::AddPagemaps() {
  machine_.NeedUserSpace();
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
  for (const auto& [at, mount] : mounts_) {
    if (&mount->bdev() != &bdev || at == options.path ||
        options.claim == DeviceClaim::kShared ||
        mount->options().request.type != type) {
      continue;
    }
    return FieldError(EBUSY, "device",
                      absl::StrCat("not modelled: a second mount of ",
                                   bdev.name(), ", which is mounted on ", at));
  }
  absl::StatusOr<std::unique_ptr<MountPoint>> m = MountPoint::Create(
      options, bdev, machine_.profile(), faults_, mem_, machine_.log());
  if (!m.ok()) return m.status();
  const std::string& path = (*m)->options().path;
  if (mounts_.count(path) != 0) {
    return FieldError(EBUSY, "path",
                      absl::StrCat(mounts_[path]->bdev().name(),
                                   " is mounted on ", path, " already"));
  }
  return (mounts_[path] = *std::move(m)).get();
}

absl::Status UserSpace::Unmount(const std::string& path) {
  auto it = mounts_.find(path);
  if (it == mounts_.end()) {
    return ErrnoError(EINVAL, absl::StrCat(path, ": not mounted"));
  }
  // A File of a mapping points to the inode, which the mount owns.
  for (const auto& [name, file] : it->second->files()) {
    if (!file->inode.mapping.i_mmap.empty()) {
      return ErrnoError(EBUSY, absl::StrCat(file->path, " is mapped"));
    }
  }
  mounts_.erase(it);
  return absl::OkStatus();
}

// A region is a disk or a device-dax, not both.
absl::Status UserSpace::TakeFromDisks(const DevDaxOptions& options) {
  for (BlockDevice* bdev : machine_.BlockDevices()) {
    const PmemDevice* pmem = machine_.FindPmem(bdev->name());
    if (pmem == nullptr) continue;
    const PmemOptions& p = pmem->options();
    for (const DevDaxRange& r : options.ranges) {
      if (r.start >= p.base + p.size || p.base >= r.start + r.size) continue;
      if (bdev->openers() > 0) {
        return FieldError(EBUSY, "",
                          absl::StrCat(options.name, ": the memory of ",
                                       bdev->name(), ", which is in use"));
      }
      DevPagemap* fsdax = mem_.FindPagemap(pfn_t(p.base >> faults_.page_shift));
      if (fsdax != nullptr && fsdax->type == MemoryType::kFsDax) {
        mem_.RemovePagemap(fsdax);
      }
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<DevDaxOptions> UserSpace::ResolveRanges(
    const DevDaxRequest& request) const {
  DevDaxOptions options = request.options;
  if (!request.pmem.empty()) {
    const PmemDevice* pmem = machine_.FindPmem(request.pmem);
    if (pmem == nullptr) {
      return FieldError(ENOENT, "pmem",
                        absl::StrCat("no pmem '", request.pmem, "'"));
    }
    if (!options.ranges.empty()) {
      return FieldError(EINVAL, "pmem", "pmem and range: one of them");
    }
    const PmemOptions& p = pmem->options();
    options.ranges.push_back({p.base + p.data_offset, p.size - p.data_offset});
  }
  options.static_region = options.ranges.size() == 1;
  return options;
}

// A region is a pmem or a device-dax; only the whole pmem can become one.
absl::Status UserSpace::CheckMemory(const DevDaxOptions& options) const {
  const auto check = [&](const std::string& name, uint64_t start, uint64_t size,
                         const char* hint) -> absl::Status {
    for (size_t i = 0; i < options.ranges.size(); ++i) {
      const DevDaxRange& r = options.ranges[i];
      if (r.start >= start + size || start >= r.start + r.size) continue;
      return FieldError(
          EBUSY, absl::StrCat("range[", i, "].start"),
          absl::StrFormat("%s: 0x%x-0x%x is memory of %s at 0x%x-0x%x%s",
                          options.name, r.start, r.start + r.size - 1, name,
                          start, start + size - 1, hint));
    }
    return absl::OkStatus();
  };
  for (BlockDevice* bdev : machine_.BlockDevices()) {
    const PmemDevice* pmem = machine_.FindPmem(bdev->name());
    if (pmem == nullptr) continue;
    const PmemOptions& p = pmem->options();
    absl::Status s =
        check(p.name, p.base, p.size,
              "; a pmem becomes a device-dax as a whole, by its name");
    if (!s.ok()) return s;
  }
  for (const auto& [name, dax] : daxes_) {
    for (const DevDaxRange& r : dax->options().ranges) {
      absl::Status s = check(name, r.start, r.size, "");
      if (!s.ok()) return s;
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<DevDax*> UserSpace::AddDevDax(const DevDaxRequest& request) {
  absl::Status s = CheckDevDaxName(request.options.name);
  if (s.ok() && request.pmem.empty()) {
    s = CheckDevDaxOptions(request.options, faults_);
  }
  if (s.ok()) s = CheckMemory(request.options);
  if (!s.ok()) return s;
  return RestoreDevDax(request);
}

absl::StatusOr<DevDax*> UserSpace::RestoreDevDax(const DevDaxRequest& request) {
  const std::string& name = request.options.name;
  if (daxes_.count(name) != 0) {
    return FieldError(EEXIST, "name",
                      absl::StrCat("there is a ", name, " already"));
  }
  const absl::StatusOr<DevDaxOptions> options = ResolveRanges(request);
  if (!options.ok()) return options.status();
  absl::Status s = CheckDevDaxOptions(*options, faults_);
  if (s.ok()) s = TakeFromDisks(*options);
  if (!s.ok()) return s;
  absl::StatusOr<std::unique_ptr<DevDax>> dax =
      DevDax::Create(faults_, mem_, *options, machine_.profile());
  if (!dax.ok()) {
    return FieldError(ErrnoOf(dax.status()), "",
                      absl::StrCat(name, ": ", dax.status().message()));
  }
  if (!request.pmem.empty()) {
    // The open disk can neither be removed nor be used otherwise.
    BlockDevice* bdev = machine_.FindBdevByName(request.pmem);
    s = bdev->Open(FMODE_READ | FMODE_WRITE | FMODE_EXCL, this);
    if (!s.ok()) return s;
    claimed_.push_back(bdev);
  }
  dax_requests_[name] = request;
  return (daxes_[name] = *std::move(dax)).get();
}

MountPoint* UserSpace::MountOf(const std::string& path,
                               std::string* name) const {
  MountPoint* best = nullptr;
  for (const auto& [at, mount] : mounts_) {
    absl::string_view rest = path;
    if (!absl::ConsumePrefix(&rest, at) || !absl::ConsumePrefix(&rest, "/")) {
      continue;
    }
    // Mounts are ordered by path, so a mount inside another comes later.
    best = mount.get();
    *name = std::string(rest);
  }
  return best;
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
  if (known.empty()) return "there is none";
  const bool more = known.size() > kMostListed;
  if (more) known.resize(kMostListed);
  return absl::StrCat("there are ", absl::StrJoin(known, ", "),
                      more ? ", ..." : "");
}

absl::StatusOr<MountPoint*> UserSpace::FindMount(
    const std::string& path) const {
  auto it = mounts_.find(path);
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

absl::StatusOr<std::shared_ptr<File>> UserSpace::Open(const std::string& path,
                                                      bool writable) {
  AddPagemaps();
  if (absl::StartsWith(path, kDev)) {
    auto it = daxes_.find(path.substr(kDev.size()));
    if (it != daxes_.end()) return it->second->Open(writable);
  }
  absl::StatusOr<MountedFile*> file = FindFile(path);
  if (!file.ok()) return file.status();
  std::string name;
  return MountOf(path, &name)->Open(**file, writable);
}

absl::StatusOr<Task*> UserSpace::AddTask(uint32_t pid) {
  if (pid == 0) return FieldError(EINVAL, "pid", "pid 0: 1 or more");
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
        Open(options.path, !options.readonly);
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
  for (const auto& [name, dax] : daxes_) {
    uint64_t before = 0;
    for (const DevDaxRange& r : dax->options().ranges) {
      if (phys >= r.start && phys - r.start < r.size) {
        return {FrameOwner::kDevDax, name, before + (phys - r.start)};
      }
      before += r.size;
    }
  }
  for (BlockDevice* bdev : machine_.LoadedBlockDevices()) {
    const PmemDevice* pmem = machine_.FindPmem(bdev->name());
    if (pmem == nullptr) continue;
    const uint64_t data = pmem->options().base + pmem->options().data_offset;
    const uint64_t end = pmem->options().base + pmem->options().size;
    if (phys >= data && phys < end) {
      return {FrameOwner::kPmem, bdev->name(), phys - data};
    }
  }
  return {};
}

}  // namespace dmdax
