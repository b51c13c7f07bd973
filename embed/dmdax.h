// SPDX-License-Identifier: Apache-2.0
//
// dmdax.h: all that a program needs which has dmdax inside.
//
//   absl::StatusOr<ParsedWorld> parsed = ParseWorld(text, "w.textproto");
//   if (!parsed.ok()) return parsed.status();
//   absl::StatusOr<Session> session = LoadWorld(parsed->world, parsed->source);
//   if (!session.ok()) return session.status();
//   absl::StatusOr<BlockDevice*> home = FindDevice(*session, "home");
//   if (!home.ok()) return home.status();
//   return DaxTranslate(*(*home)->host_dax_dev(), pgoff_t{0}, 512);
//
// It adds nothing of its own.  What each header below offers, with its units
// and errors, is said at its top; docs/embed.md shows how a program finds them.
// Errors are absl::Status; ErrnoOf() has the kernel's number.
// Threading: a Session's queries may come from any thread, its processes and
// mounts from one at a time.
#ifndef DMDAX_EMBED_DMDAX_H_
#define DMDAX_EMBED_DMDAX_H_

// The machine, its kernel, and what the kernel says.
#include "base/errno_status.h"
#include "base/kernel_alias.h"
#include "base/kernel_profile.h"
#include "base/trace.h"
#include "base/units.h"
#include "block/machine.h"
// The commands of device-mapper, and the translation of a page.
#include "dax/dax_device.h"
#include "dm/device_mapper.h"
#include "dm/dm_ioctl.h"
// Mounts, processes and their page faults, one or all of a file.
#include "mm/fault_reason.h"
#include "process/sweep/dax_sweep.h"
#include "process/user_space.h"
// All of it from a file, and devices by name.
#include "formats/world_format.h"
#include "state/find_device.h"
#include "state/session.h"
#include "state/target_spec.h"
#include "state/world_load.h"

#endif  // DMDAX_EMBED_DMDAX_H_
