// SPDX-License-Identifier: Apache-2.0
#include "mm/page_table.h"

#include <cstring>
#include <new>

#include "base/column_memory.h"

namespace dmdax {
namespace {

// 512 PUDs hang at one entry of the top level.
constexpr int kTopBits = 9;

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
      pool_(pool != nullptr ? *pool : own_pool_) {}

PageTable::~PageTable() {
  for (const Top& top : tops_) pool_.Delete(top.table);
}

PtTable* PageTable::Below(PtSlot slot, size_t entries, bool alloc) {
  if (!slot) return nullptr;
  if (PtTable* child = slot.table_->child(slot.index_)) return child;
  if (!alloc || !slot.none()) return nullptr;
  PtTable* table = pool_.New(entries);
  slot.table_->SetChild(slot.index_, table);
  return table;
}

PtSlot PageTable::Pud(uint64_t address, bool alloc) {
  const uint64_t number = address >> (pud_shift_ + kTopBits);
  const size_t index = (address >> pud_shift_) & ((size_t{1} << kTopBits) - 1);
  for (const Top& top : tops_) {
    if (top.number == number) return PtSlot(top.table, index);
  }
  if (!alloc) return PtSlot();
  tops_.push_back({number, pool_.New(size_t{1} << kTopBits)});
  return PtSlot(tops_.back().table, index);
}

PtSlot PageTable::PmdOf(PtSlot pud, uint64_t address, bool alloc) {
  const size_t entries = size_t{1} << (pud_shift_ - pmd_shift_);
  PtTable* table = Below(pud, entries, alloc);
  if (table == nullptr) return PtSlot();
  return PtSlot(table, (address >> pmd_shift_) & (entries - 1));
}

PtSlot PageTable::PteOf(PtSlot pmd, uint64_t address, bool alloc) {
  const size_t entries = size_t{1} << (pmd_shift_ - page_shift_);
  PtTable* table = Below(pmd, entries, alloc);
  if (table == nullptr) return PtSlot();
  return PtSlot(table, (address >> page_shift_) & (entries - 1),
                PtSlot::kLowest);
}

PtSlot PageTable::Lookup(uint64_t address, int* order) {
  PtSlot slot = Pud(address, false);
  *order = pud_shift_ - page_shift_;
  if (slot.is_leaf()) return slot;
  slot = PmdOf(slot, address, false);
  *order = pmd_shift_ - page_shift_;
  if (slot.is_leaf()) return slot;
  slot = PteOf(slot, address, false);
  *order = 0;
  return slot.is_leaf() ? slot : PtSlot();
}

}  // namespace dmdax
