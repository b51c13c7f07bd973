// SPDX-License-Identifier: Apache-2.0
//
// CureAll: takes the obstacles of many subjects away, one after the other, each
// in a World that is loaded and looked at before anybody is told of it.
//
// A cure that takes nothing away is left out, and the next is looked for
// without it.  If all is not well at the end those are tried once more, this
// time kept whatever they do: of a stripe with small chunks below a volume that
// begins within a page neither larger chunks nor another beginning helps, and
// both do. What comes of that counts if it is better than without. Threading:
// thread-compatible.
#ifndef DMDAX_TOOLS_CHECK_CURE_ALL_H_
#define DMDAX_TOOLS_CHECK_CURE_ALL_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "state/session.h"
#include "state/world.pb.h"
#include "tools/check/cure.h"
#include "tools/check/dax_check.h"
#include "tools/check/look.h"
#include "tools/check/not_known.h"
#include "tools/check/try_cure.h"

namespace dmdax {

// A subject on its way through the cures.
struct Patient {
  size_t number;  // of its check
  Look look;
  std::map<ObstacleKey, uint64_t> met;  // and their bytes then
  std::vector<std::shared_ptr<const Cure>> cures;
  size_t next = 0;  // obstacle of `look` that is looked at
  // Those whose cures took nothing away.
  std::set<ObstacleKey> in_vain;
  // While those are tried together: what was said without, and how often each
  // obstacle has been looked at.
  std::shared_ptr<const DaxCheck> without;
  std::map<ObstacleKey, size_t> looked_at;
  std::set<ObstacleKey> no_more;  // those with no other cure
};

struct CureAllRequest {
  Wish wish;
  const proto::World& world;
  const Session& session;        // of it: all of the machine, as it is
  const GuessesByName& guesses;  // of that session
};

// Adds to each patient's check the obstacles, what is best, and the plan.
void CureAll(const CureAllRequest& request, std::vector<Patient> patients,
             std::vector<DaxCheck>& checks);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_CHECK_CURE_ALL_H_
