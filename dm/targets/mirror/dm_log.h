// SPDX-License-Identifier: Apache-2.0
//
// DirtyLog: which regions of a mirror are in sync, and, of a log on a disk, its
// header and bitmap there: what a later table of the same words begins with.
// A log of more than 2^23 regions is not written.
//
//   absl::Status s = log.Create(ti, "disk", {"/dev/sda", "1024", "nosync"});
//   log.Resume(ti);
//   while (std::optional<uint64_t> region = log.NextWork()) ...
//
// Mirrors: drivers/md/dm-log.c (4.14 to 7.3).
// Threading: thread-compatible.
#ifndef DMDAX_DM_TARGETS_MIRROR_DM_LOG_H_
#define DMDAX_DM_TARGETS_MIRROR_DM_LOG_H_

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "dm/device_mapper.h"

namespace dmdax {

class DirtyLog {
 public:
  // `type` is core or disk; the words are "[<dev>] <region size>
  // [sync|nosync]".  EINVAL, or the errno of the device; logged.
  absl::Status Create(DmTarget& ti, const std::string& type,
                      absl::Span<const std::string> argv);

  uint64_t region_size() const { return region_size_; }  // sectors
  uint64_t region_count() const { return region_count_; }
  uint64_t sync_count() const { return prefix_ - out_.size(); }
  bool on_disk() const { return dev_ != nullptr; }
  bool all_in_sync() const { return sync_count() == region_count_; }
  bool InSync(uint64_t region) const {
    return region < prefix_ && !out_.contains(region);
  }
  void SetSync(uint64_t region, bool in_sync);

  // ->get_resync_work: the next region to copy.  None: all have been tried
  // since the last Resume().
  std::optional<uint64_t> NextWork();

  // ->resume: a disk is read, and written.  False: it can not be.
  bool Resume(DmTarget& ti);
  // ->flush, in parts, so that nothing is locked meanwhile: what is to be
  // written, if anything is; whether the disk took it; and that it did not.
  // True of the last: for the first time.
  std::optional<std::string> Image();
  bool Write(const std::string& image) const;
  bool FailDevice() { return !std::exchange(dev_failed_, true); }

  // ->status: "core 1 1024 ", and "1 core" or "3 disk 8:0 A".
  std::string TableText() const;
  std::string InfoText() const;

  // Words without '/', for a snapshot.
  std::string Save() const;
  bool Restore(absl::Span<const absl::string_view> words);

 private:
  enum class Sync { kDefault, kForce, kNo };
  absl::Status CreateContext(const DmTarget& ti,
                             absl::Span<const std::string> argv);
  absl::Status CheckDevice(const DmTarget& ti) const;
  enum class Bits { kLeftOut, kIncluded };
  std::string DiskImage(Bits bits) const;
  // Sets the bits by what the disk has.  False: it can not be read.
  bool ReadDisk(const DmTarget& ti);

  const DmDev* dev_ = nullptr;  // null: core
  uint32_t region_size_ = 0;
  uint64_t region_count_ = 0;
  Sync sync_ = Sync::kDefault;
  // Those before `prefix_` are in sync, but for those of `out_`.
  uint64_t prefix_ = 0;
  std::set<uint64_t> out_;
  uint64_t search_ = 0;  // sync_search
  bool dev_failed_ = false;
  bool bits_changed_ = true;  // since the last Image(): else its header will do
};

}  // namespace dmdax

#endif  // DMDAX_DM_TARGETS_MIRROR_DM_LOG_H_
