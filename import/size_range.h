// SPDX-License-Identifier: Apache-2.0
//
// SizeRange: what a printed size says.  Tools round: "126.00 GiB" is any size
// of a range, and two roundings of one size are met by few.
//
//   ParseSize("135291469824");              // exactly that
//   ParseSize("126.00 GiB (135.29 GB)");    // what both roundings allow
//   ParseSize("126G");                      // as lsblk without -b has it
//   range.Likeliest();                      // 135291469824
//
// Threading: values.
#ifndef DMDAX_IMPORT_SIZE_RANGE_H_
#define DMDAX_IMPORT_SIZE_RANGE_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace dmdax {

struct SizeRange {
  uint64_t least = 0;  // bytes
  uint64_t most = 0;

  static SizeRange Exactly(uint64_t bytes) { return {bytes, bytes}; }
  bool exact() const { return least == most; }
  bool empty() const { return least > most; }
  SizeRange And(const SizeRange& other) const;
  // The size in the range that a person would have chosen: the multiple of
  // the highest power of two.
  uint64_t Likeliest() const;
  // "1048576 bytes", "1 to 5 bytes".
  std::string ToString() const;
};

// Nothing: not a size.  Units in one letter are powers of 1024, as are KiB to
// PiB; KB to PB are powers of 1000.
std::optional<SizeRange> ParseSize(absl::string_view text);

}  // namespace dmdax

#endif  // DMDAX_IMPORT_SIZE_RANGE_H_
