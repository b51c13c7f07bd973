// SPDX-License-Identifier: Apache-2.0
#include "block/fsdax_supported.h"

#include <optional>

#include "absl/strings/str_cat.h"

namespace dmdax {
namespace {

// bdev_dax_pgoff(): the page of a sector, or nothing when it is not on one.
// The kernel counts in bytes, of which the upper nine bits of a sector are
// lost.
std::optional<pgoff_t> BdevDaxPgoff(const BlockDevice& bdev, uint64_t sector) {
  const uint64_t phys_off =
      (bdev.start_sect() + sector).value() * uint64_t{kSectorSize};
  if (phys_off % kPageSize != 0) return std::nullopt;
  return pgoff_t(phys_off / kPageSize);
}

std::string Refuse(const BlockDevice& bdev, absl::string_view why,
                   KernelLog& log) {
  log.Printk(KernLevel::kInfo, absl::StrCat(bdev.name(), ": error: ", why));
  return std::string(why);
}

}  // namespace

std::string WhyNotFsdax(DaxDevice* dax_dev, BlockDevice& bdev, sector_t start,
                        uint64_t sectors, uint64_t blocksize, KernelLog& log) {
  if (dax_dev == nullptr) return "dax unsupported by block device";
  if (!dax_dev->alive()) return "its dax_device is dead";
  if (dax_dev->ops() == nullptr) return "its dax_device has no operations";
  if (std::optional<bool> own = dax_dev->ops()->DaxSupported(blocksize)) {
    return *own ? "" : "its own table does not support DAX";
  }
  if (blocksize != kPageSize) {
    return Refuse(bdev, "unsupported blocksize for dax", log);
  }
  const std::optional<pgoff_t> first = BdevDaxPgoff(bdev, start.value());
  // The page that holds the last byte, as sectors again.
  const uint64_t last_page =
      (start.value() + sectors - 1) * uint64_t{kSectorSize} / kPageSize;
  const std::optional<pgoff_t> last =
      BdevDaxPgoff(bdev, last_page * kPageSectors);
  if (!first || !last) {
    return Refuse(bdev, "unaligned partition for dax", log);
  }
  const DaxAccess a =
      DaxDirectAccess(dax_dev, *first, 1, DaxAccessMode::kAccess, nullptr);
  const DaxAccess b =
      DaxDirectAccess(dax_dev, *last, 1, DaxAccessMode::kAccess, nullptr);
  if (a.ret < 1 || b.ret < 1) {
    return Refuse(
        bdev,
        absl::StrCat("dax access failed (", a.ret < 1 ? a.ret : b.ret, ")"),
        log);
  }
  // Both ends must have struct pages of one range.  Beyond its end a pmem
  // device answers with addresses that have none.
  const uint32_t devmap = PFN_DEV | PFN_MAP;
  const pgoff_t end = SectorToPage(sector_t(bdev.whole().nr_sectors()));
  if ((a.pfn_flags & b.pfn_flags & devmap) != devmap || *first >= end ||
      *last >= end) {
    return Refuse(bdev, "dax support not enabled", log);
  }
  return "";
}

}  // namespace dmdax
