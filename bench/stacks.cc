// SPDX-License-Identifier: Apache-2.0
#include "bench/stacks.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <numeric>
#include <random>
#include <string>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"

namespace dmdax::bench {
namespace {

constexpr size_t kPmems = 4;
constexpr double kMaxUnits = 1024;

// A benchmark on a stack that could not be built says nothing; stop.
void Must(const absl::Status& s) {
  if (s.ok()) return;
  fprintf(stderr, "translate_bench: %s\n", std::string(s.message()).c_str());
  exit(1);
}

std::vector<uint64_t> LogUniformLengths(size_t count, std::mt19937_64& rng) {
  std::uniform_real_distribution<double> exponent(0, std::log2(kMaxUnits));
  std::vector<uint64_t> lengths(count);
  for (uint64_t& length : lengths) {
    length = static_cast<uint64_t>(std::exp2(exponent(rng)));
  }
  return lengths;
}

}  // namespace

Stack::Stack() : machine_(DefaultKernelProfile()), ctl_(machine_) {}

void Stack::AddPmem(uint64_t pages) {
  const uint64_t size = pages * kPageSize;
  const std::string name = absl::StrCat("pmem", paths_.size());
  Must(machine_.AddPmem({.name = name, .base = next_base_, .size = size})
           .status());
  srcu_devices_.push_back(srcu_.AddPmem(next_base_, size));
  plain_devices_.push_back(plain_.AddPmem(next_base_, size));
  paths_.push_back(absl::StrCat("/dev/", name));
  next_base_ += size;
}

void Stack::AddMapped(const std::vector<RowSpec>& rows) {
  std::vector<DmTargetSpec> specs;
  std::vector<BaselineRow> srcu_rows, plain_rows;
  for (const RowSpec& row : rows) {
    specs.push_back({sector_t{row.begin}, row.len, "linear",
                     absl::StrCat(paths_[row.device], " ", row.start)});
    srcu_rows.push_back(
        {row.begin, row.len, srcu_devices_[row.device], row.start});
    plain_rows.push_back(
        {row.begin, row.len, plain_devices_[row.device], row.start});
  }
  Create(std::move(specs));
  srcu_devices_.push_back(top_srcu_ = srcu_.AddMapped(srcu_rows));
  plain_devices_.push_back(top_plain_ = plain_.AddMapped(plain_rows));
}

void Stack::Create(std::vector<DmTargetSpec> specs) {
  DmIoctl io{.name = absl::StrCat("d", paths_.size())};
  Must(ctl_.DevCreate(io));
  io = DmIoctl{.name = io.name};
  Must(ctl_.TableLoad(io, specs));
  io = DmIoctl{.name = io.name};
  Must(ctl_.DevSuspend(io));
  md_ = ctl_.FindDevice(io.name);
  paths_.push_back(absl::StrCat("/dev/", md_->disk().name()));
}

void Stack::AddStriped(uint64_t pages, uint64_t chunk,
                       const std::vector<size_t>& devices) {
  std::string params = absl::StrCat(devices.size(), " ", chunk * kPageSectors);
  std::vector<BaselineLeg> srcu_legs, plain_legs;
  for (size_t device : devices) {
    absl::StrAppend(&params, " ", paths_[device], " 0");
    srcu_legs.push_back({srcu_devices_[device], 0});
    plain_legs.push_back({plain_devices_[device], 0});
  }
  const uint64_t len = pages * kPageSectors;
  Create({{sector_t{0}, len, "striped", params}});
  const auto sectors = static_cast<uint32_t>(chunk * kPageSectors);
  srcu_devices_.push_back(top_srcu_ =
                              srcu_.AddStriped(len, sectors, srcu_legs));
  plain_devices_.push_back(top_plain_ =
                               plain_.AddStriped(len, sectors, plain_legs));
}

uint64_t Stack::pages() const {
  return md_->disk().nr_sectors() / kPageSectors;
}

void Stack::MakeQueries(uint64_t pages, size_t count) {
  std::mt19937_64 rng(count);
  if (pages < 4 * count) {
    queries_.resize(pages);
    std::iota(queries_.begin(), queries_.end(), 0);
    std::shuffle(queries_.begin(), queries_.end(), rng);
    queries_.resize(count);
    return;
  }
  absl::flat_hash_set<uint64_t> seen;
  while (queries_.size() < count) {
    const uint64_t page = rng() % pages;
    if (seen.insert(page).second) queries_.push_back(page);
  }
}

// Rows lie in random order on the devices.
std::unique_ptr<Stack> Stack::OfLengths(const std::vector<uint64_t>& lengths,
                                        std::mt19937_64& rng) {
  std::unique_ptr<Stack> stack(new Stack);
  std::vector<size_t> order(lengths.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::shuffle(order.begin(), order.end(), rng);
  std::vector<RowSpec> rows(lengths.size());
  uint64_t filled[kPmems] = {};
  for (size_t i = 0; i < order.size(); ++i) {
    const size_t device = i % kPmems;
    const uint64_t length = lengths[order[i]];
    rows[order[i]] = {0, length * kPageSectors, device,
                      filled[device] * kPageSectors};
    filled[device] += length;
  }
  uint64_t end = 0;
  for (RowSpec& row : rows) {
    row.begin = end;
    end += row.len;
  }
  for (uint64_t pages : filled) stack->AddPmem(std::max<uint64_t>(1, pages));
  stack->AddMapped(rows);
  return stack;
}

std::unique_ptr<Stack> Stack::Wide(size_t targets, size_t queries) {
  std::mt19937_64 rng(targets);
  std::vector<uint64_t> lengths = LogUniformLengths(targets, rng);
  const uint64_t units =
      std::accumulate(lengths.begin(), lengths.end(), uint64_t{0});
  const uint64_t unit = std::max<uint64_t>(1, (queries + units - 1) / units);
  for (uint64_t& length : lengths) length *= unit;
  std::unique_ptr<Stack> stack = OfLengths(lengths, rng);
  stack->MakeQueries(stack->pages(), queries);
  return stack;
}

std::unique_ptr<Stack> Stack::Equal(size_t targets, size_t queries) {
  std::mt19937_64 rng(targets);
  std::unique_ptr<Stack> stack =
      OfLengths(std::vector<uint64_t>(targets, 256), rng);
  stack->MakeQueries(stack->pages(), queries);
  return stack;
}

std::unique_ptr<Stack> Stack::Skewed(size_t targets, size_t queries) {
  std::mt19937_64 rng(targets);
  std::vector<uint64_t> lengths(targets);
  uint64_t small = 0;
  for (size_t i = 0; i < targets; ++i) {
    lengths[i] = i % 20 == 19 ? 0 : 1 + rng() % 2;
    small += lengths[i];
  }
  // The large ones together are 1500 times the small ones, which come first.
  std::stable_partition(lengths.begin(), lengths.end(),
                        [](uint64_t length) { return length != 0; });
  const size_t large = targets / 20;
  for (size_t i = targets - large; i < targets; ++i) {
    lengths[i] = 1 + small * 1500 / large;
  }
  std::unique_ptr<Stack> stack = OfLengths(lengths, rng);
  std::vector<uint64_t> start(targets);
  std::exclusive_scan(lengths.begin(), lengths.end(), start.begin(),
                      uint64_t{0});
  for (size_t i = 0; i < queries; ++i) {
    const size_t row = rng() % targets;
    stack->queries_.push_back(start[row] + rng() % lengths[row]);
  }
  return stack;
}

std::unique_ptr<Stack> Stack::DeepWide(int depth, size_t targets,
                                       size_t queries) {
  std::mt19937_64 rng(targets);
  std::unique_ptr<Stack> stack(new Stack);
  const uint64_t pages = std::max<uint64_t>(queries, targets * 256);
  stack->AddPmem(pages);
  for (int level = 0; level < depth; ++level) {
    std::vector<uint64_t> cuts{0, pages};
    while (cuts.size() <= targets) {
      while (cuts.size() <= targets) cuts.push_back(rng() % pages);
      std::sort(cuts.begin(), cuts.end());
      cuts.erase(std::unique(cuts.begin(), cuts.end()), cuts.end());
    }
    std::vector<size_t> order(targets);
    std::iota(order.begin(), order.end(), size_t{0});
    std::shuffle(order.begin(), order.end(), rng);
    std::vector<RowSpec> rows(targets);
    uint64_t filled = 0;
    for (size_t i : order) {
      const uint64_t length = cuts[i + 1] - cuts[i];
      rows[i] = {cuts[i] * kPageSectors, length * kPageSectors,
                 stack->paths_.size() - 1, filled * kPageSectors};
      filled += length;
    }
    stack->AddMapped(rows);
  }
  stack->MakeQueries(pages, queries);
  return stack;
}

std::unique_ptr<Stack> Stack::Striped(int depth, uint64_t chunk, size_t legs,
                                      size_t queries) {
  std::unique_ptr<Stack> stack(new Stack);
  // Whole rows of chunks on every level.
  uint64_t row = chunk;
  for (int level = 0; level < depth; ++level) row *= legs;
  uint64_t pages = (queries + row - 1) / row * row;
  for (int level = 0; level < depth; ++level) pages /= legs;
  std::vector<size_t> below(legs);
  for (size_t& device : below) {
    device = stack->paths_.size();
    stack->AddPmem(pages);
  }
  for (int level = 1; level <= depth; ++level) {
    pages *= legs;
    const size_t first = stack->paths_.size();
    const size_t devices = level == depth ? 1 : legs;
    for (size_t i = 0; i < devices; ++i) {
      stack->AddStriped(pages, chunk, below);
    }
    std::iota(below.begin(), below.end(), first);
  }
  stack->MakeQueries(stack->pages(), queries);
  return stack;
}

std::unique_ptr<Stack> Stack::Deep(int depth, size_t queries) {
  std::unique_ptr<Stack> stack(new Stack);
  // Each level leaves out the first page of the one below.
  const uint64_t pages = queries + static_cast<uint64_t>(depth);
  stack->AddPmem(pages);
  for (int level = 1; level <= depth; ++level) {
    const uint64_t left = pages - static_cast<uint64_t>(level);
    stack->AddMapped(
        {{0, left * kPageSectors, stack->paths_.size() - 1, kPageSectors}});
  }
  stack->MakeQueries(queries, queries);
  return stack;
}

std::unique_ptr<Stack> Stack::Tall(int depth, size_t targets, size_t queries) {
  std::unique_ptr<Stack> stack(new Stack);
  std::mt19937_64 rng(targets + static_cast<size_t>(depth));
  uint64_t pages = 0;
  for (int level = 0; level < depth; ++level) {
    // The same lengths in all, dealt anew: all levels have the same size.
    std::vector<uint64_t> lengths = LogUniformLengths(targets, rng);
    const uint64_t sum =
        std::accumulate(lengths.begin(), lengths.end(), uint64_t{0});
    if (level == 0) stack->AddPmem(pages = 2 * sum);
    lengths.push_back(pages - sum);
    std::vector<size_t> order(lengths.size());
    std::iota(order.begin(), order.end(), size_t{0});
    std::shuffle(order.begin(), order.end(), rng);
    std::vector<RowSpec> rows(lengths.size());
    uint64_t below = 0;
    for (size_t i : order) {
      rows[i] = {0, lengths[i] * kPageSectors, stack->paths_.size() - 1,
                 below * kPageSectors};
      below += lengths[i];
    }
    uint64_t begin = 0;
    for (RowSpec& row : rows) {
      row.begin = begin;
      begin += row.len;
    }
    stack->AddMapped(rows);
  }
  stack->MakeQueries(pages, queries);
  return stack;
}

absl::Status Stack::Check() {
  for (size_t i = 0; i < queries_.size(); ++i) {
    const uint64_t page = queries_[i];
    Trace trace;
    const DaxAccess chain =
        DaxDirectAccess(&product(), pgoff_t{page}, kAskedPages,
                        DaxAccessMode::kAccess, i % 64 == 0 ? &trace : nullptr);
    const DaxAccess fast =
        DaxDirectAccess(&product(), pgoff_t{page}, kAskedPages,
                        DaxAccessMode::kAccess, nullptr);
    uint64_t srcu_pfn = 0, plain_pfn = 0;
    const long srcu =
        BaselineDirectAccess(top_srcu_, page, kAskedPages, nullptr, &srcu_pfn);
    const long plain = BaselineDirectAccess(top_plain_, page, kAskedPages,
                                            nullptr, &plain_pfn);
    const bool agree = chain.ret > 0 && fast.ret == chain.ret &&
                       fast.pfn == chain.pfn && srcu == chain.ret &&
                       srcu_pfn == chain.pfn.value() && plain == chain.ret &&
                       plain_pfn == chain.pfn.value();
    if (agree) continue;
    return absl::InternalError(absl::StrCat(
        "page ", page, ": chain ", chain.ret, " from ", chain.pfn.value(),
        ", product ", fast.ret, " from ", fast.pfn.value(), ", kernel+srcu ",
        srcu, " from ", srcu_pfn, ", kernel ", plain, " from ", plain_pfn));
  }
  return absl::OkStatus();
}

}  // namespace dmdax::bench
