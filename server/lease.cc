// SPDX-License-Identifier: Apache-2.0
#include "server/lease.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace dmdax {
namespace {

// For the bytes that clients have begun to move.
constexpr absl::Duration kMostWait = absl::Seconds(1);

bool IsGone(uint64_t thread) {
  return kill(static_cast<pid_t>(thread), 0) != 0 && errno == ESRCH;
}

}  // namespace

Leases::~Leases() {
  if (page_ != nullptr) munmap(page_, sizeof(*page_));
}

bool Leases::Make() {
  if (page_ != nullptr) return true;
  Fd fd(memfd_create("dmdax-leases", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!fd.ok() || ftruncate(fd.get(), sizeof(*page_)) != 0 ||
      fcntl(fd.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) !=
          0) {
    return false;
  }
  void* const page = mmap(nullptr, sizeof(*page_), PROT_READ | PROT_WRITE,
                          MAP_SHARED, fd.get(), 0);
  if (page == MAP_FAILED) return false;
  // Goes with the process.
  struct flock lock = {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  if (fcntl(fd.get(), F_OFD_SETLK, &lock) != 0) {
    munmap(page, sizeof(*page_));
    return false;
  }
  page_ = static_cast<dmdax_lease_page*>(page);
  page_->generation = 1;
  fd_ = std::move(fd);
  return true;
}

// Opened anew: a copy of ours would keep the lock.
Fd Leases::Page() {
  if (!Make()) return Fd();
  const std::string path = absl::StrCat("/proc/self/fd/", fd_.get());
  return Fd(open(path.c_str(), O_RDWR | O_CLOEXEC));
}

uint64_t Leases::Give() {
  if (!Make()) return 0;
  given_ = true;
  return __atomic_load_n(&page_->generation, __ATOMIC_SEQ_CST);
}

void Leases::Revoke() {
  if (!given_) return;
  given_ = false;
  __atomic_add_fetch(&page_->generation, 1, __ATOMIC_SEQ_CST);
  const absl::Time until = absl::Now() + kMostWait;
  for (uint64_t& busy : page_->busy) {
    uint64_t thread;
    while ((thread = __atomic_load_n(&busy, __ATOMIC_SEQ_CST)) != 0) {
      if (IsGone(thread) || absl::Now() >= until) {
        // Whoever has it now need not be who had it a moment ago.
        __atomic_compare_exchange_n(&busy, &thread, 0, false, __ATOMIC_SEQ_CST,
                                    __ATOMIC_SEQ_CST);
        break;
      }
      absl::SleepFor(absl::Microseconds(50));
    }
  }
}

}  // namespace dmdax
