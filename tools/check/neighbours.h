// SPDX-License-Identifier: Apache-2.0
//
// Neighbours: whether a cure takes large pages from what it is not for.
//
// What stands on a device that is changed is made anew with it, and may have
// made up for where that lay.
//
//   Neighbours neighbours(machine, stands_on);
//   if (std::string loss = neighbours.LossOf(cure, better, subject);
//       !loss.empty()) {
//     // "x has 200 MiB in large pages now, and then 0 bytes"
//   }
//
// Threading: thread-compatible.
#ifndef DMDAX_TOOLS_CHECK_NEIGHBOURS_H_
#define DMDAX_TOOLS_CHECK_NEIGHBOURS_H_

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "state/session.h"
#include "state/world.pb.h"
#include "tools/check/bdev_set.h"
#include "tools/check/cure.h"
#include "tools/check/stands_on.h"
#include "tools/check/subject.h"
#include "tools/check/world_part.h"

namespace dmdax {

class Neighbours {
 public:
  // `machine` is all of it, as it is.
  Neighbours(const Session& machine, const StandsOn& stands_on)
      : machine_(machine), stands_on_(stands_on) {}

  // Of a cure for the subject, which makes `better` of its part of the machine:
  // what others lose; "": nothing.
  std::string LossOf(const Cure& cure, const proto::World& better,
                     const Subject& subject);

 private:
  // Of more nobody is told.
  static constexpr size_t kMost = 32;

  BdevSet ChangedIn(const proto::World& better) const;
  std::vector<BlockDevice*> Others(const Cure& cure, const proto::World& better,
                                   const Subject& subject) const;

  const Session& machine_;
  const StandsOn& stands_on_;
  std::unique_ptr<WorldParts> parts_;  // of the machine; few ask for them
};

}  // namespace dmdax

#endif  // DMDAX_TOOLS_CHECK_NEIGHBOURS_H_
