// SPDX-License-Identifier: Apache-2.0
//
// What the files of the vdo target share.
// Mirrors: struct device_config of drivers/md/dm-vdo/types.h (6.9 to 7.2).
// Threading: none; it lives as long as the constructor.
#ifndef DMDAX_DM_TARGETS_VDO_DM_VDO_H_
#define DMDAX_DM_TARGETS_VDO_DM_VDO_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/errno_status.h"
#include "base/kernel_log.h"
#include "base/since.h"
#include "dm/arg_set.h"
#include "dm/device_mapper.h"
#include "dm/dm_table.h"
#include "dm/mapped_device.h"

namespace dmdax {

// vdo formats a blank disk itself, and knows the words for that.
inline constexpr Since<bool> kVdoFormats[] = {{{7, 0}, true}};

// One attempt to load a table, which has a number of its own in the log.
struct Vdo {
  DmTarget& ti;
  uint32_t instance;
  uint32_t cache_blocks = 0;
  uint32_t hash_zones = 0, logical_zones = 0, physical_zones = 0;
  bool default_geometry = true;

  void Log(KernLevel level, absl::string_view text) const {
    MachineOf(ti).log().Printk(
        level,
        absl::StrCat("device-mapper: vdo", instance, ":dmsetup: ", text));
  }
  // Logs the reason of a refusal, and returns it.
  absl::Status Refuse(absl::string_view text) const {
    Log(KernLevel::kErr, text);
    return ErrnoError(EINVAL, text);
  }
};

// parse_optional_arguments(): the keys and their values, of a line of
// `version`.
absl::Status ParseVdoOptions(unsigned version, DmArgSet& as, Vdo* vdo);

}  // namespace dmdax

#endif  // DMDAX_DM_TARGETS_VDO_DM_VDO_H_
