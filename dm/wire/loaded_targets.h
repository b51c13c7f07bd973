// SPDX-License-Identifier: Apache-2.0
//
// Which targets DM_LIST_VERSIONS names: those whose modules are loaded at boot,
// or, as after modprobe(8) of each, all that the kernel has.
//
// It is one switch for all machines of the process: whose programs cannot load
// a module, since no file of one is there, find all of them loaded.
// Mirrors: request_module of dm_get_target_type, drivers/md/dm-target.c (6.1).
// Threading: set it before other threads ask.
#ifndef DMDAX_DM_WIRE_LOADED_TARGETS_H_
#define DMDAX_DM_WIRE_LOADED_TARGETS_H_

namespace dmdax {

void LoadAllTargets();

}  // namespace dmdax

#endif  // DMDAX_DM_WIRE_LOADED_TARGETS_H_
