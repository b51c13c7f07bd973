// SPDX-License-Identifier: Apache-2.0
//
// Name mangling: how libdevmapper hides characters that udev does not allow
// in names and uuids.
//
//   Mangle("a b", "name", 127, MangleMode::kAuto);  // "a\\x20b"
//   Unmangle("a\\x20b");                            // "a b"
//
// Mirrors: mangle_string, unmangle_string of libdm/libdm-common.c (1.02.185).
#ifndef DMDAX_FORMATS_MANGLE_H_
#define DMDAX_FORMATS_MANGLE_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace dmdax {

enum class MangleMode { kNone, kAuto, kHex };

// mangle_string(): the mangled form.  `what` ("name", "UUID", "new name") and
// `max` (bytes the result may have) go into the message of a refusal:
// InvalidArgument with libdevmapper's words.  Automatically, what is mangled
// already stays as it is.
absl::StatusOr<std::string> Mangle(absl::string_view s, absl::string_view what,
                                   size_t max, MangleMode mode);

// check_multiple_mangled_string_allowed(): automatically, nothing may seem to
// be mangled twice.
absl::Status CheckMangledOnce(absl::string_view s, absl::string_view what,
                              MangleMode mode);

// unmangle_string(): every \xHH decoded, up to one that is no number.
std::string Unmangle(absl::string_view s);

// Nothing in it needs mangling.
bool IsMangled(absl::string_view s);

}  // namespace dmdax

#endif  // DMDAX_FORMATS_MANGLE_H_
