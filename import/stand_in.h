// SPDX-License-Identifier: Apache-2.0
//
// Stand-ins: what a mapped device of an import becomes whose table the emulated
// kernel refuses.  `zero` loads anywhere and has no DAX, as what it stands for;
// the World says what that is, and what it has below.
// Threading: thread-compatible.
#ifndef DMDAX_IMPORT_STAND_IN_H_
#define DMDAX_IMPORT_STAND_IN_H_

#include <string>

#include "absl/strings/string_view.h"
#include "import/facts.h"
#include "state/world.pb.h"

namespace dmdax {

// Targets that answer from bytes on their devices, so that most of what a real
// machine has is beyond the model.  None of them has DAX.
bool KeepsMetadata(absl::string_view type);

// For the rows of one type; false: the device has none.  `words` are those that
// it was refused with, or "".
bool StandInForType(Facts* facts, const std::string& type,
                    const std::string& words, proto::MappedDevice* device);

// For the whole table, of which the row of `type` is to blame ("": none);
// false: it has no size.
bool StandInForTable(Facts* facts, const std::string& type,
                     const std::string& words, proto::MappedDevice* device);

}  // namespace dmdax

#endif  // DMDAX_IMPORT_STAND_IN_H_
