// SPDX-License-Identifier: Apache-2.0
//
// DaxQuery: page offsets of a named device, whatever kind it is, as the verbs
// translate and explain ask for them.
//
//   absl::StatusOr<DaxQuery> query = DaxQuery::Create(session, "home");
//   const DaxAccess access = query->Ask(pgoff_t{0}, 512, /*trace=*/nullptr);
//
// For a mapped device the chain checks the offset (-EIO past the end).  For a
// bare pmem disk or a partition the kernel has no check, so there is one here
// (-ERANGE).
// Threading: as DaxDirectAccess().
#ifndef DMDAX_TOOLS_DAX_QUERY_H_
#define DMDAX_TOOLS_DAX_QUERY_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "dax/dax_piece.h"
#include "dm/map/dax_extent.h"
#include "state/session.h"

namespace dmdax {

// The most pages that can be asked for: those of all addresses.
inline constexpr uint64_t kMostPages = uint64_t{1} << 52;

class DaxQuery {
 public:
  // EOPNOTSUPP: the device has no DAX at all, or a partition does not start
  // on a page.
  static absl::StatusOr<DaxQuery> Create(const Session& session,
                                         const std::string& device);

  // Of a mapped device, when there is no Session.
  static DaxQuery Of(std::shared_ptr<MappedDevice> md);

  // As DaxDirectAccess(): ret is pages or -errno.
  DaxAccess Ask(pgoff_t pgoff, int64_t nr_pages, Trace* trace) const;
  // Ask() at each of `pages`: pfns[i], or ~0 where there is none.  `pfns` and
  // `rets` have room for as many, or more; without `rets` it is faster.
  void AskMany(absl::Span<const pgoff_t> pages, int64_t nr_pages,
               absl::Span<uint64_t> pfns, absl::Span<int64_t> rets) const;
  // The extents of pages [*page, end), as MappedDevice::Extents() has them.
  // `end` is at most nr_pages().
  size_t Extents(uint64_t* page, uint64_t end, absl::Span<DaxExtent> out) const;
  // DaxForEachPiece() of all whole pages.
  void ForEachPiece(uint64_t unit, DaxPieceFn fn) const;

  // Why the kernel does not consider the device DAX, or "".
  const std::string& not_dax() const { return not_dax_; }
  BlockDevice& bdev() const { return *bdev_; }
  // Where a partition begins on its disk; 0 of any other device.
  uint64_t first_page() const { return first_page_; }
  // Whole pages of the device.
  uint64_t nr_pages() const { return bdev_->nr_sectors() / kPageSectors; }
  // What an error of `pgoff` means when it lies past them, for standard error;
  // OK when it does not.
  absl::Status BeyondEnd(pgoff_t pgoff) const;

 private:
  DaxQuery(BlockDevice* bdev, uint64_t first_page, bool bounded)
      : bdev_(bdev), first_page_(first_page), bounded_(bounded) {}

  BlockDevice* bdev_;
  uint64_t first_page_;  // of a partition, on its disk
  bool bounded_;         // the chain does not know where the device ends
  std::shared_ptr<MappedDevice> md_;  // null: a bare disk or partition
  std::string not_dax_;
  std::string device_;  // as it was asked for
};

}  // namespace dmdax

#endif  // DMDAX_TOOLS_DAX_QUERY_H_
