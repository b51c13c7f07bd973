// SPDX-License-Identifier: Apache-2.0
//
// LoadBaseline: a table loaded as dmsetup and the kernel load it together, as
// a mark to measure our loader against.
//
// Written anew from the description in bench/README.md, with nothing of
// dmdax in it:
//
//   * a line is copied, ended with a NUL and read with sscanf()
//   * rows of 80 bytes in an array that doubles as it fills, each with a
//     context of its own from malloc()
//   * the device is found by comparing its name with those seen before
//   * the checks that a row must pass: no gap, not empty, inside its device
//   * a static 9-ary B-tree over the last sectors
//
//   LoadBaseline table;
//   table.AddDevice("/dev/pmem0", /*sectors=*/1 << 20);
//   table.Load("0 8 linear /dev/pmem0 0\n");       // true
//   LoadBaseline::Place at;
//   table.Find(3, &at);                            // at: device 0, sector 3
//
// Where there is a choice it takes the cheaper one: one sscanf() for the whole
// line, no ioctl payload in between.  Threading: none.
#ifndef DMDAX_BENCH_LOAD_BASELINE_H_
#define DMDAX_BENCH_LOAD_BASELINE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace dmdax::bench {

class LoadBaseline {
 public:
  struct Place {
    size_t device;
    uint64_t sector;
  };

  LoadBaseline() = default;
  ~LoadBaseline();
  LoadBaseline(const LoadBaseline&) = delete;
  LoadBaseline& operator=(const LoadBaseline&) = delete;

  void AddDevice(std::string name, uint64_t sectors);
  // Replaces the table.  False: a line is wrong, and there is no table.
  bool Load(std::string_view text);
  // Where a sector of the table lies; false past its end.
  bool Find(uint64_t sector, Place* place) const;
  size_t rows() const { return count_; }

 private:
  static constexpr size_t kKeys = 8;
  struct Context {
    size_t device;
    uint64_t start;
  };
  struct Row {
    uint64_t begin, len;
    Context* context;
    uint64_t other_fields[7];
  };
  static_assert(sizeof(Row) == 80);
  struct Device {
    std::string name;
    uint64_t sectors;
  };
  struct alignas(64) Node {
    std::array<uint64_t, kKeys> key;
  };

  void Drop();
  bool AddLine(const char* line);
  bool Grow();
  void BuildIndex();
  uint64_t Highest(size_t level, size_t node) const;

  std::vector<Device> devices_;
  Row* rows_ = nullptr;
  uint64_t* highs_ = nullptr;
  size_t count_ = 0, capacity_ = 0;
  std::vector<std::vector<Node>> levels_;  // leaves first
};

}  // namespace dmdax::bench

#endif  // DMDAX_BENCH_LOAD_BASELINE_H_
