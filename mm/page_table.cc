// SPDX-License-Identifier: Apache-2.0
#include "mm/page_table.h"

namespace dmdax {

class PtTable {
 public:
  explicit PtTable(size_t entries) : leaf(entries), child(entries) {}

  std::vector<Pte> leaf;
  std::vector<std::unique_ptr<PtTable>> child;
};

bool PtSlot::none() const {
  return table_ == nullptr ||
         (table_->leaf[index_].val == 0 && table_->child[index_] == nullptr);
}

bool PtSlot::is_table() const {
  return table_ != nullptr && table_->child[index_] != nullptr;
}

Pte PtSlot::value() const {
  return table_ == nullptr ? Pte{} : table_->leaf[index_];
}

void PtSlot::Set(Pte value) { table_->leaf[index_] = value; }

void PtSlot::Clear() {
  if (table_ == nullptr) return;
  table_->leaf[index_] = Pte{};
  table_->child[index_].reset();
}

PageTable::PageTable(const FaultProfile& profile) : profile_(profile) {}
PageTable::~PageTable() = default;

PtTable* PageTable::Below(PtSlot slot, size_t entries, bool alloc) {
  if (!slot) return nullptr;
  std::unique_ptr<PtTable>& child = slot.table_->child[slot.index_];
  if (child == nullptr) {
    if (!alloc || !slot.none()) return nullptr;
    child = std::make_unique<PtTable>(entries);
  }
  return child.get();
}

PtSlot PageTable::Pud(uint64_t address, bool alloc) {
  // 512 PUDs hang at one entry of the top level.
  const uint64_t top = address >> (profile_.pud_shift + 9);
  auto it = pgd_.find(top);
  if (it == pgd_.end()) {
    if (!alloc) return PtSlot();
    it = pgd_.emplace(top, std::make_unique<PtTable>(512)).first;
  }
  return PtSlot(it->second.get(), (address >> profile_.pud_shift) & 511);
}

PtSlot PageTable::Pmd(uint64_t address, bool alloc) {
  const size_t entries = size_t{1} << (profile_.pud_shift - profile_.pmd_shift);
  PtTable* table = Below(Pud(address, alloc), entries, alloc);
  if (table == nullptr) return PtSlot();
  return PtSlot(table, (address >> profile_.pmd_shift) & (entries - 1));
}

PtSlot PageTable::PteSlot(uint64_t address, bool alloc) {
  const size_t entries = profile_.pmd_nr();
  PtTable* table = Below(Pmd(address, alloc), entries, alloc);
  if (table == nullptr) return PtSlot();
  return PtSlot(table, (address >> profile_.page_shift) & (entries - 1));
}

PtSlot PageTable::Lookup(uint64_t address, int* order) {
  PtSlot slot = Pud(address, false);
  *order = profile_.pud_order();
  if (slot.is_leaf()) return slot;
  slot = Pmd(address, false);
  *order = profile_.pmd_order();
  if (slot.is_leaf()) return slot;
  slot = PteSlot(address, false);
  *order = 0;
  return slot.is_leaf() ? slot : PtSlot();
}

}  // namespace dmdax
