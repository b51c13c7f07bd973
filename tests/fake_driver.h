// SPDX-License-Identifier: Apache-2.0
//
// FakeDriver: a character device of one's own that maps page frames, the kind
// of module people write to try huge mappings without a file system.
//
//   FakeDriver driver({.pfn = pfn_t{0x100000}, .nr = 1 << 18,
//                      .s_dax = true, .vm_flags = VM_PFNMAP});
//   mm.Mmap({.len = 4 << 20, .prot = PROT_READ | PROT_WRITE,
//            .flags = MAP_SHARED, .file = driver.Open()});
//
// Its mmap hook may set S_DAX on the inode, which is how a non-DAX driver gets
// huge_fault called on 6.1; the flag counts only if the mapping's host is that
// inode.
//
// Mirrors: no kernel file; the calls it makes are mm/insert.h's.
#ifndef DMDAX_TESTS_FAKE_DRIVER_H_
#define DMDAX_TESTS_FAKE_DRIVER_H_

#include <cstdint>
#include <memory>

#include "mm/vm_area.h"

namespace dmdax {

struct FakeDriverOptions {
  pfn_t pfn{};             // frame of page 0
  uint64_t nr = 0;         // pages
  bool dev_map = false;    // tag frames PFN_DEV | PFN_MAP
  bool s_dax = false;      // set S_DAX in the mmap hook
  uint64_t vm_flags = 0;   // added in the mmap hook: VM_PFNMAP ...
  bool huge_fault = true;  // has ->huge_fault
  // The inode of the node differs from the mapping's host, as for block
  // special files: S_DAX then has no effect.
  bool other_host = false;
};

class FakeDriver final : public FileOperations {
 public:
  explicit FakeDriver(const FakeDriverOptions& options);
  ~FakeDriver() override;

  std::shared_ptr<File> Open();
  std::string name() const override { return "fake_dax_fops"; }
  int Mmap(File& file, VmAreaStruct& vma) override;
  UnmappedArea unmapped_area() const override { return UnmappedArea::kThp; }

  // How often ->huge_fault and ->fault were called.
  int huge_faults = 0;
  int faults = 0;

 private:
  class VmOps;
  const FakeDriverOptions options_;
  Inode inode_;
  Inode host_;
  AddressSpace mapping_;
  std::unique_ptr<VmOps> vm_ops_;
};

}  // namespace dmdax

#endif  // DMDAX_TESTS_FAKE_DRIVER_H_
