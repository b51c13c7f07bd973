// SPDX-License-Identifier: Apache-2.0
#include "tools/check/cured_size.h"

#include <algorithm>
#include <cstddef>
#include <map>

#include "absl/strings/str_cat.h"
#include "base/one_line.h"
#include "base/units.h"
#include "state/find_device.h"
#include "tools/check/bdev_set.h"
#include "tools/check/dax_depth.h"
#include "tools/check/fit_rows.h"
#include "tools/check/volume_cure.h"
#include "tools/check/world_rows.h"

namespace dmdax {

uint64_t CuredBytes(const CuredMachine& with, const StandsOn& stands_on,
                    const BlockDevice& bdev) {
  const std::string name = NameOfDevice(with.machine, bdev);
  const BlockDevice* const after = with.after.machine->FindBdev(bdev.dev());
  if (after != nullptr && NameOfDevice(with.after, *after) == name) {
    return after->nr_sectors() * kSectorSize;
  }
  uint64_t sectors = bdev.nr_sectors();
  if (const proto::MappedDevice* now = stands_on.InWorld(name)) {
    // No cure is about it; what is below it may be cut.
    proto::MappedDevice device = *now;
    FitRowsOf(with.machine, with.cured, &device);
    if (const uint64_t fits = SectorsOf(&device); fits != 0) {
      sectors = std::min(sectors, fits);
    }
  }
  return sectors * kSectorSize;
}

std::string SmallerRemark(const CuredMachine& with, const StandsOn& stands_on,
                          const BdevSet& gone) {
  constexpr size_t kMost = 4;
  std::map<std::string, uint64_t> less;
  for (const BlockDevice* bdev : gone) {
    const uint64_t now = bdev->nr_sectors() * kSectorSize;
    const uint64_t then = CuredBytes(with, stands_on, *bdev);
    if (then < now) less[NameOfDevice(with.machine, *bdev)] = now - then;
  }
  std::string text;
  size_t told = 0;
  for (const auto& [name, bytes] : less) {
    if (told++ == kMost) {
      absl::StrAppend(&text, " and others");
      break;
    }
    absl::StrAppend(&text, text.empty() ? "smaller then: " : ", ",
                    OneLine(name), " by ", bytes / 1024, " KiB");
  }
  return text;
}

}  // namespace dmdax
