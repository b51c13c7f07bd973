// SPDX-License-Identifier: Apache-2.0
#include "tools/check/in_progress.h"

#include <algorithm>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "base/one_line.h"
#include "state/target_spec.h"
#include "tools/check/dax_depth.h"
#include "tools/check/world_rows.h"

namespace dmdax {
namespace {

bool IsPvmove(const LvmName& lvm) {
  absl::string_view number = lvm.lv;
  return absl::ConsumePrefix(&number, "pvmove") && !number.empty() &&
         std::all_of(number.begin(), number.end(),
                     [](unsigned char c) { return absl::ascii_isdigit(c); });
}

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
  if (IsPvmove(*lvm)) return PvmoveText(*lvm);
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

std::string MoveInProgress(const StandsOn& stands_on, const Session& machine,
                           const std::string& vg) {
  for (BlockDevice* bdev : stands_on.OfGroup(vg)) {
    const proto::MappedDevice* const device =
        stands_on.InWorld(NameOfDevice(machine, *bdev));
    const auto lvm = device == nullptr ? std::nullopt : LvmNameOf(*device);
    if (lvm && IsPvmove(*lvm)) return PvmoveText(*lvm);
  }
  return "";
}

}  // namespace dmdax
