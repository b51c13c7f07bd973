// SPDX-License-Identifier: Apache-2.0
//
// clone: what it says of itself, its messages, and what is kept of it.
// Mirrors: clone_status, clone_message of drivers/md/dm-clone-target.c (5.10 to
// 7.3).
#include <cerrno>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/errno_status.h"
#include "base/kstrtox.h"
#include "dm/dm_table.h"
#include "dm/mapped_device.h"
#include "dm/targets/clone/dm_clone.h"

namespace dmdax {
namespace {

void CloneInfo(const DmTarget& ti, const Clone& clone, uint32_t status_flags,
               std::string* out) {
  OwnedLock lock(&clone.mu);
  if (clone.mode == CloneMode::kFail) {
    absl::StrAppend(out, "Fail");
    return;
  }
  if ((status_flags & DM_STATUS_NOFLUSH_FLAG) == 0 &&
      !ti.table->md().suspended()) {
    CloneCommit(ti, clone);
  }
  if (clone.mode == CloneMode::kFail) {
    CloneSay(ti, KernLevel::kErr,
             absl::StrCat("dm_clone_get_free_metadata_block_count returned ",
                          -EINVAL));
    absl::StrAppend(out, "Error");
    return;
  }
  const CloneMetadata& cmd = *clone.cmd;
  absl::StrAppend(out, kPageSectors, " ", cmd.used(), "/", cmd.blocks(), " ",
                  clone.region_size);
  absl::StrAppend(out, " ", cmd.nr_hydrated(), "/", cmd.nr_regions(), " 0 ",
                  (clone.hydrating ? 0 : 1) + (clone.discard_passdown ? 0 : 1),
                  clone.hydrating ? " " : " no_hydration ");
  absl::StrAppend(out, clone.discard_passdown ? "" : "no_discard_passdown ",
                  "4 hydration_threshold ", clone.threshold,
                  " hydration_batch_size ", clone.batch_size,
                  clone.mode == CloneMode::kWrite ? " rw" : " ro");
}

}  // namespace

uint32_t* CloneCoreArg(Clone& clone, absl::string_view name) {
  if (absl::EqualsIgnoreCase(name, "hydration_threshold")) {
    return &clone.threshold;
  }
  if (absl::EqualsIgnoreCase(name, "hydration_batch_size")) {
    return &clone.batch_size;
  }
  return nullptr;
}

void CloneStatus(const DmTarget& ti, StatusType type, uint32_t status_flags,
                 std::string* out) {
  const Clone& clone = ti.Private<Clone>();
  if (type == STATUSTYPE_INFO) CloneInfo(ti, clone, status_flags, out);
  if (type == STATUSTYPE_TABLE) {
    absl::StrAppend(out, clone.metadata_dev->name, " ", clone.dest_dev->name,
                    " ", clone.source_dev->name, " ", clone.ctr_args);
  }
}

absl::StatusOr<std::string> CloneMessage(DmTarget& ti,
                                         absl::Span<const std::string> argv) {
  Clone& clone = ti.Private<Clone>();
  OwnedLock lock(&clone.mu);
  const bool enables = absl::EqualsIgnoreCase(argv[0], "enable_hydration");
  if (enables || absl::EqualsIgnoreCase(argv[0], "disable_hydration")) {
    if (enables && !clone.hydrating) {
      clone.copy.Start(MachineOf(ti).NowSeconds());
    }
    clone.hydrating = enables;
    return "";
  }
  if (argv.size() != 2) return ErrnoError(EINVAL, "a name and a number");
  uint32_t* arg = CloneCoreArg(clone, argv[0]);
  if (arg == nullptr) {
    DmLog(MachineOf(ti), KernLevel::kErr, "clone",
          absl::StrCat(ti.table->md().name(), ": Unsupported message `",
                       argv[0], "'"));
    return ErrnoError(EINVAL, "unsupported message");
  }
  absl::StatusOr<uint32_t> value = KstrtoU32(argv[1]);
  if (!value.ok()) return ErrnoError(EINVAL, "not a number");
  *arg = *value;
  return "";
}

// "<passdown> <hydrating> <threshold> <batch size> <copy> <mode>"; states saved
// before there were modes end with the copy.
std::string CloneSaveState(const DmTarget& ti) {
  const Clone& clone = ti.Private<Clone>();
  OwnedLock lock(&clone.mu);
  CloneCommit(ti, clone);
  return absl::StrCat(clone.discard_passdown ? 1 : 0, " ",
                      clone.hydrating ? 1 : 0, " ", clone.threshold, " ",
                      clone.batch_size, " ", clone.copy.Save(), " ",
                      static_cast<int>(clone.mode));
}

bool CloneRestoreState(DmTarget& ti, absl::string_view state) {
  const std::vector<absl::string_view> words = absl::StrSplit(state, ' ');
  int mode = 0;
  if (words.size() == 6 ? !absl::SimpleAtoi(words[5], &mode) || mode < 0 ||
                              mode > static_cast<int>(CloneMode::kFail)
                        : words.size() != 5) {
    return false;
  }
  Clone& clone = ti.Private<Clone>();
  OwnedLock lock(&clone.mu);
  clone.mode = static_cast<CloneMode>(mode);
  clone.discard_passdown = words[0] == "1";
  clone.hydrating = words[1] == "1";
  return absl::SimpleAtoi(words[2], &clone.threshold) &&
         absl::SimpleAtoi(words[3], &clone.batch_size) &&
         clone.copy.Restore(words[4]);
}

}  // namespace dmdax
