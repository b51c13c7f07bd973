// SPDX-License-Identifier: Apache-2.0
//
// snapshot and snapshot-merge: their INFO, TABLE and IMA lines, and what is
// kept of them as text.
// Mirrors snapshot_status of drivers/md/dm-snap.c (6.1).
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "dm/targets/snap/dm_snap.h"

namespace dmdax {
namespace {

void InfoStatus(const Snapshot& s, std::string* out) {
  if (!s.valid) {
    absl::StrAppend(out, "Invalid");
  } else if (s.merge_failed) {
    absl::StrAppend(out, "Merge failed");
  } else if (s.overflowed) {
    absl::StrAppend(out, "Overflow");
  } else {
    const uint64_t total = s.cow->bdev->nr_sectors();
    if (!s.persistent) {
      absl::StrAppend(out, s.next_free, "/", total, " 0");
      return;
    }
    const uint64_t per_area = s.exceptions_per_area();
    const uint64_t area = per_area == 0 ? 0 : s.exceptions.size() / per_area;
    absl::StrAppend(out, s.next_free * s.chunk_size, "/", total, " ",
                    (area + 2) * s.chunk_size);
  }
}

void ImaStatus(const DmTarget& ti, const Snapshot& s, std::string* out) {
  absl::StrAppend(out, DmTargetNameVersion(ti),
                  ",snap_origin_name=", s.origin->name,
                  ",snap_cow_name=", s.cow->name);
  absl::StrAppend(out, ",snap_valid=", s.valid ? "y" : "n",
                  ",snap_merge_failed=", s.merge_failed ? "y" : "n",
                  ",snapshot_overflowed=", s.overflowed ? "y" : "n", ";");
}

}  // namespace

void SnapshotStatus(const DmTarget& ti, StatusType type,
                    uint32_t /*status_flags*/, std::string* out) {
  const Snapshot& s = ti.Private<Snapshot>();
  SnapLock lock(SnapMutex());
  switch (type) {
    case STATUSTYPE_INFO:
      InfoStatus(s, out);
      break;
    case STATUSTYPE_TABLE: {
      const char* store = "N";
      if (s.persistent) store = s.supports_overflow ? "PO" : "P";
      absl::StrAppend(out, s.origin->name, " ", s.cow->name, " ", store, " ",
                      s.chunk_size);
      const int features =
          (s.discard_zeroes_cow ? 1 : 0) + (s.discard_passdown_origin ? 1 : 0);
      if (features > 0) absl::StrAppend(out, " ", features);
      if (s.discard_zeroes_cow) absl::StrAppend(out, " discard_zeroes_cow");
      if (s.discard_passdown_origin) {
        absl::StrAppend(out, " discard_passdown_origin");
      }
      break;
    }
    case STATUSTYPE_IMA:
      ImaStatus(ti, s, out);
      break;
  }
}

// "<valid; 2: its merge has failed> <overflowed> <active> <persistent>
// <overflow> <chunk> <next> <merge> chunk:cow chunk ...".
std::string SnapshotSaveState(const DmTarget& ti) {
  const Snapshot& s = ti.Private<Snapshot>();
  SnapLock lock(SnapMutex());
  std::string state = absl::StrCat(s.valid ? s.merge_failed ? 2 : 1 : 0, " ",
                                   s.overflowed ? 1 : 0, " ", s.active ? 1 : 0,
                                   " ", s.persistent ? 1 : 0, " ");
  absl::StrAppend(&state, s.supports_overflow ? 1 : 0, " ", s.chunk_size, " ",
                  s.next_free, " ", s.merge.Save());
  for (const auto& [chunk, new_chunk] : s.exceptions) {
    absl::StrAppend(&state, " ", chunk, ":", new_chunk);
  }
  return state;
}

bool SnapshotRestoreState(DmTarget& ti, absl::string_view state) {
  const std::vector<absl::string_view> words = absl::StrSplit(state, ' ');
  if (words.size() < 8) return false;
  Snapshot& s = ti.Private<Snapshot>();
  SnapLock lock(SnapMutex());
  s.valid = words[0] != "0";
  s.merge_failed = words[0] == "2";
  s.overflowed = words[1] == "1";
  s.active = words[2] == "1";
  s.persistent = words[3] == "1";
  s.supports_overflow = words[4] == "1";
  if (!absl::SimpleAtoi(words[5], &s.chunk_size) ||
      !absl::SimpleAtoi(words[6], &s.next_free) || !s.merge.Restore(words[7])) {
    return false;
  }
  s.exceptions.clear();
  for (size_t i = 8; i < words.size(); ++i) {
    const std::pair<absl::string_view, absl::string_view> pair =
        absl::StrSplit(words[i], absl::MaxSplits(':', 1));
    uint64_t chunk, new_chunk;
    if (!absl::SimpleAtoi(pair.first, &chunk) ||
        !absl::SimpleAtoi(pair.second, &new_chunk)) {
      return false;
    }
    s.exceptions[chunk] = new_chunk;
  }
  ti.max_io_len = s.chunk_size;
  return true;
}

}  // namespace dmdax
