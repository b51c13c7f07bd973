// SPDX-License-Identifier: Apache-2.0
//
// The fields of dmsetup's reports: names, headings and widths.
//
// Mirrors: _report_types, _report_fields of dmsetup.c (1.02.185).
#ifndef DMDAX_TOOLS_DMSETUP_INFO_FIELDS_H_
#define DMDAX_TOOLS_DMSETUP_INFO_FIELDS_H_

#include "tools/dmsetup/report/report_field.h"

namespace dmdax {

// Sections: what has to be asked for a field's value.
enum InfoSection : uint32_t {
  kTask = 1,       // the device's name and uuid
  kInfo = 2,       // its DM_DEV_STATUS
  kDeps = 4,       // its DM_TABLE_DEPS
  kTree = 8,       // the dependencies of all
  kName = 16,      // the parts of its name
  kStats = 32,     // @stats_print
  kStatsMeta = 64  // @stats_list
};

extern const ReportSchema kInfoSchema;

}  // namespace dmdax

#endif  // DMDAX_TOOLS_DMSETUP_INFO_FIELDS_H_
