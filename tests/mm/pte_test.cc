// SPDX-License-Identifier: Apache-2.0
#include "mm/pte.h"

#include <gtest/gtest.h>

#include "base/kernel_profile.h"
#include "mm/page_table.h"
#include "mm/vm_fault.h"

namespace dmdax {
namespace {

const FaultProfile& Profile(const char* name) {
  return (*FindKernelProfile(name))->fault;
}

TEST(PteTest, ReadWriteDevDaxEntryOf61) {
  // pfn | NX | DEVMAP | SPECIAL | ACCESSED | USER | RW | PRESENT.
  PteOps ops(Profile("v6_1"));
  const uint64_t prot =
      ops.VmGetPageProt(VM_READ | VM_WRITE | VM_SHARED, false);
  const Pte pte = ops.MkDevmap(ops.MkPte(pfn_t{0x178200}, prot), 0);
  EXPECT_EQ(pte.val, 0x8400000178200227u);
  EXPECT_TRUE(ops.Write(pte));
  EXPECT_FALSE(ops.Dirty(pte));
  EXPECT_EQ(ops.Pfn(pte), pfn_t{0x178200});
}

TEST(PteTest, OnlyThePteFormOfMkdevmapSetsSpecial) {
  PteOps ops(Profile("v6_1"));
  const Pte huge = ops.MkHuge(ops.MkPte(pfn_t{512}, 1));
  EXPECT_TRUE(ops.Special(ops.MkDevmap(huge, 0)));
  EXPECT_FALSE(ops.Special(ops.MkDevmap(huge, 9)));
  EXPECT_TRUE(ops.Devmap(ops.MkDevmap(huge, 9)));
  // pmd_trans_huge() is false for devmap entries.
  EXPECT_TRUE(ops.TransHuge(huge));
  EXPECT_FALSE(ops.TransHuge(ops.MkDevmap(huge, 9)));
}

TEST(PteTest, TheDevmapBitMovedAndWentAway) {
  const Pte pte{};
  EXPECT_EQ(PteOps(Profile("v6_1")).MkDevmap(pte, 9).val, uint64_t{1} << 58);
  EXPECT_EQ(PteOps(Profile("v6_12")).MkDevmap(pte, 9).val, uint64_t{1} << 57);
  EXPECT_EQ(PteOps(Profile("v7_2")).MkDevmap(pte, 9).val, 0u);
}

TEST(PteTest, AHugeEntryIgnoresTheLowBitsOfItsFrame) {
  PteOps ops(Profile("v6_1"));
  EXPECT_EQ(ops.Text(ops.MkHuge(ops.MkPte(pfn_t{0x200}, 1))),
            "pfn 0x200 PRESENT|PSE");
}

TEST(PteTest, ModifyKeepsFrameDirtyAndSoftwareBits) {
  PteOps ops(Profile("v6_1"));
  const Pte pte = ops.MkDirty(ops.MkDevmap(
      ops.MkPte(pfn_t{7},
                ops.VmGetPageProt(VM_READ | VM_WRITE | VM_SHARED, false)),
      0));
  const Pte ro = ops.Modify(pte, ops.VmGetPageProt(VM_READ | VM_SHARED, true));
  EXPECT_FALSE(ops.Write(ro));
  EXPECT_TRUE(ops.Dirty(ro));
  EXPECT_TRUE(ops.Devmap(ro));
  EXPECT_EQ(ops.Pfn(ro), pfn_t{7});
}

TEST(PteTest, Arm64BlocksHaveNoTableBit) {
  PteOps ops(Profile("arm64_4_14"));
  const Pte page = ops.MkPte(pfn_t{0x2000}, ops.VmGetPageProt(VM_READ, false));
  EXPECT_FALSE(ops.TransHuge(page));
  EXPECT_TRUE(ops.TransHuge(ops.MkHuge(page)));
}

TEST(PageTableTest, AHugeEntryIsInTheWayOfSmallerOnes) {
  PageTable table(Profile("v6_1"));
  const uint64_t addr = 0x7ffff7400000;
  PtSlot pmd = table.Pmd(addr, true);
  ASSERT_TRUE(pmd);
  EXPECT_TRUE(pmd.none());
  pmd.Set(Pte{0x80000001});
  EXPECT_FALSE(table.PteSlot(addr, true));
  int order = 0;
  EXPECT_EQ(table.Lookup(addr + 5 * 4096, &order).value().val, 0x80000001u);
  EXPECT_EQ(order, 9);
  pmd.Clear();
  PtSlot pte = table.PteSlot(addr, true);
  ASSERT_TRUE(pte);
  pte.Set(Pte{1});
  EXPECT_TRUE(pmd.is_table());
  EXPECT_TRUE(table.Lookup(addr, &order));
  EXPECT_EQ(order, 0);
  EXPECT_FALSE(table.Lookup(addr + 4096, &order));
}

}  // namespace
}  // namespace dmdax
