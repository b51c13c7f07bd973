// SPDX-License-Identifier: Apache-2.0
//
// OtherAnswers: the machine as it is if what an import took is not true, where
// that can be one thing alone (Guess::otherwise).
//
// Of two answers that are both no none has to be asked for.  The machine is
// loaded when the first asks, and once for all that do.
//
// Threading: thread-compatible.
#ifndef DMDAX_TOOLS_CHECK_OTHER_ANSWER_H_
#define DMDAX_TOOLS_CHECK_OTHER_ANSWER_H_

#include <memory>
#include <optional>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "state/session.h"
#include "state/world.pb.h"
#include "tools/check/look.h"
#include "tools/check/not_known.h"

namespace dmdax {

class OtherAnswers {
 public:
  // The World is a machine's or a part of it, and the guesses are all of the
  // machine; both must outlive it.
  OtherAnswers(const proto::World& world, const GuessesByName& guesses);
  ~OtherAnswers();

  // Whether the look's subject has not what is wished for if that guess is
  // wrong, whatever else is.
  bool FailsToo(const proto::Guess& guess, const Look& look, Wish wish);

 private:
  void Load();
  // The files that guesses are about.
  absl::flat_hash_map<std::string, proto::File*> FilesAskedAbout();

  const proto::World& of_;
  const GuessesByName& guesses_;
  bool tried_ = false;
  proto::World world_;
  // By mount or file: what of it is wrong there.
  absl::flat_hash_map<std::string, std::string> wrong_;
  absl::StatusOr<Session> session_;
  std::optional<GuessesByName> left_;   // those of the session
  std::unique_ptr<OtherAnswers> next_;  // what these may be instead
};

}  // namespace dmdax

#endif  // DMDAX_TOOLS_CHECK_OTHER_ANSWER_H_
