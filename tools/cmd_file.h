// SPDX-License-Identifier: Apache-2.0
//
// dmdax file add, list, remove: the files of the machine's file systems.
// They are of the family of `dmdax mount`.
// Threading: as App.
#ifndef DMDAX_TOOLS_CMD_FILE_H_
#define DMDAX_TOOLS_CMD_FILE_H_

#include "tools/app.h"

namespace dmdax {

void AddFileVerbs(CLI::App& cli, App& app);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_CMD_FILE_H_
