// SPDX-License-Identifier: Apache-2.0
//
// io_uring, by liburing and by syscall(2): what is put into its ring the kernel
// takes from there, past us, for what a device's descriptor only looks like. So
// there is none, as on a kernel without it, which programs know how to do
// without.  Its functions return a negative errno.
#include <cerrno>
#include <cstdint>

#include "run/preload/client.h"
#include "run/preload/libc.h"

using namespace dmdax::preload;  // for what is in front of liburing's names

extern "C" {
int io_uring_setup(unsigned entries, void* params);
int io_uring_queue_init(unsigned entries, void* ring, unsigned flags);
int io_uring_queue_init_params(unsigned entries, void* ring, void* params);
int io_uring_queue_init_mem(unsigned entries, void* ring, void* params,
                            void* memory, size_t size);
}

namespace {

// Without a machine, and where liburing is not: what `real` answers.
template <typename Fn, typename... Args>
int RefuseOrCall(Fn* real, Args... args) {
  if (HaveMachine() || real == nullptr) return -ENOSYS;
  return real(args...);
}

}  // namespace

EXPORT int io_uring_setup(unsigned entries, void* params) {
  return RefuseOrCall(NEXT(io_uring_setup), entries, params);
}
EXPORT int io_uring_queue_init(unsigned entries, void* ring, unsigned flags) {
  return RefuseOrCall(NEXT(io_uring_queue_init), entries, ring, flags);
}
EXPORT int io_uring_queue_init_params(unsigned entries, void* ring,
                                      void* params) {
  return RefuseOrCall(NEXT(io_uring_queue_init_params), entries, ring, params);
}
EXPORT int io_uring_queue_init_mem(unsigned entries, void* ring, void* params,
                                   void* memory, size_t size) {
  return RefuseOrCall(NEXT(io_uring_queue_init_mem), entries, ring, params,
                      memory, size);
}
