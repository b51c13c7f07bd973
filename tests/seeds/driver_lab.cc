// SPDX-License-Identifier: Apache-2.0
#include "tests/seeds/driver_lab.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "base/kernel_profile.h"
#include "tests/seeds/lab.h"

namespace dmdax::seeds {

std::string PerKernel(absl::Span<const char* const> kernels,
                      const std::function<std::string(const char*)>& say) {
  std::vector<std::pair<std::string, std::vector<std::string>>> groups;
  for (const char* kernel : kernels) {
    const std::string said = say(kernel);
    size_t i = 0;
    while (i < groups.size() && groups[i].first != said) ++i;
    if (i == groups.size()) groups.push_back({said, {}});
    groups[i].second.push_back(kernel);
  }
  std::string out;
  for (const auto& [said, names] : groups) {
    absl::StrAppend(&out, absl::StrJoin(names, " "), ":\n", said);
  }
  return out;
}

DriverLab::DriverLab(const std::string& kernel, FaultHandler handler,
                     uint64_t vm_flags, int vmemmap_shift)
    : profile(&(*FindKernelProfile(kernel))->fault),
      handler(std::move(handler)),
      vm_flags(vm_flags),
      mem(std::make_unique<MemMap>(*profile)),
      mm(std::make_unique<MmStruct>(*profile, *mem)) {
  inode.type = InodeType::kCharDevice;
  inode.i_mapping = &mapping;
  mapping.host = &inode;
  mem->AddPagemap({.start = Frame(0),
                   .nr = 2 * k1G >> profile->page_shift,
                   .type = MemoryType::kGeneric,
                   .vmemmap_shift = vmemmap_shift});
  mm->set_recorder(&recorder);
}

pfn_t DriverLab::Frame(uint64_t page) const {
  return pfn_t((4 * k1G >> profile->page_shift) + page);
}

int DriverLab::Mmap(File& file, VmAreaStruct& vma) {
  calls.push_back("mmap");
  if (mmap_result < 0) return mmap_result;
  file.f_inode->s_dax = true;
  vma.vm_ops = this;
  vma.vm_flags |= vm_flags;
  return 0;
}

FileOperations::UnmappedArea DriverLab::unmapped_area() const {
  calls.push_back("get_unmapped_area");
  return area;
}

absl::StatusOr<VmAreaStruct*> DriverLab::Map(uint64_t addr, uint64_t len,
                                             int prot, int flags) {
  auto file = std::make_shared<File>();
  file->path = "/dev/driver";
  file->f_inode = &inode;
  file->f_mapping = &mapping;
  file->f_op = this;
  return mm->Mmap(
      {.addr = addr, .len = len, .prot = prot, .flags = flags, .file = file});
}

vm_fault_t DriverLab::Call(const char* hook, VmFault& vmf, int order) {
  const vm_fault_t ret = handler(vmf, order);
  calls.push_back(absl::StrCat(
      hook, "(", OrderName(*profile, order),
      ") = ", ret == VM_FAULT_KERNEL_BUG ? "BUG" : VmFaultText(ret)));
  return ret;
}

std::string DriverLab::TouchWords(uint64_t addr, bool write) {
  const FaultOutcome outcome = mm->Touch(addr, write);
  std::string words = !outcome.bug.empty()
                          ? absl::StrCat("kernel BUG: ", outcome.bug)
                      : outcome.sig != 0 ? Words(*profile, *mm, outcome)
                                         : EntryWords(*mm, addr);
  for (const std::string& warning : outcome.warnings) {
    if (outcome.sig == 0) absl::StrAppend(&words, "; WARN: ", warning);
  }
  return words;
}

FaultHandler InsertsAt(HugeSize size, FrameKind kind) {
  return [=](VmFault& vmf, int order) -> vm_fault_t {
    const FaultProfile& profile = vmf.mm->profile();
    const bool pud = size == HugeSize::kPud;
    if (order != (pud ? profile.pud_order() : profile.pmd_order())) {
      return order == 0 ? VM_FAULT_SIGBUS : VM_FAULT_FALLBACK;
    }
    const uint64_t page = vmf.pgoff >> order << order;
    const bool dev = kind == FrameKind::kDevMap;
    const FlaggedPfn frame{.pfn = pfn_t((4 * k1G >> profile.page_shift) + page),
                           .dev = dev,
                           .map = dev};
    return pud ? VmfInsertPfnPud(vmf, frame, vmf.write())
               : VmfInsertPfnPmd(vmf, frame, vmf.write());
  };
}

}  // namespace dmdax::seeds
