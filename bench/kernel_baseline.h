// SPDX-License-Identifier: Apache-2.0
//
// KernelBaseline: the kernel's way of translating, as a mark to measure
// ourselves against.
//
// Written anew from the description in bench/README.md, with nothing of
// dmdax in it: what costs time in the kernel costs time here in the same
// place.
//
//   * a static 9-ary B-tree whose nodes are one cache line of 8 keys,
//     searched with a branch per key
//   * rows of 80 bytes, each with a context of its own on the heap, which
//     leads to the device and on to its block and dax devices
//   * at every level: a read section (SRCU: a counter and a full barrier on
//     the way in and again on the way out), the search, the clamp to the row,
//     and two indirect calls
//
//   KernelBaseline kernel(ReadSide::kSrcu);
//   BaselineDax* pmem = kernel.AddPmem(1ull << 32, 1ull << 30);
//   BaselineDax* md = kernel.AddMapped({{.begin = 0, .len = 2048,
//                                        .device = pmem, .start = 4096}});
//   uint64_t pfn;
//   long pages = BaselineDirectAccess(md, /*pgoff=*/0, 512, nullptr, &pfn);
//
// Indirect calls carry no retpoline here, so a real kernel is slower.
// Threading: devices are added by one thread; translating is thread-safe.
#ifndef DMDAX_BENCH_KERNEL_BASELINE_H_
#define DMDAX_BENCH_KERNEL_BASELINE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace dmdax::bench {

// What a level does before it looks at its live table.
enum class ReadSide { kNone, kSrcu };

// A device that can be translated; owned by its KernelBaseline.
struct BaselineDax;

// A linear row: sectors [begin, begin + len) are those from `start` on of
// `device`.  Rows adjoin and come in order.
struct BaselineRow {
  uint64_t begin = 0;
  uint64_t len = 0;
  BaselineDax* device = nullptr;
  uint64_t start = 0;
};

// A leg of a stripe, from sector `start` of `device` on.
struct BaselineLeg {
  BaselineDax* device = nullptr;
  uint64_t start = 0;
};

class KernelBaseline {
 public:
  explicit KernelBaseline(ReadSide read_side);
  ~KernelBaseline();
  KernelBaseline(const KernelBaseline&) = delete;
  KernelBaseline& operator=(const KernelBaseline&) = delete;

  // Persistent memory at physical address `base`; bytes, whole pages.
  BaselineDax* AddPmem(uint64_t base, uint64_t size);
  // A mapped device with a live table of `rows`; at least one.
  BaselineDax* AddMapped(const std::vector<BaselineRow>& rows);
  // A mapped device of one striped row of `len` sectors; `chunk` in sectors, as
  // is what its queue takes at once.
  BaselineDax* AddStriped(uint64_t len, uint32_t chunk,
                          const std::vector<BaselineLeg>& legs,
                          uint32_t max_sectors = 2560);

 private:
  struct Devices;
  BaselineDax* Publish(void* mapped);
  const ReadSide read_side_;
  std::unique_ptr<Devices> devices_;
};

// The translation: pages from `pgoff` on, at most `nr_pages`, or -errno.
// `kaddr` and `pfn` may be null.
long BaselineDirectAccess(BaselineDax* dev, uint64_t pgoff, long nr_pages,
                          void** kaddr, uint64_t* pfn);

}  // namespace dmdax::bench

#endif  // DMDAX_BENCH_KERNEL_BASELINE_H_
