// SPDX-License-Identifier: Apache-2.0
//
// Pte: one page-table entry, at any level, with the bits of a profile's
// architecture.
//
//   PteOps ops(profile);
//   Pte pte = ops.MkPte(pfn_t{0x101400}, ops.VmGetPageProt(vm_flags, false));
//   pte = ops.MkDevmap(pte, 0);      // sets SPECIAL too at PTE level
//   ops.Write(pte);                  // false: read-only
//
// x86-64: PRESENT 0, RW 1, USER 2, ACCESSED 5, DIRTY 6, PSE 7, SPECIAL 9,
// SOFT_DIRTY 11, DEVMAP 58 (57 since 6.6, none since 6.17), NX 63.
// arm64: VALID 0, TABLE 1, USER 6, AF 10, WRITE 51, DIRTY 55, SPECIAL 56.
//
// Mirrors: arch/x86/include/asm/pgtable*.h, arch/arm64/include/asm/
// pgtable*.h.  Threading: plain values.
#ifndef DMDAX_MM_PTE_H_
#define DMDAX_MM_PTE_H_

#include <cstdint>
#include <string>

#include "base/fault_profile.h"
#include "base/units.h"

namespace dmdax {

struct Pte {
  uint64_t val = 0;

  friend bool operator==(const Pte&, const Pte&) = default;
};

// The accessors of asm/pgtable.h.  `order` says at which level an entry
// stands where the kernel has pte_, pmd_ and pud_ forms: 0 is a PTE.
class PteOps {
 public:
  explicit PteOps(const FaultProfile& profile);

  bool None(Pte pte) const { return pte.val == 0; }
  bool Present(Pte pte) const { return (pte.val & present_) != 0; }
  bool Write(Pte pte) const { return (pte.val & write_) != 0; }
  bool Young(Pte pte) const { return (pte.val & young_) != 0; }
  bool Dirty(Pte pte) const { return (pte.val & dirty_) != 0; }
  bool User(Pte pte) const { return (pte.val & user_) != 0; }
  bool Special(Pte pte) const { return (pte.val & special_) != 0; }
  bool Devmap(Pte pte) const { return (pte.val & devmap_) != 0; }
  // pmd_trans_huge: a huge entry that is not a devmap one.
  bool TransHuge(Pte pte) const;
  pfn_t Pfn(Pte pte) const {
    return pfn_t((pte.val & pfn_mask_) >> page_shift_);
  }

  // vm_get_page_prot(): the protection bits for a VMA.  `no_write` leaves
  // the write bit out (write notification, private mappings).
  uint64_t VmGetPageProt(uint64_t vm_flags, bool no_write) const;

  // pfn_pte, pfn_pmd: bits of the pfn outside the entry's field are lost, as
  // are those inside the page of a huge entry (the hardware ignores them).
  Pte MkPte(pfn_t pfn, uint64_t prot) const {
    return Pte{((pfn.value() << page_shift_) & pfn_mask_) | prot};
  }
  // On arm64 a cleared table bit is what makes an entry a block.
  Pte MkHuge(Pte pte) const { return Pte{(pte.val | huge_) & ~table_}; }
  // pte_mkdevmap sets SPECIAL too; pmd_ and pud_mkdevmap do not.
  Pte MkDevmap(Pte pte, int order) const {
    return Pte{pte.val | devmap_ | (order == 0 ? special_ : 0)};
  }
  Pte MkSpecial(Pte pte) const { return Pte{pte.val | special_}; }
  Pte MkYoung(Pte pte) const { return Pte{pte.val | young_}; }
  // Sets soft-dirty along with dirty, as x86 does.
  Pte MkDirty(Pte pte) const { return Pte{pte.val | dirty_ | soft_dirty_}; }
  Pte MkWrite(Pte pte) const { return Pte{pte.val | write_}; }
  Pte Wrprotect(Pte pte) const { return Pte{pte.val & ~write_}; }
  Pte MkClean(Pte pte) const { return Pte{pte.val & ~dirty_}; }
  // pte_modify(): new protection; pfn, accessed, dirty and the software bits
  // stay.
  Pte Modify(Pte pte, uint64_t prot) const;

  // "pfn 0x101400 PRESENT|RW|USER|DEVMAP".
  std::string Text(Pte pte) const;

 private:
  const bool x86_;
  const int page_shift_;
  uint64_t pfn_mask_;
  uint64_t present_, table_, write_, user_, young_, dirty_, soft_dirty_;
  uint64_t huge_, special_, devmap_, nx_;
};

}  // namespace dmdax

#endif  // DMDAX_MM_PTE_H_
