// SPDX-License-Identifier: Apache-2.0
//
// The cure of one volume of LVM2 that is off where its group is not: in extents
// of less than 2 MiB it begins between two pages.  It alone is made anew, in
// extents that are named.
#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/one_line.h"
#include "tools/check/cure.h"
#include "tools/check/cure_lines.h"
#include "tools/check/dax_depth.h"
#include "tools/check/lvm_group.h"
#include "tools/check/lvm_settings.h"
#include "tools/check/lvm_volume.h"
#include "tools/check/move_rows.h"
#include "tools/check/shell_variable.h"
#include "tools/check/stands_on.h"
#include "tools/check/volume_cure.h"
#include "tools/check/world_rows.h"

namespace dmdax {
namespace {

// "$(((417792 - start_vg) / extent_vg))"
std::string ExtentWord(uint64_t sector, const std::string& variables,
                       absl::string_view less = "") {
  return absl::StrCat("$(((", sector, " - start_", variables, ") / extent_",
                      variables, less, "))");
}

}  // namespace

std::optional<Cure> CureVolumeAlone(const CureRequest& request,
                                    proto::World& world) {
  proto::MappedDevice* const volume = BlamedVolume(request, world);
  if (volume == nullptr || request.machine == nullptr ||
      request.stands_on == nullptr) {
    return std::nullopt;
  }
  const auto segments = SegmentsToMake(request.session, *volume);
  if (!segments || segments->size() != 1 || segments->at(0).stripes != 1) {
    return std::nullopt;
  }
  const LvmName lvm = *LvmNameOf(*volume);
  const auto volumes = request.stands_on->OfGroup(lvm.vg);
  if (volumes.size() > kMostVolumes) return std::nullopt;
  const uint64_t extent =
      MostExtent(*request.machine, *request.stands_on, &world, lvm.vg);
  const uint64_t before = SectorsOf(volume);
  if (extent == 0 || extent >= kPmdSectors || before % kPmdSectors != 0) {
    return std::nullopt;
  }
  proto::World moved = world;
  RowMover mover(request, moved, FindMapped(moved, volume->name()),
                 Seen::kLevel);
  constexpr RowMover::Way kUp[] = {RowMover::Way::kUp};
  if (!mover.HasWork() || !mover.Run(kUp)) return std::nullopt;
  const proto::Table& table = mover.Volume()->table();
  if (table.target_size() != 1) return std::nullopt;
  const uint64_t start = table.target(0).linear().start();
  const uint64_t old = EditRows(volume)->Get(0).linear().start();
  if (start <= old || (start - old) % extent != 0) return std::nullopt;
  const std::string vg = ShellWord(lvm.vg);
  const std::string pv = ShellWord(segments->at(0).paths[0]);
  const std::string variables = VariableOf(lvm.vg);
  Cure cure{.change = kFromBoundary,
            .remark = absl::StrCat(
                "the volume alone is made anew, ", (start - old) / 2,
                " KiB further on: save its data and restore it"),
            .placed = volume->name(),
            .in_world = true};
  cure.steps = {
      {CureStage::kLook, lvm.vg,
       absl::StrCat(
           "extent_", variables,
           "=$(vgs --noheadings --units s --nosuffix -o vg_extent_size ", vg,
           " | tr -d ' ') && start_", variables,
           "=$(pvs --noheadings --units s --nosuffix -o pe_start ", pv,
           " | tr -d ' ') && test $(((", start, " - start_", variables,
           ") % extent_", variables, ")) = 0 && ",
           VolumesLook(lvm.vg, request.stands_on->LvmNamesOf(lvm.vg)),
           " || ! echo ",
           ShellWord(absl::StrCat(lvm.vg, ": it is not as it is known here")),
           " >&2")},
      {CureStage::kRemoveVolume, volume->name(),
       absl::StrCat("lvremove -y ",
                    ShellWord(absl::StrCat(lvm.vg, "/", lvm.lv)))},
      {CureStage::kVolume, volume->name(),
       absl::StrCat("lvcreate -y", MakeWords(*request.machine, lvm.vg, lvm.lv),
                    " -L ", before / 2, "k -n ", ShellWord(lvm.lv), " ", vg,
                    " ", pv, ":", ExtentWord(start, variables), "-",
                    ExtentWord(start + before, variables, " - 1"))}};
  world = std::move(moved);
  return cure;
}

}  // namespace dmdax
