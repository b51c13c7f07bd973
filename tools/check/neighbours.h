// SPDX-License-Identifier: Apache-2.0
//
// Neighbours: what becomes of those that a cure is not for.
//
// What stands on a device that is changed is made anew with it, and may have
// made up for where that lay.
//
//   Neighbours neighbours(machine, stands_on);
//   const Fate fate = neighbours.OfCure(cure, better, subject);
//   // fate.losses: "x has 200 MiB in large pages now, and then 0 bytes"
//
// Threading: thread-compatible.
#ifndef DMDAX_TOOLS_CHECK_NEIGHBOURS_H_
#define DMDAX_TOOLS_CHECK_NEIGHBOURS_H_

#include <cstddef>
#include <memory>
#include <vector>

#include "absl/types/span.h"
#include "state/session.h"
#include "state/world.pb.h"
#include "tools/check/bdev_set.h"
#include "tools/check/cure.h"
#include "tools/check/resettle.h"
#include "tools/check/stands_on.h"
#include "tools/check/subject.h"
#include "tools/check/world_part.h"

namespace dmdax {

class Neighbours {
 public:
  // `machine` is all of it, as it is.
  Neighbours(const Session& machine, StandsOn& stands_on)
      : machine_(machine), stands_on_(stands_on) {}

  // Groups that go with what a cure makes anew, and that it has not laid out
  // itself, lie in its World as the list makes them again.  `cured` is that
  // World's session.  Whether there are any.
  bool LayOutGroups(const Cure& cure, const Session& cured,
                    proto::World* better) const;
  // Of a cure for the subject, which makes `better` of its part of the machine.
  Fate OfCure(const Cure& cure, const proto::World& better,
              const Subject& subject);
  // Of a list for the subjects, by which `gone` and `redo` are made anew.
  Fate OfList(const BdevSet& gone, const RedoneGroups& redo,
              const proto::World& better,
              absl::Span<const Subject* const> subjects);

 private:
  // Of more nobody is told.
  static constexpr size_t kMost = 32;

  BdevSet ChangedIn(const proto::World& better) const;
  Change ChangeBy(const Cure& cure, const proto::World& better) const;
  bool LayOut(Change* change) const;
  void Follow(Change* change) const;
  Fate Of(const Change& change, absl::Span<const Subject* const> subjects);
  BdevSet ByHand(const Change& change) const;
  std::vector<Subject> Others(const Change& change, const BdevSet& own) const;
  // The part of the machine that an answer about them depends on.
  proto::World PartOf(const std::vector<Subject>& subjects);

  const Session& machine_;
  StandsOn& stands_on_;
  std::unique_ptr<WorldParts> parts_;  // of the machine; few ask for them
};

}  // namespace dmdax

#endif  // DMDAX_TOOLS_CHECK_NEIGHBOURS_H_
