// SPDX-License-Identifier: Apache-2.0
//
// Where LoadWorld() stopped: with RefusalMarks() its message says so to a
// program, which ParseRefusal() reads.
#ifndef DMDAX_IMPORT_REFUSAL_H_
#define DMDAX_IMPORT_REFUSAL_H_

#include <string>

#include "absl/strings/string_view.h"
#include "state/source_map.h"

namespace dmdax {

struct Refusal {
  std::string list;  // "mapped_device"
  int index = -1;    // below zero: it is of no list
  std::string rest;  // ".table.target[0]"
  std::string words;
};

Refusal ParseRefusal(absl::string_view message);

SourceMap RefusalMarks();

}  // namespace dmdax

#endif  // DMDAX_IMPORT_REFUSAL_H_
