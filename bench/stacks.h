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
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "bench/kernel_baseline.h"
#include "block/machine.h"
#include "dm/dm_ioctl.h"

namespace dmdax::bench {

// Pages asked for in every query: a 2 MiB mapping's worth.
inline constexpr long kAskedPages = 512;

class Stack {
 public:
  // One table of `targets` linear rows.  Lengths are log-uniform over three
  // decades (1 to 1024 units); the rows lie on four devices in random order.
  // A unit is one page, or as many as it takes for the table to have enough
  // pages for distinct queries.
  static std::unique_ptr<Stack> Wide(size_t targets, size_t queries);
  // `depth` tables of one linear row each, on top of each other.
  static std::unique_ptr<Stack> Deep(int depth, size_t queries);

  DaxDevice& product() { return md_->dax_dev(); }
  MappedDevice& mapped() { return *md_; }
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
