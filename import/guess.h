// SPDX-License-Identifier: Apache-2.0
//
// What an import had to take (World::guess), made and said.
// "no input says where pmem0p1 begins: sector 2048 taken; to add: lsblk -o
// +START".
// Threading: pure functions.
#ifndef DMDAX_IMPORT_GUESS_H_
#define DMDAX_IMPORT_GUESS_H_

#include <string>

#include "absl/strings/string_view.h"
#include "state/world.pb.h"

namespace dmdax {

proto::Guess MakeGuess(proto::Guess::Decides decides, absl::string_view name,
                       absl::string_view what, absl::string_view taken = "",
                       absl::string_view ask = "");

std::string GuessText(const proto::Guess& guess);

}  // namespace dmdax

#endif  // DMDAX_IMPORT_GUESS_H_
