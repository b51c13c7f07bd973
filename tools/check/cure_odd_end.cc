// SPDX-License-Identifier: Apache-2.0
//
// The cure of a volume that ends within a page, on which the kernel gives no
// file DAX.
// Mirrors: bdev_dax_pgoff of drivers/dax/super.c (5.10), fs_dax_get_by_bdev
// (6.1).
#include <cstdint>
#include <optional>

#include "absl/strings/str_cat.h"
#include "base/units.h"
#include "tools/check/cure.h"
#include "tools/check/cure_lines.h"
#include "tools/check/dax_depth.h"
#include "tools/check/world_rows.h"

namespace dmdax {

std::optional<Cure> CureOddEnd(const CureRequest& request,
                               proto::World& world) {
  const BlockDevice* const bdev = request.subject.bdev;
  if (bdev == nullptr || bdev->nr_sectors() % kPageSectors == 0) {
    return std::nullopt;
  }
  proto::MappedDevice* const device =
      FindMapped(world, NameOfDevice(request.session, *bdev));
  if (device == nullptr) return std::nullopt;
  const uint64_t past = bdev->nr_sectors() % kPageSectors;
  if (const auto lvm = LvmNameOf(*device)) {
    return Cure{.remark = absl::StrCat(
                    "it ends ", past,
                    " sectors past a page: lvextend makes it longer, to a "
                    "multiple of 4 KiB")};
  }
  auto& rows = *EditRows(device);
  proto::Target& last = *rows.Mutable(rows.size() - 1);
  // Stripes end together.
  if (!last.has_linear() || last.length() <= past) return std::nullopt;
  last.set_length(last.length() - past);
  Cure cure{.change = "a length of whole pages",
            .remark = absl::StrCat(
                "its last ", past, past == 1 ? " sector goes" : " sectors go",
                ", which no block of 4 KiB has; the rest stays where it is"),
            .in_world = true};
  cure.steps.push_back(
      {CureStage::kReload, device->name(),
       DmsetupReloadLine(device->name(), StableTable(request.session, *device)),
       "", CureTool::kDmsetup});
  return cure;
}

}  // namespace dmdax
