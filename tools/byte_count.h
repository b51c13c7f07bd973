// SPDX-License-Identifier: Apache-2.0
//
// The numbers of a command line, all of which are read here: CLI11's own
// conversions take "" for 0, let -1 wrap to 2^64-1 and 010 be eight.
//
//   verb->add_option("--size", *size)->transform(ByteCount());
//   // 512M, 3GiB, 0x100000000
//   verb->add_option("PID", *pid)->transform(Number(0, 0xffffffff));
//
// The --help of every verb names what reads a number; tests/golden/usage.txt
// finds one that CLI11 would read.
// Threading: pure functions.
#ifndef DMDAX_TOOLS_BYTE_COUNT_H_
#define DMDAX_TOOLS_BYTE_COUNT_H_

#include <cstdint>
#include <optional>
#include <string>

#include "CLI/CLI.hpp"
#include "absl/strings/string_view.h"

namespace dmdax {

// Decimal or 0x...: digits and nothing else.
std::optional<uint64_t> ParseNumber(absl::string_view text);
// The same with K, M, G, T, P or E (also KiB ...), powers of 1024, in either
// case; a hexadecimal E is a digit.
std::optional<uint64_t> ParseBytes(absl::string_view text);

CLI::Validator Number(uint64_t least = 0, uint64_t most = UINT64_MAX);
CLI::Validator ByteCount(uint64_t least = 0);
// A time: decimal, may have a fraction.
CLI::Validator Seconds();

// "4 KiB", "2 MiB", "1280 KiB": in the largest unit that divides it.
std::string BytesText(uint64_t bytes);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_BYTE_COUNT_H_
