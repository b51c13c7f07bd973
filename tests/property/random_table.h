// SPDX-License-Identifier: Apache-2.0
//
// Tables drawn at random: legal rows of linear, striped, log-writes, error
// and zero over given devices.
//
//   Dice dice(seed);
//   std::vector<RandomRow> rows = DrawTable(dice, choices, /*aligned=*/false);
//   NaiveText(rows);                  // "0 8 linear pmem0 16\n..."
//   Specs(rows, [](const std::string& disk) { return "/dev/" + disk; });
//
// Threading: none; a Dice belongs to one thread.
#ifndef DMDAX_TESTS_PROPERTY_RANDOM_TABLE_H_
#define DMDAX_TESTS_PROPERTY_RANDOM_TABLE_H_

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <random>
#include <string>
#include <vector>

#include "dm/dm_ioctl.h"

namespace dmdax::property {

// Random numbers that are the same with every standard library.
class Dice {
 public:
  explicit Dice(uint64_t seed) : engine_(seed) {}
  uint64_t Draw() { return engine_(); }
  // In [low, high].
  uint64_t Range(uint64_t low, uint64_t high) {
    return low + engine_() % (high - low + 1);
  }
  bool Percent(unsigned p) { return engine_() % 100 < p; }
  uint64_t OneOf(std::initializer_list<uint64_t> values) {
    return values.begin()[engine_() % values.size()];
  }

 private:
  std::mt19937_64 engine_;
};

// A device that a row may use.
struct LegChoice {
  std::string disk;
  uint64_t sectors = 0;  // 0: none yet, the kernel checks no area then
  unsigned weight = 1;
};

// A word of a row; devices are kept apart, as each world names them its way.
struct RandomWord {
  std::string text;
  bool is_device = false;
};

struct RandomRow {
  uint64_t begin = 0, len = 0;
  std::string type;
  std::vector<RandomWord> words;
};

// One to five rows.  `aligned`: all numbers are in whole pages and hardly a
// row fails, so that the stack above has something to stand on.
std::vector<RandomRow> DrawTable(Dice& dice,
                                 const std::vector<LegChoice>& choices,
                                 bool aligned);

std::string NaiveText(const std::vector<RandomRow>& rows);
std::vector<DmTargetSpec> Specs(
    const std::vector<RandomRow>& rows,
    const std::function<std::string(const std::string& disk)>& path);

}  // namespace dmdax::property

#endif  // DMDAX_TESTS_PROPERTY_RANDOM_TABLE_H_
