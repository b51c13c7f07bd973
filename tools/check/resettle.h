// SPDX-License-Identifier: Apache-2.0
//
// Resettle(): those that stand on what a cure changes, in a machine with it.
//
// Who had made up for where that lay is moved too, as long as it is, where
// there is room; what is lost all the same is told.
//
// Threading: pure function.
#ifndef DMDAX_TOOLS_CHECK_RESETTLE_H_
#define DMDAX_TOOLS_CHECK_RESETTLE_H_

#include <map>
#include <string>
#include <vector>

#include "state/session.h"
#include "state/world.pb.h"
#include "tools/check/bdev_set.h"
#include "tools/check/stands_on.h"
#include "tools/check/subject.h"

namespace dmdax {

// Of a volume group the physical volumes that are made anew.
using RedoneGroups = std::map<std::string, BdevSet>;

// What a cure, or several, come to.
struct Change {
  const proto::World& better;  // the part of the machine that they are about
  BdevSet changed;
  RedoneGroups redo = {};
  BdevSet laid_out = {};  // the volumes of those groups
  BdevSet anew = {};      // what is made anew, and can be made elsewhere
  BdevSet by_hand = {};   // what of it no line makes again, with what is on it
};

struct Fate {
  // The mapped devices that are moved, as they will be.
  std::vector<proto::MappedDevice> moved;
  std::string losses;  // "x has 2 MiB in large pages now, and then 0 bytes"
};

// "x, y begin elsewhere then, ...", of those that are moved.
std::string MovedText(const Fate& fate);

// `part` is that of the machine, as it is, that an answer about the others
// depends on.
Fate Resettle(const Session& machine, StandsOn& stands_on, const Change& change,
              const std::vector<Subject>& others, proto::World part);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_CHECK_RESETTLE_H_
