// SPDX-License-Identifier: Apache-2.0
#include "mm/vm_fault.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

namespace dmdax {
namespace {

struct BitName {
  uint64_t bit;
  const char* name;
};

constexpr BitName kVmFaultNames[] = {
    {VM_FAULT_OOM, "OOM"},
    {VM_FAULT_SIGBUS, "SIGBUS"},
    {VM_FAULT_MAJOR, "MAJOR"},
    {VM_FAULT_WRITE, "WRITE"},
    {VM_FAULT_HWPOISON, "HWPOISON"},
    {VM_FAULT_HWPOISON_LARGE, "HWPOISON_LARGE"},
    {VM_FAULT_SIGSEGV, "SIGSEGV"},
    {VM_FAULT_NOPAGE, "NOPAGE"},
    {VM_FAULT_LOCKED, "LOCKED"},
    {VM_FAULT_RETRY, "RETRY"},
    {VM_FAULT_FALLBACK, "FALLBACK"},
    {VM_FAULT_DONE_COW, "DONE_COW"},
    {VM_FAULT_NEEDDSYNC, "NEEDDSYNC"},
    {VM_FAULT_COMPLETED, "COMPLETED"},
};

constexpr BitName kFaultFlagNames[] = {
    {FAULT_FLAG_WRITE, "WRITE"},
    {FAULT_FLAG_MKWRITE, "MKWRITE"},
    {FAULT_FLAG_ALLOW_RETRY, "ALLOW_RETRY"},
    {FAULT_FLAG_RETRY_NOWAIT, "RETRY_NOWAIT"},
    {FAULT_FLAG_KILLABLE, "KILLABLE"},
    {FAULT_FLAG_TRIED, "TRIED"},
    {FAULT_FLAG_USER, "USER"},
    {FAULT_FLAG_REMOTE, "REMOTE"},
    {FAULT_FLAG_INSTRUCTION, "INSTRUCTION"},
    {FAULT_FLAG_INTERRUPTIBLE, "INTERRUPTIBLE"},
    {FAULT_FLAG_VMA_LOCK, "VMA_LOCK"},
};

constexpr BitName kVmFlagCodes[] = {
    {VM_READ, "rd"},      {VM_WRITE, "wr"},      {VM_EXEC, "ex"},
    {VM_SHARED, "sh"},    {VM_MAYREAD, "mr"},    {VM_MAYWRITE, "mw"},
    {VM_MAYEXEC, "me"},   {VM_MAYSHARE, "ms"},   {VM_PFNMAP, "pf"},
    {VM_LOCKED, "lo"},    {VM_IO, "io"},         {VM_SEQ_READ, "sr"},
    {VM_RAND_READ, "rr"}, {VM_DONTCOPY, "dc"},   {VM_DONTEXPAND, "de"},
    {VM_ACCOUNT, "ac"},   {VM_NORESERVE, "nr"},  {VM_HUGETLB, "ht"},
    {VM_SYNC, "sf"},      {VM_DONTDUMP, "dd"},   {VM_MIXEDMAP, "mm"},
    {VM_HUGEPAGE, "hg"},  {VM_NOHUGEPAGE, "nh"},
};

template <size_t N>
std::vector<std::string> Names(const BitName (&names)[N], uint64_t* bits) {
  std::vector<std::string> out;
  for (const BitName& name : names) {
    if ((*bits & name.bit) == 0) continue;
    out.push_back(name.name);
    *bits &= ~name.bit;
  }
  return out;
}

}  // namespace

std::string VmFaultText(vm_fault_t ret) {
  uint64_t bits = ret;
  return absl::StrJoin(Names(kVmFaultNames, &bits), "|");
}

std::string FaultFlagText(unsigned flags) {
  uint64_t bits = flags;
  std::vector<std::string> names = Names(kFaultFlagNames, &bits);
  if (bits != 0) names.push_back(absl::StrFormat("0x%x", bits));
  return absl::StrJoin(names, "|");
}

std::string VmFlagsText(uint64_t vm_flags) {
  uint64_t bits = vm_flags;
  return absl::StrJoin(Names(kVmFlagCodes, &bits), " ");
}

std::string OrderText(const FaultProfile& profile, int order) {
  if (order == 0) return "PTE";
  if (order == profile.pmd_order()) return "PMD";
  if (order == profile.pud_order()) return "PUD";
  return absl::StrCat("order ", order);
}

}  // namespace dmdax
