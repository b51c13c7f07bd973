// SPDX-License-Identifier: Apache-2.0
//
// Sizes as dmstats reads and shows them: "1.00g", "4k".
//
// Mirrors: dm_units_to_factor, dm_size_to_string of libdm/libdm-string.c and
// _size_from_string of dmsetup.c (1.02.185).
#ifndef DMDAX_TOOLS_DMSETUP_STATS_SIZE_STRING_H_
#define DMDAX_TOOLS_DMSETUP_STATS_SIZE_STRING_H_

#include <cstdint>
#include <optional>
#include <string>

namespace dmdax {

// What sizes are shown in.
struct SizeUnits {
  char type = 's';        // a letter of --units; 'U' for a number of them
  uint64_t factor = 512;  // bytes
};

// The units that `text` names: a letter, perhaps behind a number ("4k").
// Nothing when it names none, or none of them.
std::optional<SizeUnits> ParseSizeUnits(const std::string& text);

// `sectors` in `units`, without the letter except for 'h', 'H', 'r' and 'R',
// which choose it.  As in libdevmapper, the bytes wrap at 2^64.
std::string DmSizeToString(uint64_t sectors, SizeUnits units);

// Bytes of "4k" or of "8" (sectors).  An unknown letter counts as bytes.
// Nothing when it does not begin with a number.
std::optional<uint64_t> SizeFromString(const std::string& text);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_DMSETUP_STATS_SIZE_STRING_H_
