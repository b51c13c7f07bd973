// SPDX-License-Identifier: Apache-2.0
//
// POSIX's aio_read(3) and its kind.  A thread of libc's own would read and
// write what a device's descriptor only looks like: of the machine's devices
// they fail, before anything is begun.
#include <aio.h>
#include <signal.h>

#include <cerrno>

#include "run/preload/file.h"
#include "run/preload/libc.h"

using namespace dmdax::preload;  // for what is in front of libc's names

namespace {

template <typename Block>
bool IsOurs(const Block* block) {
  return block != nullptr && FileOf(block->aio_fildes);
}

template <typename Block>
bool HasOurs(Block* const* blocks, int n) {
  for (int i = 0; blocks != nullptr && i < n; ++i) {
    if (IsOurs(blocks[i])) return true;
  }
  return false;
}

}  // namespace

EXPORT int aio_read(aiocb* block) noexcept {
  return IsOurs(block) ? Result(ESPIPE) : NEXT(aio_read)(block);
}
EXPORT int aio_write(aiocb* block) noexcept {
  return IsOurs(block) ? Result(ESPIPE) : NEXT(aio_write)(block);
}
EXPORT int aio_fsync(int operation, aiocb* block) noexcept {
  return IsOurs(block) ? Result(ESPIPE) : NEXT(aio_fsync)(operation, block);
}
EXPORT int lio_listio(int mode, aiocb* const* blocks, int n,
                      sigevent* event) noexcept {
  return HasOurs(blocks, n) ? Result(ESPIPE)
                            : NEXT(lio_listio)(mode, blocks, n, event);
}

EXPORT int aio_read64(aiocb64* block) noexcept {
  return IsOurs(block) ? Result(ESPIPE) : NEXT(aio_read64)(block);
}
EXPORT int aio_write64(aiocb64* block) noexcept {
  return IsOurs(block) ? Result(ESPIPE) : NEXT(aio_write64)(block);
}
EXPORT int aio_fsync64(int operation, aiocb64* block) noexcept {
  return IsOurs(block) ? Result(ESPIPE) : NEXT(aio_fsync64)(operation, block);
}
EXPORT int lio_listio64(int mode, aiocb64* const* blocks, int n,
                        sigevent* event) noexcept {
  return HasOurs(blocks, n) ? Result(ESPIPE)
                            : NEXT(lio_listio64)(mode, blocks, n, event);
}
