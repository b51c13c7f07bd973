// SPDX-License-Identifier: Apache-2.0
//
// TellGone(): obstacles that went with another one's cure.
//
// Threading: as Patient.
#ifndef DMDAX_TOOLS_CHECK_GONE_WITH_H_
#define DMDAX_TOOLS_CHECK_GONE_WITH_H_

#include <vector>

#include "tools/check/cure_all.h"

namespace dmdax {

// Adds to `told` those that stood beside `cured` and went with it: nobody will
// meet them any more.
void TellGone(const std::vector<Obstacle>& beside, const Obstacle& cured,
              Patient& p, std::vector<Obstacle>& told);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_CHECK_GONE_WITH_H_
