// SPDX-License-Identifier: Apache-2.0
//
// The page that a server shares with those who move bytes of devices by a lease
// (server/protocol.h, dmdax_lease_page): what both doors do with it, with libc
// alone.
//
//   const BusyWithLease busy(*page);
//   if (!busy) return 0;  // a message has to do
//   // What was revoked before we were seen to be busy is not ours.
//   if (LeaseGeneration(*page) != generation) return 0;
//   if (!LeaseServerIsThere(page_fd)) return 0;
//   // Until `busy` goes, the bytes stay where they are.
//
// Threading: thread-safe, async-signal-safe.
#ifndef DMDAX_RUN_LEASE_PAGE_H_
#define DMDAX_RUN_LEASE_PAGE_H_

#include <fcntl.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "run/raw_call.h"
#include "server/protocol.h"

namespace dmdax::run {

inline uint64_t LeaseGeneration(const dmdax_lease_page& page) {
  return __atomic_load_n(&page.generation, __ATOMIC_SEQ_CST);
}

// Nobody revokes what a server gave that was killed.
inline bool LeaseServerIsThere(int page_fd) {
  struct flock lock = {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  return RawCall(SYS_fcntl, page_fd, F_OFD_GETLK, &lock) == 0 &&
         lock.l_type != F_UNLCK;
}

// In the page, where the server sees that somebody is in the middle.
class BusyWithLease {
 public:
  explicit BusyWithLease(dmdax_lease_page& page) {
    const auto self = static_cast<uint64_t>(RawCall(SYS_gettid));
    for (uint64_t i = 0; i < DMDAX_LEASE_SLOTS; ++i) {
      uint64_t* const slot = &page.busy[(self + i) % DMDAX_LEASE_SLOTS];
      uint64_t nobody = 0;
      if (__atomic_compare_exchange_n(slot, &nobody, self, false,
                                      __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
        slot_ = slot;
        return;
      }
    }
  }
  ~BusyWithLease() {
    if (slot_ != nullptr) __atomic_store_n(slot_, 0, __ATOMIC_SEQ_CST);
  }
  BusyWithLease(const BusyWithLease&) = delete;
  BusyWithLease& operator=(const BusyWithLease&) = delete;
  // False: all slots are taken.
  explicit operator bool() const { return slot_ != nullptr; }

 private:
  uint64_t* slot_ = nullptr;
};

}  // namespace dmdax::run

#endif  // DMDAX_RUN_LEASE_PAGE_H_
