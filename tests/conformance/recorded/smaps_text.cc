// SPDX-License-Identifier: Apache-2.0
#include "tests/conformance/recorded/smaps_text.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "mm/vm_area.h"
#include "mm/vm_fault.h"

namespace dmdax::conformance {
namespace {

constexpr absl::string_view kFlags = "VmFlags:";
constexpr absl::string_view kPageSize = "KernelPageSize:";

// vma_kernel_pagesize().
uint64_t KernelPageSize(const VmAreaStruct& vma) {
  const bool own =
      vma.vm_ops != nullptr && vma.vm_ops->has(VmOperations::kPagesize);
  return own ? vma.vm_ops->Pagesize(vma) : vma.vm_mm->profile().page_size();
}

}  // namespace

std::vector<std::string> SmapsLines(MmStruct& mm, uint64_t base,
                                    uint64_t length) {
  std::vector<std::string> lines;
  for (const VmAreaStruct* vma : mm.vmas()) {
    if (vma->vm_start < base || vma->vm_end > base + length) continue;
    lines.push_back(absl::StrFormat("vma +0x%x-+0x%x", vma->vm_start - base,
                                    vma->vm_end - base));
    lines.push_back(
        absl::StrCat(kPageSize, " ", KernelPageSize(*vma) / 1024, " kB"));
    lines.push_back(absl::StrCat(kFlags, " ", VmFlagsText(vma->vm_flags)));
  }
  return lines;
}

std::vector<std::string> SmapsLines(const Json& lines) {
  std::vector<std::string> kept;
  for (const std::string line : lines) {
    if (!absl::StartsWith(line, "vma ") && !absl::StartsWith(line, kFlags) &&
        !absl::StartsWith(line, kPageSize)) {
      continue;
    }
    std::vector<std::string> words =
        absl::StrSplit(line, ' ', absl::SkipEmpty());
    std::erase(words, "sd");
    kept.push_back(absl::StrJoin(words, " "));
  }
  return kept;
}

}  // namespace dmdax::conformance
