// SPDX-License-Identifier: Apache-2.0
#include "mm/pte.h"

#include <vector>

#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "mm/vm_fault.h"

namespace dmdax {
namespace {

constexpr uint64_t Bit(int n) { return uint64_t{1} << n; }

}  // namespace

PteOps::PteOps(const FaultProfile& profile)
    : x86_(profile.format == PageTableFormat::kX86_64),
      page_shift_(profile.page_shift) {
  if (x86_) {
    pfn_mask_ = (Bit(52) - 1) & profile.page_mask();
    present_ = Bit(0);
    table_ = 0;
    write_ = Bit(1);
    user_ = Bit(2);
    young_ = Bit(5);
    dirty_ = Bit(6);
    huge_ = Bit(7);
    special_ = Bit(9);
    soft_dirty_ = Bit(11);
    nx_ = Bit(63);
  } else {
    pfn_mask_ = (Bit(48) - 1) & profile.page_mask();
    present_ = Bit(0);
    table_ = Bit(1);
    write_ = Bit(51);
    user_ = Bit(6);
    young_ = Bit(10);
    dirty_ = Bit(55);
    huge_ = 0;
    special_ = Bit(56);
    soft_dirty_ = 0;
    nx_ = Bit(54);
  }
  devmap_ = profile.has_pte_devmap ? Bit(profile.devmap_bit) : 0;
}

bool PteOps::TransHuge(Pte pte) const {
  if (None(pte) || Devmap(pte)) return false;
  return x86_ ? (pte.val & huge_) != 0 : (pte.val & table_) == 0;
}

uint64_t PteOps::VmGetPageProt(uint64_t vm_flags, bool no_write) const {
  uint64_t prot = nx_;
  if (vm_flags & VM_ACCESS_FLAGS) {
    prot |= present_ | table_ | user_ | young_;
  } else {
    prot |= x86_ ? Bit(8) | young_ : Bit(58);  // _PAGE_PROTNONE
  }
  if (vm_flags & VM_EXEC) prot &= ~nx_;
  if ((vm_flags & VM_WRITE) && (vm_flags & VM_SHARED) && !no_write) {
    prot |= write_;
  }
  return prot;
}

Pte PteOps::Modify(Pte pte, uint64_t prot) const {
  const uint64_t kept =
      pfn_mask_ | young_ | dirty_ | soft_dirty_ | huge_ | special_ | devmap_;
  // A block entry must not turn into a table.
  const uint64_t added = x86_ || (pte.val & table_) ? prot : prot & ~table_;
  return Pte{(pte.val & kept) | (added & ~(huge_ | special_ | devmap_))};
}

std::string PteOps::Text(Pte pte) const {
  if (None(pte)) return "none";
  std::vector<std::string> names;
  if (Present(pte)) names.push_back("PRESENT");
  if (Write(pte)) names.push_back("RW");
  if (User(pte)) names.push_back("USER");
  if (Young(pte)) names.push_back("ACCESSED");
  if (Dirty(pte)) names.push_back("DIRTY");
  if (huge_ != 0 && (pte.val & huge_)) names.push_back("PSE");
  if (Special(pte)) names.push_back("SPECIAL");
  if (devmap_ != 0 && Devmap(pte)) names.push_back("DEVMAP");
  if (pte.val & nx_) names.push_back("NX");
  return absl::StrFormat("pfn 0x%x %s", Pfn(pte).value(),
                         absl::StrJoin(names, "|"));
}

}  // namespace dmdax
