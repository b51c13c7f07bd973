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

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "state/session.h"
#include "state/world.pb.h"
#include "tools/check/look.h"

namespace dmdax {

// The guesses of a session by what they are about, found once for many looks.
// The session must outlive it.
class GuessesByName {
 public:
  explicit GuessesByName(const Session& session);
  bool empty() const { return by_name_.empty(); }
  // Their numbers.
  absl::Span<const int> About(const std::string& name) const;
  const proto::Guess& Get(int number) const {
    return session_.guesses.Get(number);
  }

 private:
  const Session& session_;
  absl::flat_hash_map<std::string, std::vector<int>> by_name_;
};

// Empty: the answer is known.  `look` is the first one, without any cure.
std::vector<std::string> NotKnown(const Session& session,
                                  const GuessesByName& guesses,
                                  const Look& look, Wish wish);

// The same of guesses alone, and of a later look: `session` has the cures, and
// the guesses are those of the machine.
std::vector<std::string> GuessesThatMatter(const Session& session,
                                           const GuessesByName& guesses,
                                           const Look& look, Wish wish);

// What is said of something that the World has not: `why` is LeftOut's.
std::string LeftOutText(absl::string_view why);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_CHECK_NOT_KNOWN_H_
