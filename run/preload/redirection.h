// SPDX-License-Identifier: Apache-2.0
//
// Standard streams that a shell sends to a device and back.
#ifndef DMDAX_RUN_PRELOAD_REDIRECTION_H_
#define DMDAX_RUN_PRELOAD_REDIRECTION_H_

namespace dmdax::preload {

// To be called when 0, 1 or 2 may have become another file.
void FollowRedirection(int fd);

}  // namespace dmdax::preload

#endif  // DMDAX_RUN_PRELOAD_REDIRECTION_H_
