// SPDX-License-Identifier: Apache-2.0
//
// Stack: the same mapped devices three times, in dmdax and in the two
// baselines, with the questions to ask them.
//
//   std::unique_ptr<Stack> stack = Stack::Wide(1024, 1 << 17);
//   if (absl::Status s = stack->Check(); !s.ok()) return s;
//   DaxDirectAccess(&stack->product(), pgoff_t{stack->queries()[0]}, ...);
//
// dmdax's devices are made through DmCtl like a user's.  Persistent memory
// has no bytes, so that a table of a million rows needs no terabytes.
// Everything follows from fixed seeds.
#ifndef DMDAX_BENCH_STACKS_H_
#define DMDAX_BENCH_STACKS_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "bench/kernel_baseline.h"
#include "bench/whole.h"
#include "block/machine.h"
#include "dm/dm_ioctl.h"

namespace dmdax::bench {

class Stack {
 public:
  // One table of `targets` linear rows.  Lengths are log-uniform over three
  // decades (1 to 1024 units); the rows lie on four devices in random order.
  // A unit is one page, or as many as it takes for the table to have enough
  // pages for distinct queries.
  static std::unique_ptr<Stack> Wide(size_t targets, size_t queries);
  // The same with rows of 256 pages each.
  static std::unique_ptr<Stack> Equal(size_t targets, size_t queries);
  // 95 % of the rows have one or two pages and lie in under a thousandth of
  // the space; queries are spread over the rows, not the pages.
  static std::unique_ptr<Stack> Skewed(size_t targets, size_t queries);
  // `depth` tables of one linear row each, on top of each other.
  static std::unique_ptr<Stack> Deep(int depth, size_t queries);
  // `depth` tables of `targets` rows each, cut and shuffled at random on
  // every level.
  static std::unique_ptr<Stack> DeepWide(int depth, size_t targets,
                                         size_t queries);
  // `depth` striped tables on top of each other, each over `legs` devices of
  // the level below (of persistent memory at the bottom).  `chunk` in pages.
  static std::unique_ptr<Stack> Striped(int depth, uint64_t chunk, size_t legs,
                                        size_t queries);

  // `depth` tables of about `targets` linear rows each, the rows of every
  // level in random order on the one below.
  static std::unique_ptr<Stack> Tall(int depth, size_t targets, size_t queries);

  DaxDevice& product() { return md_->dax_dev(); }
  MappedDevice& mapped() { return *md_; }
  std::shared_ptr<MappedDevice> shared_mapped() const { return md_; }
  BaselineDax* kernel(ReadSide read_side) {
    return read_side == ReadSide::kSrcu ? top_srcu_ : top_plain_;
  }
  // Distinct pages of the device in random order.
  absl::Span<const uint64_t> queries() const { return queries_; }

  // Asks every query of all three and compares pages and frames; every 64th
  // also with a trace, which only the chain records.
  absl::Status Check();

 private:
  // A row by the number of its device: 0.. for pmem, then mapped devices in
  // the order of AddMapped().
  struct RowSpec {
    uint64_t begin, len;
    size_t device;
    uint64_t start;
  };

  Stack();
  void AddPmem(uint64_t pages);
  void AddMapped(const std::vector<RowSpec>& rows);
  // One table of rows with these lengths in pages, dealt out to the devices.
  static std::unique_ptr<Stack> OfLengths(const std::vector<uint64_t>& lengths,
                                          std::mt19937_64& rng);
  void AddStriped(uint64_t pages, uint64_t chunk,
                  const std::vector<size_t>& devices);
  // Creates the device that has this table.
  void Create(std::vector<DmTargetSpec> specs);
  uint64_t pages() const;
  void MakeQueries(uint64_t pages, size_t count);

  Machine machine_;
  DmCtl ctl_;
  KernelBaseline srcu_{ReadSide::kSrcu};
  KernelBaseline plain_{ReadSide::kNone};
  std::vector<BaselineDax*> srcu_devices_, plain_devices_;
  std::vector<std::string> paths_;
  std::shared_ptr<MappedDevice> md_;  // the topmost
  BaselineDax* top_srcu_ = nullptr;
  BaselineDax* top_plain_ = nullptr;
  uint64_t next_base_ = uint64_t{1} << 32;
  std::vector<uint64_t> queries_;
};

}  // namespace dmdax::bench

#endif  // DMDAX_BENCH_STACKS_H_
