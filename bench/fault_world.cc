// SPDX-License-Identifier: Apache-2.0
#include "bench/fault_world.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <numeric>
#include <random>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/kernel_profile.h"

namespace dmdax::bench {
namespace {

constexpr uint64_t kHuge = uint64_t{2} << 20;
constexpr uint64_t kBytes = kFaultSlots * kHuge;
constexpr uint64_t kSectors = kBytes / kSectorSize;
constexpr uint64_t kBase = uint64_t{1} << 40;
constexpr uint64_t kDevDaxBase = uint64_t{1} << 44;
constexpr uint64_t kRows = 1024;
constexpr int kLevels = 16;
// As for a disk that takes 4 MiB a request: else no 2 MiB are one run.
constexpr uint32_t kMaxSectors = 8192;
// Other mappings of a process: libraries, heaps, stacks.
constexpr uint64_t kOthers = 24;
constexpr uint64_t kOtherStart = uint64_t{1} << 32;
constexpr uint64_t kFileStart = uint64_t{1} << 42;

// A benchmark on a world that could not be built says nothing; stop.
template <typename T>
T Must(absl::StatusOr<T> value) {
  if (value.ok()) return *std::move(value);
  fprintf(stderr, "bench: %s\n", value.status().ToString().c_str());
  exit(1);
}

void Must(const absl::Status& s) {
  if (s.ok()) return;
  fprintf(stderr, "bench: %s\n", std::string(s.message()).c_str());
  exit(1);
}

std::vector<uint64_t> Shuffled(uint64_t n) {
  std::vector<uint64_t> order(n);
  std::iota(order.begin(), order.end(), uint64_t{0});
  std::shuffle(order.begin(), order.end(), std::mt19937_64(n));
  return order;
}

}  // namespace

FaultSubject::FaultSubject(UserSpace& user, std::shared_ptr<dmdax::File> file,
                           uint64_t slot_bytes, BaselineHandler* kernel_file,
                           VmaHuge huge)
    : user_(user),
      file_(std::move(file)),
      huge_(huge),
      length_(kFaultSlots * slot_bytes),
      start_(kFileStart) {
  for (uint64_t i = 0; i < kOthers; ++i) {
    const uint64_t at = kOtherStart + 2 * i * 4096;
    kernel_.Map({.start = at, .end = at + 4096});
  }
  kernel_.Map({.start = start_,
               .end = start_ + length_,
               .no_huge = huge == VmaHuge::kNohugepage,
               .file = kernel_file});
}

VmaOptions FaultSubject::mapping() const {
  return {.file = file_, .length = length_, .address = start_, .huge = huge_};
}

void FaultSubject::Restart() {
  task_.reset();
  if (reset) reset();
  task_ = std::make_unique<Task>(1, user_.faults(), user_.mem());
  for (uint64_t i = 0; i < kOthers; ++i) {
    Must(task_->Map({.length = 4096, .address = kOtherStart + 2 * i * 4096})
             .status());
  }
  Must(task_->Map(mapping()).status());
  kernel_.Reset();
}

FaultWorld::FaultWorld(FaultStack stack) {
  extents_ = {{0, 0, kBytes, false}};
  Must(machine_.AddPmem({.name = "pmem0", .base = kBase, .size = kBytes})
           .status());
  disk_ = machine_.FindBdevByName("pmem0");
  top_ = kernel_.AddPmem(kBase, kBytes);
  switch (stack) {
    case FaultStack::kRow:
      AddRows(1);
      break;
    case FaultStack::kStripe:
      AddStripe();
      break;
    case FaultStack::kRows:
      AddRows(kRows);
      extents_.clear();
      for (uint64_t to : Shuffled(kRows)) {
        const uint64_t length = kBytes / kRows;
        extents_.push_back(
            {extents_.size() * length, to * length, length, false});
      }
      break;
    case FaultStack::kLevels:
      for (int i = 0; i < kLevels; ++i) AddRows(1);
      break;
  }
  user_ = std::make_unique<UserSpace>(machine_, DefaultKernelProfile().fault);
}

void FaultWorld::Create(const std::vector<DmTargetSpec>& rows) {
  const std::string name = absl::StrCat("on-", disk_->name());
  DmIoctl io{.name = name};
  Must(ctl_.DevCreate(io));
  io = DmIoctl{.name = name};
  Must(ctl_.TableLoad(io, rows));
  io = DmIoctl{.name = name};
  Must(ctl_.DevSuspend(io));
  disk_ = &ctl_.FindDevice(name)->disk();
  QueueLimits limits = disk_->queue().limits();
  limits.max_sectors = kMaxSectors;
  disk_->queue().SetLimits(limits);
}

void FaultWorld::AddRows(uint64_t rows) {
  const uint64_t length = kSectors / rows;
  std::vector<DmTargetSpec> specs;
  std::vector<BaselineRow> kernel_rows;
  for (uint64_t to : Shuffled(rows)) {
    const uint64_t begin = specs.size() * length;
    specs.push_back({sector_t{begin}, length, "linear",
                     absl::StrCat("/dev/", disk_->name(), " ", to * length)});
    kernel_rows.push_back({begin, length, top_, to * length});
  }
  Create(specs);
  top_ = kernel_.AddMapped(kernel_rows);
}

void FaultWorld::AddStripe() {
  constexpr uint64_t kLegs = 4;
  constexpr uint64_t kChunk = kHuge / kSectorSize;
  std::string words = absl::StrCat(kLegs, " ", kChunk);
  std::vector<BaselineLeg> legs;
  for (uint64_t i = 0; i < kLegs; ++i) {
    absl::StrAppend(&words, " /dev/", disk_->name(), " ", i * kSectors / kLegs);
    legs.push_back({top_, i * kSectors / kLegs});
  }
  Create({{sector_t{0}, kSectors, "striped", words}});
  top_ = kernel_.AddStriped(kSectors, kChunk, legs, kMaxSectors);
}

std::unique_ptr<FaultSubject> FaultWorld::File(const std::string& fs,
                                               FaultFile kind, VmaHuge huge) {
  const std::string path = absl::StrCat("/", kernel_files_.size());
  MountPoint* mount =
      Must(user_->Mount({.path = path,
                         .request = {.type = fs, .options = "dax=always"},
                         .claim = DeviceClaim::kShared},
                        *disk_));
  const bool unwritten = kind == FaultFile::kUnwritten;
  FileOptions options{.name = "f", .size = kBytes, .synced = true};
  std::vector<BaselineExtent> kernel_extents;
  if (kind != FaultFile::kHole) kernel_extents = extents_;
  for (BaselineExtent& extent : kernel_extents) {
    extent.unwritten = unwritten;
    options.extents.push_back(
        {.logical = extent.logical,
         .physical = extent.physical,
         .length = extent.length,
         .type = unwritten ? IOMAP_UNWRITTEN : IOMAP_MAPPED});
  }
  MountedFile* file = Must(mount->RestoreFile(options));
  auto kernel_file = std::make_unique<BaselineFile>(
      top_, fs == "ext4" ? BaselineFs::kExt4 : BaselineFs::kXfs, kBytes,
      kernel_extents);
  BaselineFile* baseline = kernel_file.get();
  kernel_files_.push_back(std::move(kernel_file));
  auto subject = std::make_unique<FaultSubject>(
      *user_, Must(user_->Open(path + "/f")), kHuge, baseline, huge);
  subject->reset = [=] {
    baseline->Reset();
    DaxInode& inode = file->inode;
    inode.Invalidate(0, 0, EvenCows::kYes);
    inode.known_holes = KnownHoles();
    inode.datasync_dirty = false;
    for (const FileExtent& extent : options.extents) {
      inode.extents.Insert(extent);
    }
  };
  return subject;
}

std::unique_ptr<FaultSubject> FaultWorld::DevDax(int order) {
  const uint64_t slot = uint64_t{4096} << order;
  const uint64_t bytes = kFaultSlots * slot;
  const std::string name = absl::StrCat("dax", order, ".0");
  const uint64_t base = kDevDaxBase + static_cast<uint64_t>(order) * kBase;
  Must(user_
           ->AddDevDax({.options = {.name = name,
                                    .align = slot,
                                    .ranges = {{base, bytes}}}})
           .status());
  kernel_files_.push_back(std::make_unique<BaselineDevDax>(base, bytes, order));
  return std::make_unique<FaultSubject>(
      *user_, Must(user_->Open(absl::StrCat("/dev/", name))), slot,
      kernel_files_.back().get(), VmaHuge::kDefault);
}

}  // namespace dmdax::bench
