// SPDX-License-Identifier: Apache-2.0
//
// What an answer about a subject depends on, and nobody said (World::guess).
//
// A guess that changes nothing is none of it: of a stack with crypt in it the
// place does not matter, nor where each request is too short for a large page.
// Where another answer is one thing alone it is asked for
// (tools/check/other_answer.h).
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
  int size() const { return session_.guesses.size(); }
  // Their numbers.
  absl::Span<const int> About(const std::string& name) const;
  const proto::Guess& Get(int number) const {
    return session_.guesses.Get(number);
  }

 private:
  const Session& session_;
  absl::flat_hash_map<std::string, std::vector<int>> by_name_;
};

class OtherAnswers;

struct Unknown {
  std::vector<std::string> open;  // empty: the answer is known
  // What nobody said, and the answer is no whichever of the two is true.
  std::vector<std::string> either_way;
};

// The file system that the look is at.
enum class FileSystemIs { kAsItWas, kMadeAnew };

// What the answer depends on, with cures or without: `session` has the look,
// `guesses` are those of the machine, and `others` is of the session's World.
Unknown NotKnown(const Session& session, const GuessesByName& guesses,
                 OtherAnswers& others, const Look& look, Wish wish,
                 FileSystemIs fs = FileSystemIs::kAsItWas);

// What is said of something that the World has not: `why` is LeftOut's.
std::string LeftOutText(absl::string_view why);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_CHECK_NOT_KNOWN_H_
