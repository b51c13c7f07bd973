// SPDX-License-Identifier: Apache-2.0
//
// DiskBytes: what a disk holds: zeros, until something is written.
//
//   DiskBytes bytes;
//   bytes.Write(sector_t{8}, std::vector<char>(512, 'x'));
//   std::vector<char> got(512);
//   bytes.Read(sector_t{8}, absl::MakeSpan(got));
//   got[0];  // 'x'
//
// Only pages that were written take memory, so a blank disk of any size costs
// nothing.  Whole sectors; the disk's size is its owner's business.
// Threading: thread-safe.
#ifndef DMDAX_BLOCK_DISK_BYTES_H_
#define DMDAX_BLOCK_DISK_BYTES_H_

#include <array>
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/span.h"
#include "base/units.h"

namespace dmdax {

class DiskBytes {
 public:
  void Read(sector_t sector, absl::Span<char> out) const;
  void Write(sector_t sector, absl::Span<const char> in);

  // The pages that are not all zeros, by number, for a snapshot.
  std::vector<std::pair<uint64_t, std::vector<char>>> Pages() const;

 private:
  using Page = std::array<char, kPageSize>;
  mutable absl::Mutex mu_;
  std::map<uint64_t, Page> pages_ ABSL_GUARDED_BY(mu_);
};

}  // namespace dmdax

#endif  // DMDAX_BLOCK_DISK_BYTES_H_
