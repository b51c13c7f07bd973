// SPDX-License-Identifier: Apache-2.0
//
// libaio's calls: a request for a device of the machine is done at once, and
// its event kept until somebody asks for it.  All others are libaio's.
#include <linux/aio_abi.h>
#include <sys/uio.h>
#include <time.h>

#include <atomic>
#include <cerrno>
#include <cstdint>

#include "run/preload/data.h"
#include "run/preload/file.h"
#include "run/preload/libaio.h"
#include "run/preload/libc.h"

namespace dmdax::preload {
namespace {

struct Done {
  bool used = false;
  aio_context_t context = 0;
  io_event event = {};
};
// As many as one that asks for a lot has under way.
Done done[4096];
std::atomic<int> kept = 0;

class Lock {
 public:
  Lock() {
    while (taken_.exchange(true)) {
    }
  }
  ~Lock() { taken_ = false; }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

 private:
  static std::atomic<bool> taken_;
};
std::atomic<bool> Lock::taken_ = false;

bool Keep(aio_context_t context, const io_event& event) {
  const Lock lock;
  for (Done& d : done) {
    if (d.used) continue;
    d = {true, context, event};
    ++kept;
    return true;
  }
  return false;
}

long TakeKept(aio_context_t context, long most, io_event* events) {
  if (kept == 0) return 0;
  const Lock lock;
  long n = 0;
  int left = kept;
  for (Done& d : done) {
    if (n == most || left == 0) break;
    if (!d.used) continue;
    --left;
    if (d.context != context) continue;
    events[n++] = d.event;
    d.used = false;
    --kept;
  }
  return n;
}

template <typename T>
T* Pointer(uint64_t address) {
  return reinterpret_cast<T*>(static_cast<uintptr_t>(address));
}

int64_t Carry(const File& file, const iocb& r) {
  const KeepErrno keep;
  const auto offset = static_cast<uint64_t>(r.aio_offset);
  ssize_t n = -1;
  switch (r.aio_lio_opcode) {
    case IOCB_CMD_PREAD:
    case IOCB_CMD_PWRITE:
      n = Transfer(file,
                   r.aio_lio_opcode == IOCB_CMD_PREAD ? Direction::kRead
                                                      : Direction::kWrite,
                   Pointer<void>(r.aio_buf), r.aio_nbytes, offset);
      break;
    case IOCB_CMD_PREADV:
    case IOCB_CMD_PWRITEV:
      n = TransferParts(file,
                        r.aio_lio_opcode == IOCB_CMD_PREADV ? Direction::kRead
                                                            : Direction::kWrite,
                        Pointer<const iovec>(r.aio_buf),
                        static_cast<int>(r.aio_nbytes), offset);
      break;
    case IOCB_CMD_FSYNC:
    case IOCB_CMD_FDSYNC:
      n = Sync(file);
      break;
    default:
      return -EINVAL;
  }
  return n < 0 ? -errno : n;
}

// libaio's, which a program that came by syscall(2) need not have.
int Submit(aio_context_t context, long n, iocb** requests) {
  if (auto* const real = NEXT(io_submit)) return real(context, n, requests);
  const KeepErrno keep;
  const long result = run::RawCall(SYS_io_submit, context, n, requests);
  return static_cast<int>(result < 0 ? -errno : result);
}

int GetEvents(aio_context_t context, long least, long most, io_event* events,
              timespec* timeout) {
  if (auto* const real = NEXT(io_getevents)) {
    return real(context, least, most, events, timeout);
  }
  const KeepErrno keep;
  const long result =
      run::RawCall(SYS_io_getevents, context, least, most, events, timeout);
  return static_cast<int>(result < 0 ? -errno : result);
}

}  // namespace
}  // namespace dmdax::preload

using namespace dmdax::preload;  // for what is in front of libaio's names

// Their results are the kernel's: a negative errno.
EXPORT int io_submit(aio_context_t context, long n, iocb** requests) {
  for (long i = 0; i < n; ++i) {
    iocb* const r = requests[i];
    const File file = FileOf(static_cast<int>(r->aio_fildes));
    if (!file) {
      const int submitted = Submit(context, 1, &requests[i]);
      if (submitted != 1) return i > 0 ? static_cast<int>(i) : submitted;
      continue;
    }
    io_event event = {};
    event.data = r->aio_data;
    event.obj = reinterpret_cast<uintptr_t>(r);
    event.res = Carry(file, *r);
    if (!Keep(context, event)) return i > 0 ? static_cast<int>(i) : -EAGAIN;
  }
  return static_cast<int>(n);
}

EXPORT int io_getevents(aio_context_t context, long least, long most,
                        io_event* events, timespec* timeout) {
  const long n = TakeKept(context, most, events);
  if (n >= least && n > 0) return static_cast<int>(n);
  const int more = GetEvents(context, least - n, most - n, events + n, timeout);
  if (more < 0) return n > 0 ? static_cast<int>(n) : more;
  return static_cast<int>(n) + more;
}
