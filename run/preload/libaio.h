// SPDX-License-Identifier: Apache-2.0
//
// libaio's calls, which have no header where only libc is.
//
//   const int n = io_submit(context, 1, &request);   // a negative errno
//
// Without libaio they are the kernel's.
// Threading: thread-safe.
#ifndef DMDAX_RUN_PRELOAD_LIBAIO_H_
#define DMDAX_RUN_PRELOAD_LIBAIO_H_

#include <linux/aio_abi.h>
#include <time.h>

extern "C" {
int io_submit(aio_context_t context, long n, iocb** requests);
int io_getevents(aio_context_t context, long least, long most, io_event* events,
                 timespec* timeout);
}

#endif  // DMDAX_RUN_PRELOAD_LIBAIO_H_
