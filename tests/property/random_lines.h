// SPDX-License-Identifier: Apache-2.0
//
// RandomLines: lines of dmsetup about a few devices, the same for a seed.
#ifndef DMDAX_TESTS_PROPERTY_RANDOM_LINES_H_
#define DMDAX_TESTS_PROPERTY_RANDOM_LINES_H_

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

namespace dmdax {

// The World that they are about, beside what they make: something of each kind,
// so that something has each kind of device open.
extern const char kRandomHardware[];

class RandomLines {
 public:
  explicit RandomLines(uint64_t seed) : random_(seed) {}

  // The words of one command of dmsetup, and what it reads in `input`.
  std::vector<std::string> Next(std::string* input);

  // One that only asks.
  std::vector<std::string> Question();

  // A path or number of a device that may be there.
  std::string Path();

 private:
  uint32_t Below(uint32_t n) { return static_cast<uint32_t>(random_() % n); }

  std::string Name();
  std::string Uuid() { return absl::StrCat("U-", Below(6)); }
  std::string Which();

  std::string Row(uint64_t start);
  std::string Table();

  std::vector<std::string> Create(std::string* input);
  std::vector<std::string> Concise();

  std::mt19937_64 random_;
};

}  // namespace dmdax

#endif  // DMDAX_TESTS_PROPERTY_RANDOM_LINES_H_
