// SPDX-License-Identifier: Apache-2.0
#include "tests/seeds/lab.h"
#include "tests/seeds/row.h"

namespace dmdax::seeds {

absl::Span<const SeedRow> DmTypeRows() { return {}; }

}  // namespace dmdax::seeds
