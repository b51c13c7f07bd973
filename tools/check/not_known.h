// SPDX-License-Identifier: Apache-2.0
//
// What an answer about a subject depends on, and nobody said (World::guess).
//
// A guess that changes nothing is none of it: of a stack with crypt in it the
// place does not matter, nor where each request is too short for a large page.
// Threading: as Machine and DmCtl.
#ifndef DMDAX_TOOLS_CHECK_NOT_KNOWN_H_
#define DMDAX_TOOLS_CHECK_NOT_KNOWN_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "state/session.h"
#include "tools/check/look.h"

namespace dmdax {

// Empty: the answer is known.  `look` is the first one, without any cure.
std::vector<std::string> NotKnown(const Session& session, const Look& look,
                                  Wish wish);

// What is said of something that the World has not: `why` is LeftOut's.
std::string LeftOutText(absl::string_view why);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_CHECK_NOT_KNOWN_H_
