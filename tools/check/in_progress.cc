// SPDX-License-Identifier: Apache-2.0
#include "tools/check/in_progress.h"

#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/one_line.h"
#include "state/target_spec.h"
#include "tools/check/hidden_volume.h"
#include "tools/check/world_rows.h"

namespace dmdax {
namespace {

std::string PvmoveText(const LvmName& lvm) {
  return absl::StrCat(
      "LVM2 is moving data to another device (", OneLine(lvm.vg), "/",
      OneLine(lvm.lv),
      "): let it finish (pvmove alone goes on with what was interrupted), or "
      "take it back with pvmove --abort; then ask again");
}

}  // namespace

std::string InProgress(const proto::MappedDevice& device) {
  const auto lvm = LvmNameOf(device);
  if (!lvm) return "";
  if (IsPvmove(lvm->lv)) return PvmoveText(*lvm);
  proto::MappedDevice rows = device;
  for (const proto::Target& row : *EditRows(&rows)) {
    const DmTargetSpec spec = SpecFromTarget(row);
    // LVM2 loads another table when a copy is whole again.
    if (spec.target_type == "raid" &&
        absl::StrContains(spec.params, " rebuild ")) {
      return absl::StrCat("wait until ", OneLine(device.name()),
                          " is in sync (lvs -a -o +copy_percent), and ask "
                          "again with what dmsetup table prints then");
    }
    if (spec.target_type != "snapshot-merge") continue;
    const std::string name = ShellWord(absl::StrCat(lvm->vg, "/", lvm->lv));
    return absl::StrCat(
        "a snapshot is being merged into ", OneLine(device.name()),
        ": wait until that is done (lvs -a -o +snap_percent ", name,
        "; lvchange --poll y ", name,
        " goes on with what was interrupted): its table is that of a plain "
        "volume then; ask again");
  }
  return "";
}

std::string MoveInProgress(const StandsOn& stands_on, const std::string& vg) {
  const LvmName* const move = stands_on.MoveOf(vg);
  return move == nullptr ? "" : PvmoveText(*move);
}

}  // namespace dmdax
