// SPDX-License-Identifier: Apache-2.0
//
// snapshot and snapshot-merge: the constructor.
//
//   snapshot <origin> <COW dev> <P|PO|N> <chunk>
//            [<#features> discard_zeroes_cow [discard_passdown_origin]]
//
//   P, N   exceptions are kept on the COW device, or in memory; PO: and a
//          full COW device is an overflow, not the end
//   chunk  sectors; a power of two, a multiple of both logical block sizes;
//          0 with P: as on the device, or 32
//
// Mirrors snapshot_ctr of drivers/md/dm-snap.c, dm_exception_store_create of
// dm-exception-store.c (4.14 to 7.3).
#include <algorithm>
#include <cerrno>
#include <memory>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "base/kstrtox.h"
#include "base/since.h"
#include "dm/arg_set.h"
#include "dm/dm_table.h"
#include "dm/mapped_device.h"
#include "dm/targets/snap/dm_snap.h"

namespace dmdax {
namespace {

absl::Status ParseFeatures(DmArgSet& as, Snapshot* s) {
  if (as.argc() == 0) return absl::OkStatus();
  absl::StatusOr<uint32_t> count =
      as.ReadArgGroup({0, 2, "Invalid number of feature arguments"});
  if (!count.ok()) return count.status();
  for (uint32_t i = 0; i < *count; ++i) {
    const std::string& name = *as.Shift();
    if (absl::EqualsIgnoreCase(name, "discard_zeroes_cow")) {
      s->discard_zeroes_cow = true;
    } else if (absl::EqualsIgnoreCase(name, "discard_passdown_origin")) {
      s->discard_passdown_origin = true;
    } else {
      // The kernel goes on to check the dependency, and reports that instead.
      if (!s->discard_zeroes_cow && s->discard_passdown_origin) break;
      return DmError("Unrecognised feature requested");
    }
  }
  if (!s->discard_zeroes_cow && s->discard_passdown_origin) {
    return DmError(
        "discard_passdown_origin feature depends on discard_zeroes_cow");
  }
  return absl::OkStatus();
}

uint32_t BlockSectors(const DmDev& dev) {
  return dev.bdev->queue().limits().logical_block_size >> kSectorShift;
}

// dm_exception_store_create().  The caller has one text for all its errors.
bool CreateStore(const DmTarget& ti, const std::string& type,
                 const std::string& chunk, Snapshot* s) {
  const char first =
      type.empty() ? '\0'
                   : absl::ascii_toupper(static_cast<unsigned char>(type[0]));
  if (first != 'P' && first != 'N') return false;
  s->persistent = first == 'P';
  absl::StatusOr<uint32_t> size = KstrtoU32(chunk);
  if (!size.ok()) return false;
  if (*size != 0) {
    constexpr uint32_t kTooHigh = 0x7fffffff >> kSectorShift;
    if ((*size & (*size - 1)) != 0 || *size % BlockSectors(*s->cow) != 0 ||
        *size % BlockSectors(*s->origin) != 0 || *size > kTooHigh) {
      return false;
    }
  }
  s->chunk_size = *size;
  if (s->persistent && type.size() > 1) {
    if (absl::ascii_toupper(static_cast<unsigned char>(type[1])) != 'O') {
      DmLog(MachineOf(ti), KernLevel::kErr, "persistent snapshot",
            absl::StrCat("Unsupported persistent store option: ",
                         type.substr(1)));
      return false;
    }
    s->supports_overflow = true;
  }
  return true;
}

absl::Status SameDevice() {
  return DmError("COW device cannot be the same as origin device");
}

// Before 6.5 the numbers are compared before the COW device is opened.
constexpr Since<bool> kCowIsOpenedFirst[] = {{{6, 5}, true}};

absl::Status GetDevices(DmTarget& ti, absl::Span<const std::string> argv,
                        Snapshot* s) {
  absl::StatusOr<const DmDev*> origin =
      DmGetDevice(ti, argv[0], s->merges ? FMODE_WRITE : FMODE_READ,
                  "Cannot get origin device");
  if (!origin.ok()) return origin.status();
  s->origin = *origin;
  const bool opened_first =
      ValueAt<bool>(kCowIsOpenedFirst, ProfileOf(ti).release);
  absl::StatusOr<DevT> cow_dev = MachineOf(ti).DmGetDevT(argv[1]);
  if (std::optional<DevT> number = ScanMajorMinor(argv[1])) cow_dev = *number;
  // A path that does not exist fails below.
  if (!opened_first && cow_dev.ok() && *cow_dev == s->origin->bdev->dev()) {
    return SameDevice();
  }
  absl::StatusOr<const DmDev*> cow =
      DmGetDevice(ti, argv[1], "Cannot get COW device");
  if (!cow.ok()) return cow.status();
  s->cow = *cow;
  if (s->cow->bdev != s->origin->bdev) return absl::OkStatus();
  if (s->cow != s->origin) {
    // It has been opened anew, for writing too: what the origin was opened as
    // is gone when it is put.
    DmLog(MachineOf(ti), KernLevel::kWarn, "table",
          absl::StrCat(ti.table->md().name(), ": device ", s->origin->name,
                       " not in table devices list"));
    ti.table->LeakDevice(s->cow);
  }
  return SameDevice();
}

// Only what is kept on a device can be merged.
absl::Status CheckMergeable(const Snapshot& s) {
  if (s.persistent) return absl::OkStatus();
  return DmError("Snapshot exception store does not support snapshot-merge.");
}

// Whether that is asked of every snapshot-merge, and before all others.  What
// is loaded where it is not, and has no exceptions to take over, is the end of
// the kernel at resume.  A fix that 6.1, 6.12 and 7.x got, and branches did not
// that had ended.
constexpr Since<bool> kStoreIsCheckedFirst[] = {
    {{6, 1}, true}, {{6, 13}, false}, {{7, 0}, true}};

// __validate_exception_handover(); `hands_over`: the exceptions come from an
// active snapshot, at resume.
absl::Status ValidateHandover(const Snapshot& s, bool* hands_over) {
  const Sharing sharing = FindSharingCow(s);
  *hands_over = sharing.src != nullptr;
  if (sharing.count == 2 || sharing.dest != nullptr) {
    return DmError("Snapshot cow pairing for exception table handover failed");
  }
  if (sharing.src == nullptr || !s.merges) return absl::OkStatus();
  if (sharing.merging != nullptr) {
    return DmError("A snapshot is already merging.");
  }
  return CheckMergeable(*sharing.src);
}

absl::Status ReadMetadata(DmTarget& ti, Snapshot* s) {
  if (s->persistent && s->chunk_size == 0) {
    constexpr uint32_t kDefaultSectors = 32;
    s->chunk_size = std::max(kDefaultSectors, BlockSectors(*s->cow));
  }
  if (s->persistent) {
    absl::Status read = s->ReadMetadata();
    if (!read.ok()) {
      return ErrnoError(ErrnoOf(read), "Failed to read snapshot metadata");
    }
  }
  if (s->chunk_size == 0) return DmError("Chunk size not set");
  return DmSetTargetMaxIoLen(ti, s->chunk_size);
}

}  // namespace

absl::Status ConstructSnapshot(DmTarget& ti, absl::Span<const std::string> argv,
                               bool merges) {
  if (argv.size() < 4) return DmError("requires 4 or more arguments");
  auto s = std::make_unique<Snapshot>();
  s->table = ti.table;
  s->merges = merges;
  DmArgSet as(argv, ProfileOf(ti).sscanf_overflow);
  as.Consume(4);
  if (absl::Status e = ParseFeatures(as, s.get()); !e.ok()) return e;
  if (absl::Status e = GetDevices(ti, argv, s.get()); !e.ok()) return e;
  if (!CreateStore(ti, argv[2], argv[3], s.get())) {
    return DmError("Couldn't create exception store");
  }
  if (merges && ValueAt<bool>(kStoreIsCheckedFirst, ProfileOf(ti).release)) {
    if (absl::Status e = CheckMergeable(*s); !e.ok()) return e;
  }
  SnapLock lock(SnapMutex());
  bool hands_over;
  if (absl::Status e = ValidateHandover(*s, &hands_over); !e.ok()) return e;
  RegisterSnapshot(s.get());
  if (hands_over) {
    // The handover at resume brings the chunk size.
    s->chunk_size = 0;
  } else if (absl::Status e = ReadMetadata(ti, s.get()); !e.ok()) {
    return e;
  }
  ti.num_flush_bios = merges ? 2 : 1;
  if (s->discard_zeroes_cow) {
    ti.num_discard_bios = s->discard_passdown_origin ? 2 : 1;
  }
  ti.private_data = std::move(s);
  return absl::OkStatus();
}

}  // namespace dmdax
