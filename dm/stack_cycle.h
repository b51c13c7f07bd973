// SPDX-License-Identifier: Apache-2.0
//
// StandsOnItself: whether a table, through the live tables below it, leads
// back to its own device.
//
// Kernels before 6.6 accept such a table.  5.10 does not survive it: its DAX
// check (dm_dax_supported and device_not_dax_capable calling each other) runs
// until the stack is gone.  dmdax refuses the resume there, and says so.
#ifndef DMDAX_DM_STACK_CYCLE_H_
#define DMDAX_DM_STACK_CYCLE_H_

#include "dm/dm_table.h"

namespace dmdax {

// Threading: under DmCtl's lock.
bool StandsOnItself(const DmTable& table);

}  // namespace dmdax

#endif  // DMDAX_DM_STACK_CYCLE_H_
