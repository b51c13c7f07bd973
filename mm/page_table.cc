// SPDX-License-Identifier: Apache-2.0
#include "mm/page_table.h"

#include <cstring>
#include <new>

#include "base/column_memory.h"

namespace dmdax {
namespace {

// Tables of this size are all that x86 has; others come one by one.
constexpr size_t kPooled = 512;
// A block has twice as many tables as the one before it, so that a process with
// a few tables is small; the largest fill 2 MiB.
constexpr size_t kFirst = 4, kLastSmall = 128, kMost = 500;

}  // namespace

void PtTable::Clear(size_t i) {
  if (PtTable* below = child(i)) {
    bits()[i / kBits] &= ~(uint64_t{1} << i % kBits);
    --tables_;
    pool_->Delete(below);
  }
  words()[i] = 0;
}

PtTablePool::~PtTablePool() {
  for (const Block& block : blocks_) ReallocColumn(block.data, block.bytes, 0);
}

void PtTablePool::Grow() {
  const size_t table = PtTable::BytesOf(kPooled);
  const size_t last = blocks_.empty() ? 0 : blocks_.back().bytes / table;
  const size_t many = last == 0 ? kFirst : last < kLastSmall ? 2 * last : kMost;
  blocks_.push_back({ReallocColumn(nullptr, 0, many * table), many * table});
  char* const data = static_cast<char*>(blocks_.back().data);
  free_.reserve(free_.size() + many);
  for (size_t i = many; i-- > 0;) free_.push_back(data + i * table);
}

PtTable* PtTablePool::New(size_t entries) {
  const size_t bytes = PtTable::BytesOf(entries);
  void* memory = nullptr;
  if (entries == kPooled) {
    if (free_.empty()) Grow();
    memory = free_.back();
    free_.pop_back();
  } else {
    memory = ReallocColumn(nullptr, 0, bytes);
  }
  memset(memory, 0, bytes);
  return new (memory) PtTable(this, entries);
}

void PtTablePool::Delete(PtTable* table) {
  for (size_t i = 0; table->tables_ > 0; ++i) {
    if (table->is_table(i)) table->Clear(i);
  }
  if (table->entries_ == kPooled) {
    free_.push_back(table);
  } else {
    ReallocColumn(table, PtTable::BytesOf(table->entries_), 0);
  }
}

PageTable::PageTable(const FaultProfile& profile, PtTablePool* pool)
    : pud_shift_(profile.pud_shift),
      pmd_shift_(profile.pmd_shift),
      page_shift_(profile.page_shift),
      pmds_(size_t{1} << (pud_shift_ - pmd_shift_)),
      ptes_(size_t{1} << (pmd_shift_ - page_shift_)),
      pool_(pool != nullptr ? *pool : own_pool_) {}

PageTable::~PageTable() {
  for (const Top& top : tops_) pool_.Delete(top.table);
}

PtTable* PageTable::NewBelow(PtSlot slot, size_t entries) {
  if (!slot.none()) return nullptr;
  PtTable* table = pool_.New(entries);
  slot.table_->SetChild(slot.index(), table);
  return table;
}

PtTable* PageTable::FindTop(uint64_t number, bool alloc) {
  Top& recent = recent_[number % kRecent];
  for (const Top& top : tops_) {
    if (top.number != number) continue;
    recent = top;
    return top.table;
  }
  if (!alloc) return nullptr;
  recent = {number, pool_.New(size_t{1} << kTopBits)};
  tops_.push_back(recent);
  return recent.table;
}

}  // namespace dmdax
