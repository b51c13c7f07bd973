// SPDX-License-Identifier: Apache-2.0
//
// What an import could not read, as World::left_out has it: by the input's
// name, which is no device's, and why.
//
//   facts.left_out.try_emplace(input.path, WhyUnread(HasOnlyFiles::kNo, why));
//   KindOfLeftOut(left.why())   // kInput
// Threading: pure functions.
#ifndef DMDAX_IMPORT_UNREAD_INPUT_H_
#define DMDAX_IMPORT_UNREAD_INPUT_H_

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace dmdax {

// Whether an input says nothing but where files lie: no device or mount is
// unknown for want of it.
enum class HasOnlyFiles { kNo, kYes };

inline constexpr absl::string_view kUnreadInput =
    "an input that could not be read: ";
inline constexpr absl::string_view kUnreadFiles =
    "a list of files' extents that could not be read: ";

inline std::string WhyUnread(HasOnlyFiles files, absl::string_view why) {
  return absl::StrCat(files == HasOnlyFiles::kYes ? kUnreadFiles : kUnreadInput,
                      why);
}

enum class LeftOutKind { kThing, kInput, kFiles };

inline LeftOutKind KindOfLeftOut(absl::string_view why) {
  return absl::StartsWith(why, kUnreadFiles)   ? LeftOutKind::kFiles
         : absl::StartsWith(why, kUnreadInput) ? LeftOutKind::kInput
                                               : LeftOutKind::kThing;
}

}  // namespace dmdax

#endif  // DMDAX_IMPORT_UNREAD_INPUT_H_
