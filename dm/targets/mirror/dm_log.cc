// SPDX-License-Identifier: Apache-2.0
#include "dm/targets/mirror/dm_log.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/errno_status.h"
#include "base/kstrtox.h"
#include "dm/bio_map.h"

namespace dmdax {
namespace {

// struct log_header_disk; the bitmap follows in sector 2.
constexpr uint32_t kMirrorMagic = 0x4D695272;
constexpr uint32_t kMirrorDiskVersion = 2;
constexpr size_t kLogOffset = 2 << kSectorShift;
constexpr uint64_t kMostWritten = 1 << 23;

struct LogHeader {
  uint32_t magic;
  uint32_t version;
  uint64_t nr_regions;
};

absl::Status LogError(const DmTarget& ti, absl::string_view text) {
  DmLog(MachineOf(ti), KernLevel::kWarn, "dirty region log", text);
  return ErrnoError(EINVAL, text);
}

// userspace_ctr(): asks a daemon, which no machine here has.
absl::Status AskUserspace(const DmTarget& ti,
                          absl::Span<const std::string> argv) {
  const auto log = [&](KernLevel level, absl::string_view text) {
    DmLog(MachineOf(ti), level, "dm-log-userspace", text);
  };
  constexpr size_t kUuidSize = 129;
  if (argv.size() < 3) {
    log(KernLevel::kWarn, "Too few arguments to userspace dirty log");
    return ErrnoError(EINVAL, "too few arguments");
  }
  if (argv[0].size() >= kUuidSize) {
    log(KernLevel::kWarn, "UUID argument too long.");
    return ErrnoError(EINVAL, "uuid too long");
  }
  argv.remove_prefix(absl::EqualsIgnoreCase(argv[1], "integrated_flush") ? 2
                                                                         : 1);
  // The request has room for so much of "<length of the row> <arguments>".
  constexpr size_t kMostBytes = 332;
  if (absl::StrCat(ti.len.value(), " ", absl::StrJoin(argv, " ")).size() >
      kMostBytes) {
    log(KernLevel::kInfo, "Size of tfr exceeds preallocated size");
    log(KernLevel::kErr, "Userspace log server failed to create log");
    return ErrnoError(EINVAL, "request too long");
  }
  log(KernLevel::kErr, "Unable to send log request [1] to userspace: -3");
  log(KernLevel::kErr, "Userspace log server not found");
  return ErrnoError(ESRCH, "no log server");
}

bool Bit(absl::string_view bits, uint64_t i) {
  return (static_cast<unsigned char>(bits[i / 8]) >> (i % 8) & 1) != 0;
}

}  // namespace

// create_log_context(): "<region size> [sync|nosync]".
absl::Status DirtyLog::CreateContext(const DmTarget& ti,
                                     absl::Span<const std::string> argv) {
  if (argv.empty() || argv.size() > 2) {
    return LogError(ti, "wrong number of arguments to dirty region log");
  }
  if (argv.size() == 2) {
    if (argv[1] == "sync") {
      sync_ = Sync::kForce;
    } else if (argv[1] == "nosync") {
      sync_ = Sync::kNo;
    } else {
      return LogError(
          ti, absl::StrCat("unrecognised sync argument to dirty region log: ",
                           argv[1]));
    }
  }
  absl::StatusOr<uint32_t> size =
      SscanfU32(argv[0], ProfileOf(ti).sscanf_overflow);
  if (!size.ok() || *size < 2 || *size > ti.len.value() ||
      (*size & (*size - 1)) != 0) {
    return LogError(ti, absl::StrCat("invalid region size ", argv[0]));
  }
  region_size_ = *size;
  region_count_ = (ti.len.value() - 1) / *size + 1;
  constexpr uint64_t kMax = std::numeric_limits<uint32_t>::max();
  if (region_count_ > kMax) {
    return LogError(ti, absl::StrCat("region count exceeds limit of ", kMax));
  }
  // nosync says that the legs are equal already.
  prefix_ = sync_ == Sync::kNo ? region_count_ : 0;
  return absl::OkStatus();
}

// The header and the bitmap must fit the log device.
absl::Status DirtyLog::CheckDevice(const DmTarget& ti) const {
  const uint64_t lbs = dev_->bdev->queue().limits().logical_block_size;
  const uint64_t bitset = (region_count_ + 63) / 64 * 8;
  const uint64_t size = (kLogOffset + bitset + lbs - 1) / lbs * lbs;
  if (size <= dev_->bdev->nr_sectors() << kSectorShift) {
    return absl::OkStatus();
  }
  return LogError(ti, absl::StrCat("log device ", dev_->name,
                                   " too small: need ", size, " bytes"));
}

absl::Status DirtyLog::Create(DmTarget& ti, const std::string& type,
                              absl::Span<const std::string> argv) {
  if (type == "core") return CreateContext(ti, argv);
  if (type == "userspace") return AskUserspace(ti, argv);
  if (type != "disk") {
    return LogError(
        ti, absl::StrCat("Module for logging type \"", type, "\" not found."));
  }
  if (argv.size() < 2 || argv.size() > 3) {
    return LogError(ti, "wrong number of arguments to disk dirty region log");
  }
  absl::StatusOr<const DmDev*> dev = DmGetDevice(ti, argv[0]);
  if (!dev.ok()) return dev.status();
  dev_ = *dev;
  absl::Status s = CreateContext(ti, argv.subspan(1));
  return s.ok() ? CheckDevice(ti) : s;
}

void DirtyLog::SetSync(uint64_t region, bool in_sync) {
  bits_changed_ = true;
  while (prefix_ <= region) out_.insert(prefix_++);
  if (in_sync) {
    out_.erase(region);
  } else {
    out_.insert(region);
  }
}

std::optional<uint64_t> DirtyLog::NextWork() {
  const auto next = out_.lower_bound(search_);
  const uint64_t region =
      next != out_.end() ? *next : std::max(prefix_, search_);
  search_ = std::min(region, region_count_) + 1;
  if (region >= region_count_) return std::nullopt;
  return region;
}

std::string DirtyLog::DiskImage(Bits bits) const {
  const bool with_bits = bits == Bits::kIncluded;
  const uint64_t lbs = dev_->bdev->queue().limits().logical_block_size;
  const uint64_t bitset = with_bits ? (region_count_ + 63) / 64 * 8 : 0;
  std::string image((kLogOffset + bitset + lbs - 1) / lbs * lbs, '\0');
  const LogHeader header = {kMirrorMagic, kMirrorDiskVersion, region_count_};
  memcpy(image.data(), &header, sizeof(header));
  for (uint64_t region = 0; with_bits && region < prefix_; ++region) {
    if (!InSync(region)) continue;
    image[kLogOffset + region / 8] |= static_cast<char>(1 << (region % 8));
  }
  return image;
}

std::optional<std::string> DirtyLog::Image() {
  if (dev_ == nullptr || region_count_ > kMostWritten) return std::nullopt;
  return DiskImage(std::exchange(bits_changed_, false) ? Bits::kIncluded
                                                       : Bits::kLeftOut);
}

bool DirtyLog::Write(const std::string& image) const {
  return BioWrite(*dev_->bdev, sector_t{0}, image).ok();
}

// read_header() and what disk_resume() makes of the bits: those of regions that
// the disk does not know are as a new log has them.
bool DirtyLog::ReadDisk(const DmTarget& ti) {
  std::string image = DiskImage(Bits::kIncluded);
  LogHeader header = {};
  const bool can_read =
      BioRead(*dev_->bdev, sector_t{0}, absl::MakeSpan(image)).ok();
  if (can_read) memcpy(&header, image.data(), sizeof(header));
  if (!can_read) {
    LogError(ti, absl::StrCat(dev_->name,
                              ": Failed to read header on dirty region log "
                              "device"))
        .IgnoreError();
  } else if (sync_ != Sync::kDefault || header.magic != kMirrorMagic) {
    header.nr_regions = 0;
  }
  prefix_ = 0;
  out_.clear();
  bits_changed_ = true;
  for (uint64_t region = 0; region < region_count_; ++region) {
    const bool in_sync = region < header.nr_regions
                             ? Bit(image, kLogOffset * 8 + region)
                             : sync_ == Sync::kNo;
    if (in_sync) SetSync(region, true);
  }
  return can_read;
}

bool DirtyLog::Resume(DmTarget& ti) {
  search_ = 0;
  if (dev_ == nullptr || region_count_ > kMostWritten) return true;
  if (!ReadDisk(ti) && FailDevice()) DmTableEvent(ti);
  if (Write(*Image())) return true;
  LogError(ti, absl::StrCat(dev_->name,
                            ": Failed to write header on dirty region log "
                            "device"))
      .IgnoreError();
  if (FailDevice()) DmTableEvent(ti);
  return false;
}

std::string DirtyLog::TableText() const {
  const int args = sync_ == Sync::kDefault ? 1 : 2;
  std::string out = dev_ == nullptr
                        ? absl::StrCat("core ", args, " ")
                        : absl::StrCat("disk ", args + 1, " ", dev_->name, " ");
  absl::StrAppend(&out, region_size_, " ");
  if (sync_ == Sync::kForce) absl::StrAppend(&out, "sync ");
  if (sync_ == Sync::kNo) absl::StrAppend(&out, "nosync ");
  return out;
}

std::string DirtyLog::InfoText() const {
  if (dev_ == nullptr) return "1 core";
  return absl::StrCat("3 disk ", dev_->name, dev_failed_ ? " D" : " A");
}

std::string DirtyLog::Save() const {
  std::string out =
      absl::StrCat(prefix_, " ", search_, " ", dev_failed_ ? 1 : 0);
  for (const uint64_t region : out_) absl::StrAppend(&out, " ", region);
  return out;
}

bool DirtyLog::Restore(absl::Span<const absl::string_view> words) {
  uint64_t prefix;
  if (words.size() < 3 || !absl::SimpleAtoi(words[0], &prefix) ||
      !absl::SimpleAtoi(words[1], &search_) || prefix > region_count_) {
    return false;
  }
  dev_failed_ = words[2] == "1";
  prefix_ = prefix;
  out_.clear();
  for (absl::string_view word : words.subspan(3)) {
    uint64_t region;
    if (!absl::SimpleAtoi(word, &region) || region >= prefix) return false;
    out_.insert(region);
  }
  return true;
}

}  // namespace dmdax
