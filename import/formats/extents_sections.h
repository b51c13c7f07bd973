// SPDX-License-Identifier: Apache-2.0
//
// The output of filefrag or xfs_bmap for many files, cut into one text a file.
#ifndef DMDAX_IMPORT_FORMATS_EXTENTS_SECTIONS_H_
#define DMDAX_IMPORT_FORMATS_EXTENTS_SECTIONS_H_

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "import/facts.h"

namespace dmdax {

// Cuts before each line that `begins` a file, and adds what `parse` makes of
// each piece to the facts.  Errors of `parse` begin with "line N, column M: "
// and come back with the place in the whole input.
absl::Status ReadExtentSections(
    const ImportInput& input, bool (*begins)(absl::string_view line),
    const std::function<absl::StatusOr<ExtentList>(absl::string_view)>& parse,
    Facts* facts);

}  // namespace dmdax

#endif  // DMDAX_IMPORT_FORMATS_EXTENTS_SECTIONS_H_
