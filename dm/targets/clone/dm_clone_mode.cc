// SPDX-License-Identifier: Apache-2.0
//
// clone: what is copied, what of that is noted, and what becomes of a clone
// whose metadata can not be written.
// Mirrors: hydration_complete, commit_metadata, __metadata_operation_failed of
// drivers/md/dm-clone-target.c (5.10 to 7.3).
#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "dm/bio_map.h"
#include "dm/dm_table.h"
#include "dm/mapped_device.h"
#include "dm/targets/clone/dm_clone.h"

namespace dmdax {
namespace {

// __set_clone_mode()
void SetMode(const DmTarget& ti, const Clone& clone, CloneMode mode)
    ABSL_EXCLUSIVE_LOCKS_REQUIRED(clone.mu) {
  if (clone.mode == mode || clone.mode == CloneMode::kFail) return;
  clone.mode = mode;
  DmTableEvent(ti);
  CloneSay(
      ti, KernLevel::kInfo,
      absl::StrCat("Switching to ",
                   mode == CloneMode::kFail ? "fail" : "read-only", " mode"));
}

}  // namespace

void CloneSay(const DmTarget& ti, KernLevel level, absl::string_view text) {
  DmLog(MachineOf(ti), level, "clone",
        absl::StrCat(ti.table->md().name(), ": ", text));
}

bool CloneHydrate(const DmTarget& ti, const Clone& clone, uint64_t region) {
  if (clone.mode != CloneMode::kWrite) return false;
  const uint64_t start = region * clone.region_size;
  const uint64_t sectors =
      std::min<uint64_t>(clone.region_size, ti.len.value() - start);
  std::vector<char> bytes(sectors << kSectorShift);
  if (!BioRead(*clone.source_dev->bdev, sector_t(start), absl::MakeSpan(bytes))
           .ok() ||
      !BioWrite(*clone.dest_dev->bdev, sector_t(start), bytes).ok()) {
    MachineOf(ti).log().PrintkRatelimited(
        "clone hydration", KernLevel::kErr,
        absl::StrCat("device-mapper: clone: ", ti.table->md().name(),
                     ": hydration failed"));
    return false;
  }
  clone.cmd->SetHydrated(region);
  return true;
}

void CloneCommit(const DmTarget& ti, const Clone& clone) {
  CloneMetadata& cmd = *clone.cmd;
  if (!cmd.changed() || clone.mode != CloneMode::kWrite) return;
  clone.last_commit = MachineOf(ti).NowSeconds();
  const int err = cmd.Commit();
  if (err == 0) {
    if (cmd.nr_hydrated() == cmd.nr_regions()) DmTableEvent(ti);
    return;
  }
  CloneSay(ti, KernLevel::kErr,
           absl::StrCat("Metadata operation `dm_clone_metadata_commit' failed: "
                        "error = ",
                        -err));
  CloneSay(ti, KernLevel::kErr, "Aborting current metadata transaction");
  if (!cmd.Abort(ti)) {
    CloneSay(ti, KernLevel::kErr, "Failed to abort metadata transaction");
    return SetMode(ti, clone, CloneMode::kFail);
  }
  SetMode(ti, clone, CloneMode::kReadOnly);
  CloneSay(ti, KernLevel::kInfo, "Reloading on-disk bitmap");
}

}  // namespace dmdax
