// SPDX-License-Identifier: Apache-2.0
//
// FilterSource: the bytes that xz, bzip2 or zstd packed, a block at a time, by
// libarchive.
//
//   FilterSource source(packed);
//   absl::StatusOr<absl::string_view> block = source.Next();
//
// Threading: thread-compatible.
#ifndef DMDAX_IMPORT_FILTER_SOURCE_H_
#define DMDAX_IMPORT_FILTER_SOURCE_H_

#include <cstddef>
#include <memory>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

struct archive;

namespace dmdax {

class FilterSource {
 public:
  // Whether it begins as what one of them has packed.
  static bool IsPacked(absl::string_view bytes);

  // Of bytes that do.  They must outlive it.
  explicit FilterSource(absl::string_view bytes);
  ~FilterSource();
  FilterSource(const FilterSource&) = delete;
  FilterSource& operator=(const FilterSource&) = delete;

  // Empty at the end.  Valid until the next call.  EINVAL: damaged, cut, or
  // followed by something else.
  absl::StatusOr<absl::string_view> Next();

 private:
  absl::StatusOr<absl::string_view> End() const;
  size_t Used() const;  // of the packed bytes

  const absl::string_view bytes_;
  absl::string_view rest_;
  archive* const archive_;
  bool known_ = true;  // to the filter
  int status_;
};

}  // namespace dmdax

#endif  // DMDAX_IMPORT_FILTER_SOURCE_H_
