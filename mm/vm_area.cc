// SPDX-License-Identifier: Apache-2.0
#include "mm/vm_area.h"

#include <algorithm>
#include <iterator>
#include <vector>

#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "mm/mm_struct.h"

namespace dmdax {

void AddressSpace::UnmapMappingPages(uint64_t first, uint64_t nr,
                                     EvenCows even_cows) {
  const uint64_t last = nr == 0 ? ~uint64_t{0} : first + nr - 1;
  for (VmAreaStruct* vma : i_mmap) {
    const int shift = vma->vm_mm->profile().page_shift;
    const uint64_t pages = (vma->vm_end - vma->vm_start) >> shift;
    const uint64_t vma_last = vma->vm_pgoff + pages - 1;
    if (first > vma_last || last < vma->vm_pgoff) continue;
    const uint64_t from = std::max(first, vma->vm_pgoff) - vma->vm_pgoff;
    const uint64_t to = std::min(last, vma_last) - vma->vm_pgoff + 1;
    vma->vm_mm->ZapPageRange(*vma, vma->vm_start + (from << shift),
                             vma->vm_start + (to << shift), even_cows);
  }
}

std::pair<uint64_t, int> AddressSpace::Folio(uint64_t index) const {
  auto it = folios.upper_bound(index);
  if (it != folios.begin()) {
    --it;
    if (index - it->first < uint64_t{1} << it->second) return *it;
  }
  return {index, 0};
}

void AddressSpace::RemovePages(uint64_t first, uint64_t nr) {
  const uint64_t end = nr == 0 ? ~uint64_t{0} : first + nr;
  auto it = folios.lower_bound(Folio(first).first);
  while (it != folios.end() && it->first < end) {
    no_private.erase(it->first);
    it = folios.erase(it);
  }
  pages.erase(pages.lower_bound(first), pages.lower_bound(end));
  for (std::set<uint64_t>* marks : {&dirty, &readahead, &not_uptodate}) {
    marks->erase(marks->lower_bound(first), marks->lower_bound(end));
  }
}

void VmFault::ResetReason() { reason = FaultReason{}; }

vm_fault_t FailFault(VmFault& vmf, vm_fault_t ret, FaultReasonCode code,
                     uint64_t want, uint64_t have) {
  vmf.reason = {.code = code, .want = want, .have = have};
  return ret;
}

vm_fault_t FailFault(VmFault& vmf, vm_fault_t ret, FaultReasonCode code,
                     const std::string& where) {
  vmf.reason = {.code = code, .where = where};
  return ret;
}

bool VmaIsFsdax(const VmAreaStruct& vma) {
  return VmaIsDax(vma) &&
         vma.vm_file->f_mapping->host->type == InodeType::kRegular;
}

std::string HookNames(const FaultProfile& profile, unsigned hooks) {
  return absl::StrReplaceAll(HookNames(hooks),
                             {{"may_split", profile.vm_ops_split_hook}});
}

std::string HookNames(unsigned hooks) {
  static constexpr const char* kNames[] = {
      "open",        "close",      "may_split", "fault",
      "huge_fault",  "map_pages",  "pagesize",  "page_mkwrite",
      "pfn_mkwrite", "set_policy", "get_policy"};
  std::vector<std::string> names;
  for (size_t bit = 0; bit < std::size(kNames); ++bit) {
    if (hooks & (1u << bit)) names.push_back(kNames[bit]);
  }
  return absl::StrJoin(names, " ");
}

}  // namespace dmdax
