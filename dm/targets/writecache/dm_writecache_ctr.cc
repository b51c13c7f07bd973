// SPDX-License-Identifier: Apache-2.0
//
// writecache: the constructor.
// Mirrors writecache_ctr of drivers/md/dm-writecache.c (5.10 to 7.2).
#include <algorithm>
#include <cerrno>
#include <iterator>
#include <memory>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "base/kstrtox.h"
#include "dm/arg_set.h"
#include "dm/bio_map.h"
#include "dm/targets/writecache/dm_writecache.h"

namespace dmdax {
namespace {

// An optional argument with a number; the table repeats them in this order.
struct NumberOption {
  absl::string_view name;
  uint64_t max;
};

constexpr NumberOption kNumbers[] = {
    {"start_sector", ~uint64_t{0}},
    {"high_watermark", 100},
    {"low_watermark", 100},
    {"writeback_jobs", ~uint32_t{0}},
    {"autocommit_blocks", ~uint32_t{0}},
    {"autocommit_time", 3600000},
    {"max_age", 86400000},
    {"pause_writeback", 60000},
};

struct Options {
  std::vector<std::string> numbers{std::size(kNumbers)};
  bool cleaner = false;
  bool metadata_only = false;
  std::string fua;  // "fua" or "nofua"
};

absl::Status ParseOption(const DmTarget& ti, DmArgSet& as, uint32_t* left,
                         const WriteCache& wc, Options* o) {
  const absl::Status invalid = DmError("Invalid optional argument");
  const std::string name = absl::AsciiStrToLower(*as.Shift());
  --*left;
  for (size_t i = 0; i < std::size(kNumbers); ++i) {
    // A name without its number is no option.
    if (name != kNumbers[i].name || *left == 0) continue;
    if (name == "pause_writeback" && wc.pmem_mode) return invalid;
    absl::StatusOr<uint64_t> value =
        SscanfU64(*as.Shift(), ProfileOf(ti).sscanf_overflow);
    --*left;
    const bool outside = name == "start_sector" && value.ok() &&
                         *value >= wc.ssd_dev->bdev->nr_sectors();
    if (!value.ok() || *value > kNumbers[i].max || outside) return invalid;
    o->numbers[i] = absl::StrCat(*value);
    return absl::OkStatus();
  }
  if (name == "cleaner") {
    o->cleaner = true;
  } else if ((name == "fua" || name == "nofua") && wc.pmem_mode) {
    o->fua = name;
  } else if (name == "metadata_only" &&
             ProfileOf(ti).writecache_has_metadata_only) {
    o->metadata_only = true;
  } else {
    return invalid;
  }
  return absl::OkStatus();
}

absl::Status ParseOptions(const DmTarget& ti, DmArgSet& as, WriteCache* wc) {
  absl::StatusOr<uint32_t> left =
      as.ReadArgGroup({0, 18, "Invalid number of feature args"});
  if (!left.ok()) return left.status();
  Options o;
  while (*left > 0) {
    absl::Status s = ParseOption(ti, as, &*left, *wc, &o);
    if (!s.ok()) return s;
  }
  auto percent = [&](size_t i, int otherwise) {
    return o.numbers[i].empty() ? otherwise : std::stoi(o.numbers[i]);
  };
  if (percent(1, 50) < percent(2, 45)) {
    return DmError(
        "High watermark must be greater than or equal to low watermark");
  }
  if (!o.numbers[0].empty()) wc->start_sector = std::stoull(o.numbers[0]);
  auto number = [&](size_t i) {
    if (o.numbers[i].empty()) return;
    wc->options.emplace_back(kNumbers[i].name);
    wc->options.push_back(o.numbers[i]);
  };
  for (size_t i = 0; i < 7; ++i) number(i);
  if (o.cleaner) {
    wc->options.emplace_back("cleaner");
    OwnedLock lock(&wc->mu);
    wc->cleaner = wc->flush_on_suspend = true;
  }
  if (!o.fua.empty()) wc->options.push_back(o.fua);
  if (o.metadata_only) wc->options.emplace_back("metadata_only");
  wc->metadata_only = o.metadata_only;
  constexpr uint64_t kBlocksSsd = 65536, kBlocksPmem = 64;
  auto value = [&](size_t i, uint64_t otherwise) {
    return o.numbers[i].empty() ? otherwise : std::stoull(o.numbers[i]);
  };
  wc->high_watermark = value(1, 50);
  wc->low_watermark = value(2, 45);
  wc->autocommit_blocks = value(4, wc->pmem_mode ? kBlocksPmem : kBlocksSsd);
  wc->autocommit_msecs = static_cast<int64_t>(value(5, 1000));
  if (!o.numbers[6].empty()) {
    wc->max_age_msecs = static_cast<int64_t>(value(6, 0));
  }
  number(7);
  return absl::OkStatus();
}

// calculate_memory_size(): blocks that fit beside their entries.
uint64_t NrBlocks(const WriteCache& wc) {
  constexpr uint64_t kSuperBytes = 64, kEntryBytes = 16;
  const uint64_t size = (wc.ssd_dev->bdev->nr_sectors() - wc.start_sector)
                        << kSectorShift;
  uint64_t n = size / (wc.block_size + kEntryBytes);
  while (n > 0) {
    const uint64_t entries = kSuperBytes + n * kEntryBytes;
    const uint64_t offset =
        (entries + wc.block_size - 1) / wc.block_size * wc.block_size;
    if (offset + n * wc.block_size <= size) break;
    --n;
  }
  return n;
}

// From percents of what is used to blocks that are free.
void SetWatermarks(WriteCache& wc) {
  OwnedLock lock(&wc.mu);
  for (uint64_t* mark : {&wc.high_watermark, &wc.low_watermark}) {
    *mark = wc.cleaner ? wc.n_blocks : (wc.n_blocks * (100 - *mark) + 50) / 100;
  }
}

uint32_t LogicalBlock(const DmDev& dev) {
  return dev.bdev->queue().limits().logical_block_size;
}

absl::Status ParseDevices(DmTarget& ti, DmArgSet& as, WriteCache* wc) {
  const absl::Status bad = DmError("Bad arguments");
  const std::string* word = as.Shift();
  if (word == nullptr) return bad;
  wc->pmem_mode = absl::EqualsIgnoreCase(*word, "p");
  if (!wc->pmem_mode && !absl::EqualsIgnoreCase(*word, "s")) return bad;
  if (word = as.Shift(); word == nullptr) return bad;
  absl::StatusOr<const DmDev*> dev =
      DmGetDevice(ti, *word, "Origin data device lookup failed");
  if (!dev.ok()) return dev.status();
  wc->dev = *dev;
  if (word = as.Shift(); word == nullptr) return bad;
  dev = DmGetDevice(ti, *word, "Cache data device lookup failed");
  if (!dev.ok()) return dev.status();
  wc->ssd_dev = *dev;
  if (word = as.Shift(); word == nullptr) return bad;
  absl::StatusOr<uint32_t> size =
      SscanfU32(*word, ProfileOf(ti).sscanf_overflow);
  if (!size.ok() || *size < 512 || *size > kPageSize ||
      (*size & (*size - 1)) != 0) {
    return DmError("Invalid block size");
  }
  if (*size < LogicalBlock(*wc->dev) || *size < LogicalBlock(*wc->ssd_dev)) {
    return DmError("Block size is smaller than device logical block size");
  }
  wc->block_size = *size;
  return absl::OkStatus();
}

}  // namespace

absl::Status WriteCacheCtr(DmTarget& ti, absl::Span<const std::string> argv) {
  DmArgSet as(argv, ProfileOf(ti).sscanf_overflow);
  auto wc = std::make_unique<WriteCache>();
  if (absl::Status s = ParseDevices(ti, as, wc.get()); !s.ok()) return s;
  if (absl::Status s = ParseOptions(ti, as, wc.get()); !s.ok()) return s;
  if (wc->pmem_mode) {
    const DaxDevice* dax = wc->ssd_dev->dax_dev;
    if (dax == nullptr || !dax->synchronous()) {
      return ErrnoError(
          EOPNOTSUPP,
          "Asynchronous persistent memory not supported as pmem cache");
    }
  }
  wc->n_blocks = NrBlocks(*wc);
  if (wc->n_blocks == 0) return DmError("Invalid device size");
  if (absl::Status s = OpenWriteCache(*wc); !s.ok()) return s;
  SetWatermarks(*wc);
  ti.num_flush_bios = 1;
  ti.flush_supported = true;
  ti.num_discard_bios = 1;
  ti.private_data = std::move(wc);
  return absl::OkStatus();
}

}  // namespace dmdax
