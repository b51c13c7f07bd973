// SPDX-License-Identifier: Apache-2.0
//
// PlanLayout: where a volume lies on its devices so that the page frames of
// each of its huge pages begin at a boundary, and the lines that put it there.
//
//   const std::vector<LayoutLeg> legs = {
//       {"/dev/pmem0", uint64_t{1} << 30, /*address=*/uint64_t{4} << 30},
//       {"/dev/pmem1", uint64_t{1} << 30, /*address=*/uint64_t{5} << 30}};
//   const LayoutPlan plan = PlanLayout(
//       legs, {.size = uint64_t{1} << 30, .stripes = 2, .align = 2 << 20});
//   std::cout << LayoutTable(plan, legs) << "\n";
//   // 0 2097152 striped 2 4096 /dev/pmem0 4096 /dev/pmem1 4096
//   for (const std::string& line :
//        LayoutLvmLines(plan, legs, {"vg", "data"}, OldData::kNone))
//     std::cout << line << "\n";  // pvcreate, vgcreate, lvcreate
//
// A device's data begins behind LVM2's metadata, where its physical address is
// a multiple of `align`, and is handed out in physical extents of 4 MiB, as
// LVM2 does it: with and without LVM2 the volume lies at the same place.
// Threading: pure functions.
#ifndef DMDAX_TOOLS_ADVISE_LAYOUT_H_
#define DMDAX_TOOLS_ADVISE_LAYOUT_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/types/span.h"

namespace dmdax {

struct LayoutLeg {
  std::string path;
  uint64_t bytes = 0;
  uint64_t address = 0;  // physical, of its first byte
};

struct LayoutRequest {
  uint64_t size = 0;  // bytes, rounded up to whole extents; 0: all
  uint64_t stripes = 1;
  uint64_t align = 0;  // bytes; 0: as LVM2 does without being told
};

struct LayoutArea {
  size_t leg = 0;
  uint64_t start = 0;  // bytes on the leg
};

struct LayoutRow {
  uint64_t bytes = 0;
  std::vector<LayoutArea> areas;  // one a stripe
};

struct LayoutPlan {
  uint64_t size = 0;   // bytes
  uint64_t chunk = 0;  // of stripes, bytes
  std::vector<LayoutRow> rows;
  // Where each leg's data begins, bytes; 0: it is not used.
  std::vector<uint64_t> data_start;
  // The most that these devices have room for with so many stripes, bytes.
  uint64_t room = 0;
  // Why there is no layout: "too_few_devices", "no_room", or "".
  std::string unmet, text;
};

LayoutPlan PlanLayout(absl::Span<const LayoutLeg> legs,
                      const LayoutRequest& request);

// The rows as dmsetup takes them, a line each; no words of a shell.
std::string LayoutTable(const LayoutPlan& plan,
                        absl::Span<const LayoutLeg> legs);

struct VolumeName {
  std::string vg, lv;
};

// "vg-data": the volume's name in device-mapper, where LVM2 doubles hyphens.
std::string MappedName(const VolumeName& name);

// Whether the devices hold data that goes, as somebody has been told: no
// program then asks whether it may, whose answer would be the next line of a
// pasted list.
enum class OldData { kNone, kGoes };

// For a shell: names that are no plain words are quoted.
std::vector<std::string> LayoutLvmLines(const LayoutPlan& plan,
                                        absl::Span<const LayoutLeg> legs,
                                        const VolumeName& name, OldData old);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_ADVISE_LAYOUT_H_
