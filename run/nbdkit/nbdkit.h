// SPDX-License-Identifier: Apache-2.0
//
// nbdkit's own header, in the version of its interface that we are written for.
#ifndef DMDAX_RUN_NBDKIT_NBDKIT_H_
#define DMDAX_RUN_NBDKIT_NBDKIT_H_

#define NBDKIT_API_VERSION 2
#include <nbdkit-plugin.h>

#endif  // DMDAX_RUN_NBDKIT_NBDKIT_H_
