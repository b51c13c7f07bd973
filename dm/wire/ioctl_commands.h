// SPDX-License-Identifier: Apache-2.0
//
// The commands of /dev/mapper/control behind the checks of ctl_ioctl.cc: what
// a request says becomes arguments of a DmCtl, and its answer the reply.
//
//   const IoctlCommand* command = LookupIoctl(ctl, DM_DEV_STATUS_CMD);
//   if (command != nullptr) s = command->fn(ctl, file, param);
//
// Mirrors: lookup_ioctl and its table of drivers/md/dm-ioctl.c.
#ifndef DMDAX_DM_WIRE_IOCTL_COMMANDS_H_
#define DMDAX_DM_WIRE_IOCTL_COMMANDS_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "dm/wire/ctl_ioctl.h"
#include "dm/wire/ioctl_param.h"

namespace dmdax {

struct IoctlCommand {
  DmCommand cmd;
  // kAsks: it leaves the machine as it is.
  enum Effect { kAsks, kChanges } effect;
  // IOCTL_FLAGS_NO_PARAMS: only the struct is exchanged, whatever data_size
  // says.
  bool no_params;
  absl::Status (*fn)(DmCtl& ctl, DmFile& file, IoctlParam& param);
};

// Null: this kernel has no such command.  DM_VERSION has one without `fn`.
const IoctlCommand* LookupIoctl(const DmCtl& ctl, uint32_t cmd);

// DMERR() and an errno.
absl::Status IoctlError(DmCtl& ctl, int err, absl::string_view text);

}  // namespace dmdax

#endif  // DMDAX_DM_WIRE_IOCTL_COMMANDS_H_
