// SPDX-License-Identifier: Apache-2.0
//
// A look that ends a list before anything of it has gone, where a volume that
// is to be removed is open by somebody whom nobody knows: a program that reads
// the device itself, as a database does, is in no table and no mount.  lvremove
// would refuse that volume, and those before it would be gone.
//
// Of one volume alone there is none: it is the first that goes.
// Threading: pure function.
#ifndef DMDAX_TOOLS_CHECK_CLOSED_LOOK_H_
#define DMDAX_TOOLS_CHECK_CLOSED_LOOK_H_

#include "state/session.h"
#include "tools/check/cure_steps.h"
#include "tools/check/stands_on.h"

namespace dmdax {

// Behind all that unmounts.  In a rescue system nothing runs, and volumes may
// not be active: there is none.
void AddClosedLook(const Session& machine, const StandsOn& stands_on,
                   CureSteps* steps);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_CHECK_CLOSED_LOOK_H_
