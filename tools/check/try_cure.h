// SPDX-License-Identifier: Apache-2.0
//
// CureTrial: a cure of an obstacle, tried on a machine in memory, in each of
// the ways there are.
//
//   CureTrial trial(Wish::kPmd, machine, stands_on);
//   TriedCure tried =
//       trial.Run(part, session, look, 0, used_end, TrialOf::kAlone);
//   if (tried.cured.ok() && trial.Helps(*tried.cured, look, 0)) {
//     // tried.better is the machine with tried.cure
//   }
//
// Threading: thread-compatible.
#ifndef DMDAX_TOOLS_CHECK_TRY_CURE_H_
#define DMDAX_TOOLS_CHECK_TRY_CURE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "state/session.h"
#include "state/world.pb.h"
#include "tools/check/cure.h"
#include "tools/check/look.h"
#include "tools/check/neighbours.h"
#include "tools/check/stands_on.h"

namespace dmdax {

// What makes two obstacles the same one.
using ObstacleKey = std::pair<std::string, std::string>;  // name, device
inline ObstacleKey KeyOf(const Obstacle& o) { return {o.name, o.device}; }

// Whether a look has come further than the obstacle: it is gone, or smaller.
bool HelpsAgainst(const Obstacle& o, const Look& after);

// A cure in the World that it makes, and that World's session.
struct TriedCure {
  std::shared_ptr<const Cure> cure;  // null: there is none
  proto::World better;
  absl::StatusOr<Session> cured = absl::UnknownError("not loaded");
};

enum class TrialOf {
  kAlone,     // a cure that shall help by itself
  kTogether,  // one that is kept whatever it does, if it does anything
};

class CureTrial {
 public:
  // `machine` is all of it, as it is.
  CureTrial(Wish wish, const Session& machine, StandsOn& stands_on)
      : wish_(wish),
        machine_(machine),
        stands_on_(stands_on),
        neighbours_(machine, stands_on) {}

  // Of obstacle `number` of the look.  `part` is the World of `session`, as far
  // as it concerns the subject; `used_end`: see CureRequest.  Of the ways that
  // help the first of those that cost least: none that takes something from
  // others, which it says, if one makes the subject smaller; none that does, if
  // one has others moved with it; none that has, if one does without.  Else the
  // main one.  Together with others it is always the main one.
  TriedCure Run(const proto::World& part, const Session& session,
                const Look& look, size_t number, uint64_t used_end,
                TrialOf what);

  bool Helps(Session& cured, const Look& look, size_t number) const;

  // Of the machine as it is.
  Neighbours& neighbours() { return neighbours_; }

 private:
  TriedCure RunWay(CureWay way, proto::World better, const Session& session,
                   const Look& look, size_t number, uint64_t used_end);
  // What becomes of others.
  Fate FateOf(const TriedCure& tried, const Look& look);
  TriedCure RunTogether(const proto::World& part, const Session& session,
                        const Look& look, size_t number, uint64_t used_end);

  const Wish wish_;
  const Session& machine_;
  StandsOn& stands_on_;
  Neighbours neighbours_;
};

}  // namespace dmdax

#endif  // DMDAX_TOOLS_CHECK_TRY_CURE_H_
