// SPDX-License-Identifier: Apache-2.0
#include "bench/flatten_stack.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "absl/strings/str_cat.h"
#include "bench/load_tables.h"

namespace dmdax::bench {
namespace {

constexpr uint64_t kPagesPerRow = 32;

}  // namespace

FlattenStack::FlattenStack(size_t rows, int levels)
    : machine_(DefaultKernelProfile()),
      ctl_(machine_),
      random_(rows),
      pages_(rows * kPagesPerRow) {
  MustLoad(machine_
               .AddPmem({.name = "pmem0",
                         .base = uint64_t{1} << 32,
                         .size = pages_ * kPageSize})
               .status());
  for (int level = 1; level <= levels; ++level) AddLevel(level, rows);
}

void FlattenStack::AddLevel(int level, size_t rows) {
  // Where the table is cut: distinct pages.
  std::vector<uint64_t> cuts{0, pages_};
  while (cuts.size() < rows + 1) {
    while (cuts.size() < rows + 1) cuts.push_back(random_() % pages_);
    std::sort(cuts.begin(), cuts.end());
    cuts.erase(std::unique(cuts.begin(), cuts.end()), cuts.end());
  }
  std::vector<size_t> order(rows);
  std::iota(order.begin(), order.end(), size_t{0});
  std::shuffle(order.begin(), order.end(), random_);
  std::vector<uint64_t> start(rows);
  uint64_t next = 0;
  for (size_t row : order) {
    start[row] = next;
    next += cuts[row + 1] - cuts[row];
  }
  auto columns = std::make_shared<LinearRows>();
  columns->devices.push_back(
      top_ == nullptr ? "/dev/pmem0" : absl::StrCat("/dev/dm-", level - 2));
  for (size_t row = 0; row < rows; ++row) {
    columns->Add((cuts[row + 1] - cuts[row]) * kPageSectors, 0,
                 start[row] * kPageSectors);
  }
  DmIoctl io{.name = absl::StrCat("level", level)};
  const std::string name = io.name;
  MustLoad(ctl_.DevCreate(io));
  io = DmIoctl{.name = name};
  MustLoad(ctl_.TableLoad(io, std::move(columns)));
  io = DmIoctl{.name = name};
  MustLoad(ctl_.DevSuspend(io));
  top_ = ctl_.FindDevice(name);
}

void FlattenStack::Check(const CompiledMap& map) {
  for (int i = 0; i < 2000; ++i) {
    const uint64_t page = random_() % pages_;
    Trace trace;
    const DaxAccess chain = DaxDirectAccess(
        &top_->dax_dev(), pgoff_t{page}, 512, DaxAccessMode::kAccess, &trace);
    const DaxFrames flat = map.Translate(pgoff_t{page}, 512);
    if (flat.ret != chain.ret || flat.pfn != chain.pfn.value()) {
      MustLoad(absl::InternalError(absl::StrCat("map and chain: page ", page)));
    }
  }
}

}  // namespace dmdax::bench
