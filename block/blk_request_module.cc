// SPDX-License-Identifier: Apache-2.0
#include "block/blk_request_module.h"

#include <optional>

#include "absl/strings/str_cat.h"

namespace dmdax {
namespace {

// What a new disk of a driver is like: the first one that it has made.
std::optional<BlockOptions> NewDisk(const Machine& machine,
                                    absl::string_view driver, DevT dev) {
  constexpr int kMadeAtFirst = 16;
  for (int i = 0; i < kMadeAtFirst; ++i) {
    const BlockOptions* one = machine.FindBlockOptions(absl::StrCat(driver, i));
    // A new loop device has no file in it.
    if (one == nullptr || one->empty != (driver == "loop")) continue;
    BlockOptions options = *one;
    options.name = absl::StrCat(driver, dev.minor_nr);
    options.dev = dev;
    return options;
  }
  return std::nullopt;
}

}  // namespace

BlockDevice* BlkRequestModule(Machine& machine, DevT dev) {
  constexpr uint32_t kRamdiskMajor = 1, kLoopMajor = 7;
  std::optional<BlockOptions> options;
  if (dev.major_nr == kLoopMajor) options = NewDisk(machine, "loop", dev);
  if (dev.major_nr == kRamdiskMajor) options = NewDisk(machine, "ram", dev);
  if (!options) return nullptr;
  absl::StatusOr<BlockDevice*> made = machine.AddBlock(*options);
  if (!made.ok()) return nullptr;
  if (machine.profile().blk_autoload_is_deprecated) {
    machine.log().PrintkRatelimited(
        "blkdev_get_no_open", KernLevel::kWarn,
        "block device autoloading is deprecated and will be removed.");
  }
  return *made;
}

}  // namespace dmdax
