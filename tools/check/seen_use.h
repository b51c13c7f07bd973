// SPDX-License-Identifier: Apache-2.0
//
// WordsOfUse: what an import saw on a device that it found mounted nowhere
// (World::use), in words, and whether a list of commands may take it.
//
// Threading: pure function.
#ifndef DMDAX_TOOLS_CHECK_SEEN_USE_H_
#define DMDAX_TOOLS_CHECK_SEEN_USE_H_

#include <string>

#include "state/world.pb.h"

namespace dmdax {

struct SeenUse {
  std::string what;           // "swap in use"
  std::string stays;          // why no list may take it, or ""
  bool maps_nothing = false;  // swap, or the log of a file system
};
// Of one that is open besides (Use::open).
SeenUse OpenWords(const proto::Use& use);
SeenUse WordsOfUse(const proto::Use& use);
// Why nothing in what lies there is ever DAX: "dm-crypt has none"; "": it may
// be.
std::string WhyNeverDax(const proto::Use& use);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_CHECK_SEEN_USE_H_
