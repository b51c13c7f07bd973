// SPDX-License-Identifier: Apache-2.0
//
// ShowServer: after a change of a state, has its server look at it, if there is
// one: programs on its machine see by the command's end what it has changed.
// With the state's lock let go, since the server may be waiting for that.  A
// server that does not answer for a second sees it by itself, later.
#ifndef DMDAX_TOOLS_SHOW_SERVER_H_
#define DMDAX_TOOLS_SHOW_SERVER_H_

#include <string>

namespace dmdax {

void ShowServer(const std::string& state);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_SHOW_SERVER_H_
