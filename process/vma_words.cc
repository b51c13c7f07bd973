// SPDX-License-Identifier: Apache-2.0
#include "process/vma_words.h"

#include <sys/mman.h>

#include <cerrno>
#include <utility>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "process/field_error.h"

namespace dmdax {

absl::StatusOr<int> ParseProt(absl::string_view letters) {
  if (letters == "none") return PROT_NONE;
  if (letters.empty()) return PROT_READ | PROT_WRITE;
  if (letters.find_first_not_of("rwx") != absl::string_view::npos) {
    return FieldError(EINVAL, "prot",
                      absl::StrCat("prot '", letters.substr(0, 40),
                                   "': letters of rwx, or none"));
  }
  return (absl::StrContains(letters, 'r') ? PROT_READ : 0) |
         (absl::StrContains(letters, 'w') ? PROT_WRITE : 0) |
         (absl::StrContains(letters, 'x') ? PROT_EXEC : 0);
}

std::string ProtText(const VmAreaStruct& vma) {
  const std::string letters = absl::StrCat((vma.vm_flags & VM_READ) ? "r" : "",
                                           (vma.vm_flags & VM_WRITE) ? "w" : "",
                                           (vma.vm_flags & VM_EXEC) ? "x" : "");
  return letters.empty() ? "none" : letters;
}

absl::Status ParseMapFlags(absl::string_view words, MmapOptions& out) {
  const std::vector<absl::string_view> all =
      absl::StrSplit(words, ',', absl::SkipEmpty());
  for (const auto& [one, other] :
       {std::pair("shared", "private"), std::pair("hugepage", "nohugepage")}) {
    if (absl::c_linear_search(all, one) && absl::c_linear_search(all, other)) {
      return FieldError(
          EINVAL, "flags",
          absl::StrCat("flags ", one, " and ", other, ": one of them"));
    }
  }
  for (absl::string_view word : all) {
    if (word == "shared") {
      out.vma.is_private = false;
    } else if (word == "private") {
      out.vma.is_private = true;
    } else if (word == "sync") {
      out.vma.sync = true;
    } else if (word == "readonly") {
      out.readonly = true;
    } else if (word == "hugepage") {
      out.vma.huge = VmaHuge::kHugepage;
    } else if (word == "nohugepage") {
      out.vma.huge = VmaHuge::kNohugepage;
    } else {
      return FieldError(EINVAL, "flags",
                        absl::StrCat("flag '", word.substr(0, 40),
                                     "': shared, private, sync, readonly, "
                                     "hugepage or nohugepage"));
    }
  }
  return CheckMapSync(out.vma);
}

std::string MapFlagsText(const VmAreaStruct& vma) {
  std::vector<absl::string_view> words;
  words.push_back((vma.vm_flags & VM_MAYSHARE) ? "shared" : "private");
  if (vma.vm_flags & VM_SYNC) words.push_back("sync");
  if (vma.vm_file != nullptr && !vma.vm_file->writable) {
    words.push_back("readonly");
  }
  if (vma.vm_flags & VM_NOHUGEPAGE) words.push_back("nohugepage");
  return absl::StrJoin(words, ",");
}

}  // namespace dmdax
