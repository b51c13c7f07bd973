// SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/fuzz_machine.h"

#include "absl/strings/str_cat.h"

namespace dmdax::fuzz {

const KernelProfile& ProfileNumber(size_t number) {
  const absl::Span<const KernelProfile> all = AllKernelProfiles();
  return all[number % all.size()];
}

Session FuzzMachine(const KernelProfile& profile) {
  constexpr uint64_t kSize = 4 << 20;
  Session session = NewSession(profile, DmCtl::kDefaultMajor);
  for (uint64_t i = 0; i < 2; ++i) {
    PmemOptions pmem;
    pmem.name = absl::StrCat("pmem", i);
    pmem.base = (i + 1) << 32;
    pmem.size = kSize;
    pmem.backing = PmemBacking::kAnonymous;
    Check(session.machine->AddPmem(pmem).ok());
  }
  BlockOptions disk;
  disk.name = "loop0";
  disk.nr_sectors = kSize / kSectorSize;
  disk.limits.logical_block_size = 4096;
  Check(session.machine->AddBlock(disk).ok());
  return session;
}

}  // namespace dmdax::fuzz
