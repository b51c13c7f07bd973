// SPDX-License-Identifier: Apache-2.0
#include "tests/sweep/random_world.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace dmdax {
namespace {

constexpr uint64_t kMiB = 1 << 20;

// Of those that a sweep is modelled for.
const KernelProfile& ProfileFor(uint64_t seed) {
  std::vector<const KernelProfile*> all;
  for (const KernelProfile& profile : AllKernelProfiles()) {
    if (profile.fault.page_size() == kPageSize) all.push_back(&profile);
  }
  return *all[seed % all.size()];
}

}  // namespace

RandomWorld::RandomWorld(uint64_t seed)
    : dice_(seed),
      machine_(ProfileFor(seed)),
      ctl_(machine_),
      faults_(&machine_.profile().fault),
      scale_(dice_.Percent(40) ? 20 : 1),
      stripes_(scale_ > 1 && dice_.Percent(50)) {
  absl::StrAppend(&text_, "kernel ", machine_.profile().name, "\n");
  AddMemory();
  const uint64_t levels = dice_.OneOf({stripes_ ? 2u : 0u, 1, 1, 2, 2, 3, 4});
  for (uint64_t i = 0; i < levels; ++i) AddLevel();
  DrawFile();
}

void RandomWorld::AddMemory() {
  uint64_t base = uint64_t{4} << 30;
  for (uint64_t i = 0; i < dice_.Range(1, 3); ++i) {
    const std::string name = absl::StrCat("pmem", i);
    PmemOptions o{.name = name, .base = base, .has_pages = dice_.Percent(92)};
    if (dice_.Percent(30)) o.base += dice_.Range(1, 600) * kPageSize;
    o.size = dice_.Range(8, 40) * scale_ * kMiB;
    if (dice_.Percent(30)) o.size += dice_.Range(0, 511) * kPageSize;
    if (dice_.Percent(20)) o.data_offset = dice_.OneOf({8192, 2 * kMiB});
    BlockDevice* disk = *machine_.AddPmem(o);
    absl::StrAppend(&text_, name, " base ", o.base, " size ", o.size,
                    " data_offset ", o.data_offset, "\n");
    if (dice_.Percent(25)) {
      for (uint64_t n = dice_.Range(1, 4); n > 0; --n) {
        const uint64_t bad = dice_.Range(0, disk->nr_sectors() - 1);
        const uint64_t len = dice_.OneOf({1, 9, 8, 700, 5000});
        machine_.FindPmem(name)->SetBadblocks(sector_t{bad}, len);
        absl::StrAppend(&text_, "  bad ", bad, " +", len, "\n");
      }
    }
    base += 64 * scale_ * kMiB;
    if (!dice_.Percent(20)) {
      devices_.push_back(disk);
      continue;
    }
    const uint64_t start =
        dice_.OneOf({8, 2048, 4096, 4104}) + (dice_.Percent(5) ? 1 : 0);
    absl::StatusOr<BlockDevice*> part =
        machine_.AddBlock({.name = absl::StrCat(name, "p1"),
                           .nr_sectors = disk->nr_sectors() - start - 8,
                           .partition_of = name,
                           .start_sect = sector_t{start}});
    devices_.push_back(part.ok() ? *part : disk);
    absl::StrAppend(&text_, "  partition from ", start, "\n");
  }
}

// "type words", for a row of up to *len sectors.
std::string RandomWorld::DrawRow(uint64_t, uint64_t* len) {
  const uint64_t unit = stripes_ ? 8 : DrawUnit();
  const auto leg = [&](uint64_t* room) {
    // Mostly the highest device there is.
    const size_t n = devices_.size();
    BlockDevice* dev =
        devices_[dice_.Percent(60) ? n - 1 : dice_.Range(0, n - 1)];
    const uint64_t most = dev->nr_sectors() / unit;
    const uint64_t start =
        dice_.Percent(40) ? 0 : dice_.Range(0, most / 2) * unit;
    *room = std::min(*room, dev->nr_sectors() - start);
    return absl::StrCat("/dev/", dev->name(), " ", start);
  };
  const uint64_t kind = dice_.Range(stripes_ ? 40 : 0, 99);
  if (kind < 60) {
    const std::string words = leg(len);
    *len = std::max(unit, *len / unit * unit);
    return absl::StrCat("linear ", words);
  }
  if (kind < 66 && !stripes_) {
    *len = dice_.Range(1, 900) * 8;
    return "error";
  }
  if (kind < 70 && !stripes_) {
    const std::string words = leg(len);
    uint64_t log = ~uint64_t{0};
    return absl::StrCat("log-writes ", words.substr(0, words.find(' ')), " ",
                        leg(&log).substr(0, 10));
  }
  const uint64_t legs = dice_.OneOf({1, 2, 2, 3, 4, 7});
  const uint64_t chunk =
      stripes_
          ? dice_.OneOf({4096, 4096, 4608, 6144, 8192, 12288})
          : dice_.OneOf({8, 24, 128, 128, 1024, 2048, 4096, 4096, 8192, 12288});
  uint64_t room = stripes_ ? *len * legs : *len;
  std::string words;
  for (uint64_t i = 0; i < legs; ++i) absl::StrAppend(&words, " ", leg(&room));
  *len = std::max<uint64_t>(1, room / legs / chunk) * chunk * legs;
  return absl::StrCat("striped ", legs, " ", chunk, words);
}

void RandomWorld::AddLevel() {
  const std::string name = absl::StrCat("L", devices_.size());
  std::vector<DmTargetSpec> rows;
  uint64_t begin = 0;
  for (uint64_t n = stripes_ ? 1 : dice_.OneOf({1, 1, 2, 3, 5}); n > 0; --n) {
    uint64_t len = dice_.Range(1, 40) * scale_ * 4096;
    if (!stripes_ && dice_.Percent(20)) len = dice_.Range(1, 4000) * 8;
    if (dice_.Percent(3)) len += dice_.Range(1, 7);
    const std::string words = DrawRow(begin, &len);
    const size_t space = words.find(' ');
    rows.push_back({sector_t{begin}, len, words.substr(0, space),
                    space == std::string::npos ? "" : words.substr(space + 1)});
    begin += len;
  }
  DmIoctl io{.name = name};
  if (!ctl_.DevCreate(io).ok()) return;
  io = DmIoctl{.name = name};
  const absl::Status loaded = ctl_.TableLoad(io, rows);
  io = DmIoctl{.name = name};
  std::shared_ptr<MappedDevice> md = ctl_.FindDevice(name);
  if (!loaded.ok() || !ctl_.DevSuspend(io).ok()) return;
  if (!md->live_table()->SupportsDax().dax() && dice_.Percent(90)) return;
  if (stripes_ || dice_.Percent(50)) {
    RequestQueue& queue = md->disk().queue();
    QueueLimits limits = queue.limits();
    limits.max_sectors = static_cast<uint32_t>(
        stripes_ ? 20000
                 : dice_.OneOf({8, 100, 2048, 4096, 8192, 8192, 20000}));
    queue.SetLimits(limits);
    absl::StrAppend(&text_, "max_sectors ", limits.max_sectors, " of\n");
  }
  absl::StrAppend(&text_, name, " = ", md->disk().name(), "\n");
  for (const DmTargetSpec& row : rows) {
    absl::StrAppend(&text_, "  ", row.sector_start.value(), " ", row.length,
                    " ", row.target_type, " ", row.params, "\n");
  }
  devices_.push_back(&md->disk());
}

void RandomWorld::DrawFile() {
  if (!stripes_ && dice_.Percent(8)) {
    dax_.options = {.name = "dax0.0",
                    .align = dice_.OneOf({4096, 2 * kMiB, 1024 * kMiB}),
                    .ranges = {{uint64_t{1} << 40, 1024 * kMiB}}};
    size_ = 1024 * kMiB;
    return;
  }
  device_ = devices_.back();
  const char* const kTypes[] = {"ext4", "ext4", "xfs", "xfs", "ext2"};
  mount_.path = "/mnt";
  // The judge mounts it beside the one that is judged.
  mount_.claim = DeviceClaim::kShared;
  mount_.request.type = kTypes[dice_.Range(0, 4)];
  if (dice_.Percent(50)) mount_.request.driver = mount_.request.type;
  mount_.request.options =
      machine_.profile().has_dax_modes ? "dax=always" : "dax";
  const uint64_t bytes = device_->nr_sectors() * kSectorSize;
  if (dice_.Percent(60)) {
    mount_.allocator = AllocatorOptions{
        .start = dice_.Range(0, bytes / kPageSize / 2) * kPageSize,
        .align = dice_.OneOf({4096, 4096, 2 * kMiB, 64 * 1024, 4 * kMiB})};
  }
  DrawExtents(bytes);
  file_.name = "f";
  file_.synced = dice_.Percent(50);
  size_ = file_.extents.empty() ? kMiB : file_.extents.back().end();
  if (dice_.Percent(50)) size_ += dice_.Range(0, 6 * kMiB);
  if (dice_.Percent(30)) size_ -= dice_.Range(0, size_ / 2);
  file_.size = std::max<uint64_t>(1, size_);
  size_ = file_.size;
  for (uint64_t n = dice_.OneOf({0, 0, 0, 1, 3, 9}); n > 0; --n) {
    touches_.push_back({dice_.Range(0, size_ - 1), dice_.Percent(30)});
  }
}

void RandomWorld::DrawExtents(uint64_t device_bytes) {
  const uint64_t blocks = device_bytes / kPageSize;
  uint64_t logical = 0;
  // One extent that covers the device, or many.
  const bool whole = dice_.Percent(stripes_ ? 95 : scale_ > 1 ? 70 : 30);
  const bool huge = dice_.Percent(50);
  const uint64_t n = whole ? 1 : dice_.Range(0, 12);
  for (uint64_t i = 0; i < n; ++i) {
    FileExtent e;
    if (!whole && dice_.Percent(50)) logical += dice_.Range(1, 1500);
    uint64_t physical = whole ? 0 : dice_.Range(0, blocks - 1);
    if (huge && dice_.Percent(80)) {
      logical = (logical + 511) / 512 * 512;
      physical = physical / 512 * 512;
    }
    uint64_t length = whole ? blocks : dice_.Range(1, huge ? 5000 : 700);
    length = std::min(length, blocks - physical);
    if (length == 0) continue;
    e.logical = logical * kPageSize;
    e.physical = physical * kPageSize;
    e.length = length * kPageSize;
    e.type = dice_.Percent(80) ? IOMAP_MAPPED : IOMAP_UNWRITTEN;
    e.shared = mount_.request.type == "xfs" && dice_.Percent(10);
    logical += length;
    file_.extents.push_back(e);
  }
}

bool RandomWorld::Make(UserSpace& user) {
  if (!dax_.options.name.empty()) return user.AddDevDax(dax_).ok();
  absl::StatusOr<MountPoint*> mount = user.Mount(mount_, *device_);
  // Extents are drawn without regard to each other's blocks.
  if (!mount.ok() || !(*mount)->RestoreFile(file_).ok()) return false;
  if (!(*mount)->FindFile("f")->inode.s_dax) return false;
  if (touches_.empty()) return true;
  Task* task = *user.AddTask(7);
  absl::StatusOr<VmAreaStruct*> vma =
      task->Map({.file = *user.Open("/mnt/f"),
                 .length = size_,
                 .address = faults_->pud_size()});
  if (!vma.ok()) return false;
  for (const Touch& touch : touches_) {
    task->Repeat(
        {TouchRecord{(*vma)->vm_start + touch.offset,
                     touch.write ? AccessKind::kWrite : AccessKind::kRead, 0}});
  }
  return true;
}

std::shared_ptr<File> RandomWorld::Open(UserSpace& user) const {
  return *user.Open(dax_.options.name.empty() ? "/mnt/f" : "/dev/dax0.0");
}

std::string RandomWorld::Text() const {
  std::string text = text_;
  if (device_ == nullptr) return absl::StrCat(text, "dax ", dax_.options.align);
  absl::StrAppend(&text, mount_.request.type, " on ", device_->name(),
                  " file of ", size_, " bytes\n");
  if (mount_.allocator.has_value()) {
    absl::StrAppend(&text, "  allocator from ", mount_.allocator->start,
                    " align ", mount_.allocator->align, "\n");
  }
  for (const FileExtent& e : file_.extents) {
    absl::StrAppend(&text, "  extent page ", e.logical / kPageSize, " at ",
                    e.physical / kPageSize, " +", e.length / kPageSize,
                    " type ", e.type, e.shared ? " shared\n" : "\n");
  }
  for (const Touch& touch : touches_) {
    absl::StrAppend(&text, "  touched page ", touch.offset / kPageSize,
                    touch.write ? " write\n" : " read\n");
  }
  return text;
}

}  // namespace dmdax
