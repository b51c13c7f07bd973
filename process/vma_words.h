// SPDX-License-Identifier: Apache-2.0
//
// A mapping's protection and flags as people write them: "rw" and
// "shared,sync", in `dmdax mmap` and in a World's Vma.
//
//   MmapOptions options;
//   absl::StatusOr<int> prot = ParseProt("rx");   // PROT_READ | PROT_EXEC
//   absl::Status s = ParseMapFlags("private,readonly", options);
//   MapFlagsText(vma);                            // "private,readonly"
//
// Threading: pure functions.
#ifndef DMDAX_PROCESS_VMA_WORDS_H_
#define DMDAX_PROCESS_VMA_WORDS_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "process/user_space.h"

namespace dmdax {

// PROT_* for letters of rwx; "none" is PROT_NONE, "" is rw.  EINVAL with the
// field "prot".
absl::StatusOr<int> ParseProt(absl::string_view letters);
// The letters, or "none".
std::string ProtText(const VmAreaStruct& vma);

// Words of shared, private, sync, readonly, hugepage, nohugepage, with commas
// between.  EINVAL with the field "flags"; also as CheckMapSync().
absl::Status ParseMapFlags(absl::string_view words, MmapOptions& out);
std::string MapFlagsText(const VmAreaStruct& vma);

}  // namespace dmdax

#endif  // DMDAX_PROCESS_VMA_WORDS_H_
