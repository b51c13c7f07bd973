// SPDX-License-Identifier: Apache-2.0
//
// RandomStack: a machine with a stack of mapped devices, drawn from a seed,
// once in dmdax and once in a NaiveWorld.
//
//   RandomStack stack(seed);
//   std::string difference = stack.Build();
//   if (difference.empty()) difference = stack.CompareAll();
//   while (difference.empty() && ...) difference = stack.Change();
//   FAIL() << difference << stack.script();
//
// The kernel is one of AllKernelProfiles(), the stack up to 8 levels high
// with a few devices on each, every row legal but otherwise anything.
// Threading: single-threaded.
#ifndef DMDAX_TESTS_PROPERTY_RANDOM_STACK_H_
#define DMDAX_TESTS_PROPERTY_RANDOM_STACK_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "block/machine.h"
#include "dm/dm_ioctl.h"
#include "tests/property/naive_walker.h"
#include "tests/property/random_table.h"

namespace dmdax::property {

class RandomStack {
 public:
  explicit RandomStack(uint64_t seed);

  // Each returns "" or the first difference between the two worlds, in words.
  //
  // Adds memory and all levels.
  std::string Build();
  // Does one thing to the running stack: a reload, a new max_sectors, a late
  // first resume, a suspend and resume.
  std::string Change();
  // Asks for every page of every mapped device and some beyond.
  std::string CompareAll();

  // Everything done so far, line by line, for whoever replays a failure.
  std::string script() const;
  // What the answers were, to see that a run was worth something.
  struct Tally {
    uint64_t queries = 0;
    std::map<int64_t, uint64_t> errors;  // by -errno, for nr >= 0
    std::map<int, uint64_t> hits;        // by mapped devices passed
  };
  const Tally& tally() const { return tally_; }

 private:
  struct Mapped {
    std::string disk;     // "dm-0"
    std::string dm_name;  // "L1_0"
    int level;
    std::shared_ptr<MappedDevice> md;
    bool resumed = false;
  };

  void AddMemory();
  void AddOnePmem(int number);
  void AddPartitions(const std::string& whole, uint64_t sectors);
  void Say(std::string line) { script_.push_back(std::move(line)); }
  std::vector<LegChoice> ChoicesBelow(int level) const;
  std::string AddMapped(int level);
  std::string Reload(Mapped& m);
  std::string Resume(Mapped& m);
  std::string SuspendAndResume(Mapped& m);
  void DrawMaxSectors(Mapped& m, bool change);
  std::string CompareDevice(const Mapped& m);
  std::string CompareOne(const Mapped& m, uint64_t pgoff, int64_t nr,
                         bool recovery);
  int64_t DrawNr();

  Dice dice_;
  Machine machine_;
  DmCtl ctl_;
  NaiveWorld naive_;
  const bool aligned_;
  const int depth_;
  uint64_t next_base_;
  std::vector<LegChoice> memory_;
  std::vector<Mapped> mapped_;
  std::vector<std::string> script_;
  Tally tally_;
};

}  // namespace dmdax::property

#endif  // DMDAX_TESTS_PROPERTY_RANDOM_STACK_H_
