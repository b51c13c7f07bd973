// SPDX-License-Identifier: Apache-2.0
//
// RandomDeeds: what programs do to a resident machine, the same for a seed:
// ioctls, bytes, attributes, nodes, partitions, loop devices, messages, time,
// and what other programs do to its state meanwhile.
//
//   RandomDeeds deeds(*machine, path, scratch, seed);
//   script += deeds.Do() + "\n";       // what it was, for people
//
// Each is told the state as the server would tell it.
// Threading: none.
#ifndef DMDAX_TESTS_PROPERTY_RANDOM_DEEDS_H_
#define DMDAX_TESTS_PROPERTY_RANDOM_DEEDS_H_

#include <cstdint>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "dm/io/block_file.h"
#include "server/resident.h"
#include "tests/property/random_lines.h"

namespace dmdax {

class RandomDeeds {
 public:
  // `machine` is that of kRandomHardware, or was once, and its state is at
  // `path`; `scratch` is a directory for files of the host.  Both outlive it.
  RandomDeeds(Resident& machine, std::string path, std::string scratch,
              uint64_t seed)
      : machine_(machine),
        path_(std::move(path)),
        scratch_(std::move(scratch)),
        lines_(seed),
        random_(seed) {}

  // One of all.  A clock that goes on by itself would make two looks at the
  // same machine differ, so it stands still in between.
  std::string Do();
  // Whether it was done by another program, so that the machine was loaded.
  static bool IsByOthers(absl::string_view deed) {
    return absl::StartsWith(deed, kOthers);
  }

 private:
  static constexpr absl::string_view kOthers = "others: ";

  using Words = std::vector<std::string>;
  uint32_t Below(uint32_t n) { return static_cast<uint32_t>(random_() % n); }
  std::string OneOf(const std::vector<std::string>& choices) {
    return choices[Below(static_cast<uint32_t>(choices.size()))];
  }

  BlockDevice* AnyDevice();
  std::string OnFile(BlockDevice& bdev, absl::FunctionRef<void(BlockFile&)> fn);
  std::string Change(absl::FunctionRef<std::string(Session&)> change,
                     Resident::Touches touches = Resident::Touches::kNoted);
  std::string Dmsetup(const Words& words, const std::string& input);

  std::string DoOne();
  std::string Line();
  std::string Target();   // a table of a target that remembers something
  std::string Message();  // to one
  std::string Mounted();  // with a file system above
  std::string WriteBytes();
  std::string Node();
  std::string Attribute();
  std::string Ioctl();
  std::string Range();  // discards and zeros
  std::string Partition();
  std::string PartitionTable();
  std::string Loop();
  std::string Clock();
  std::string Key();
  std::string OthersLine();
  std::string OthersTouch();
  std::string ByOthers(absl::FunctionRef<void(Session&)> change);
  std::string Ask();

  Resident& machine_;
  const std::string path_, scratch_;
  RandomLines lines_;
  std::mt19937_64 random_;
};

}  // namespace dmdax

#endif  // DMDAX_TESTS_PROPERTY_RANDOM_DEEDS_H_
