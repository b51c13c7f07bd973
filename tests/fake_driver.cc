// SPDX-License-Identifier: Apache-2.0
#include "tests/fake_driver.h"

#include "mm/insert.h"

namespace dmdax {

class FakeDriver::VmOps final : public VmOperations {
 public:
  explicit VmOps(FakeDriver& driver) : driver_(driver) {}
  std::string name() const override { return "fake_dax_vm_ops"; }
  unsigned hooks() const override {
    return kFault | (driver_.options_.huge_fault ? unsigned{kHugeFault} : 0);
  }
  vm_fault_t Fault(VmFault& vmf) override {
    ++driver_.faults;
    if (vmf.pgoff >= driver_.options_.nr) return VM_FAULT_SIGBUS;
    if (driver_.options_.dev_map) {
      return VmfInsertMixed(vmf, vmf.address, Frame(vmf.pgoff), vmf.write());
    }
    return VmfInsertPfn(vmf, vmf.address, Frame(vmf.pgoff).pfn);
  }
  vm_fault_t HugeFault(VmFault& vmf, int order) override {
    ++driver_.huge_faults;
    const uint64_t first = vmf.pgoff & ~((uint64_t{1} << order) - 1);
    if (order == vmf.mm->profile().pmd_order()) {
      return VmfInsertPfnPmd(vmf, Frame(first), vmf.write());
    }
    vmf.reason = {.code = FaultReasonCode::kFsNoPud, .where = name()};
    return VM_FAULT_FALLBACK;
  }

 private:
  FlaggedPfn Frame(uint64_t pgoff) const {
    const FakeDriverOptions& options = driver_.options_;
    return FlaggedPfn{.pfn = options.pfn + pgoff,
                      .dev = options.dev_map,
                      .map = options.dev_map};
  }
  FakeDriver& driver_;
};

FakeDriver::FakeDriver(const FakeDriverOptions& options)
    : options_(options), vm_ops_(std::make_unique<VmOps>(*this)) {
  inode_.type = InodeType::kCharDevice;
  host_.type = InodeType::kCharDevice;
  mapping_.host = options.other_host ? &host_ : &inode_;
  inode_.i_mapping = &mapping_;
}
FakeDriver::~FakeDriver() = default;

std::shared_ptr<File> FakeDriver::Open() {
  auto file = std::make_shared<File>();
  file->path = "/dev/fake";
  file->f_inode = &inode_;
  file->f_mapping = &mapping_;
  file->f_op = this;
  return file;
}

int FakeDriver::Mmap(File& file, VmAreaStruct& vma) {
  if (options_.s_dax) file.f_inode->s_dax = true;
  vma.vm_ops = vm_ops_.get();
  vma.vm_flags |= options_.vm_flags;
  return 0;
}

}  // namespace dmdax
