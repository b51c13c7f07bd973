// SPDX-License-Identifier: Apache-2.0
//
// Numbers of bytes on a command line.
//
//   verb->add_option("--size", *size)->transform(ByteCount());
//   // 512M, 3GiB, 0x100000000
#ifndef DMDAX_TOOLS_BYTE_COUNT_H_
#define DMDAX_TOOLS_BYTE_COUNT_H_

#include <cstdint>
#include <string>

#include "CLI/CLI.hpp"

namespace dmdax {

// Decimal or 0x..., with K, M, G, T or P (also KiB ...), powers of 1024.
// "" and *bytes, or `text` when it is no such number.
std::string ParseBytes(const std::string& text, uint64_t* bytes);

CLI::Validator ByteCount();

// "4 KiB", "2 MiB", "1280 KiB": in the largest unit that divides it.
std::string BytesText(uint64_t bytes);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_BYTE_COUNT_H_
