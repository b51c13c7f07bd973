// SPDX-License-Identifier: Apache-2.0
#include "run/preload/lease.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>

#include "run/lease_page.h"
#include "run/preload/client.h"
#include "run/preload/libc.h"

namespace dmdax::preload {
namespace {

// Out of the way of programs that expect low numbers.
constexpr int kHighFd = 700, kLessHighFd = 200;

std::atomic<dmdax_lease_page*> page = nullptr;
std::atomic<bool> no_page = false;
std::atomic<int> page_fd = -1;

// A run of a device that is a run of a file; or, with no length, that there is
// none in this generation.
struct Lease {
  uint64_t handle = 0, offset = 0, length = 0, file_offset = 0;
  uint64_t generation = 0;
  Direction direction = Direction::kRead;
  int fd = -1;
  // To know it again: a program may have closed all descriptors.
  dev_t dev = 0;
  ino_t inode = 0;
};
constexpr int kLeases = 8;
Lease leases[kLeases];
int next_lease = 0;
// Whoever finds it taken does without: a handler may have interrupted us.
std::atomic_flag taken = ATOMIC_FLAG_INIT;

// A child that another thread has made must not find it taken for ever.
__attribute__((constructor)) void WatchForks() {
  InChildOfFork([] { taken.clear(); });
}

bool IsStill(const Lease& lease) {
  struct stat st;
  return lease.fd >= 0 && NEXT(fstat)(lease.fd, &st) == 0 &&
         st.st_dev == lease.dev && st.st_ino == lease.inode;
}

// The descriptor, at a number that is in nobody's way; -1: there is none.
int MoveHigh(int fd) {
  if (fd < 0) return -1;
  int high = NEXT(fcntl)(fd, F_DUPFD_CLOEXEC, kHighFd);
  if (high < 0) high = NEXT(fcntl)(fd, F_DUPFD_CLOEXEC, kLessHighFd);
  NEXT(close)(fd);
  return high;
}

dmdax_lease_page* PageOfServer() {
  if (dmdax_lease_page* const mapped = page.load()) return mapped;
  if (no_page.load()) return nullptr;
  Message m(DMDAX_OP_LEASE);
  const int fd = Call(m) == 0 ? MoveHigh(m.out_fd) : -1;
  void* const mapped =
      fd < 0 ? MAP_FAILED
             : NEXT(mmap)(nullptr, sizeof(dmdax_lease_page),
                          PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  dmdax_lease_page* none = nullptr;
  auto* const ours = static_cast<dmdax_lease_page*>(mapped);
  if (mapped != MAP_FAILED && page.compare_exchange_strong(none, ours)) {
    page_fd = fd;
    return ours;
  }
  if (mapped == MAP_FAILED) no_page = true;
  // Another thread was quicker.
  if (mapped != MAP_FAILED) munmap(mapped, sizeof(dmdax_lease_page));
  if (fd >= 0) NEXT(close)(fd);
  return none;
}

// That there is no lease is remembered too, but not that there is none yet.
Lease Ask(const File& file, Direction direction, uint64_t offset, size_t size,
          uint64_t generation) {
  Lease lease = {.handle = file.handle,
                 .offset = offset,
                 .generation = generation,
                 .direction = direction};
  Message m(DMDAX_OP_LEASE, file.handle);
  m.head.flags = direction == Direction::kWrite ? DMDAX_LEASE_WRITE : 0;
  m.head.arg[0] = offset;
  m.head.arg[1] = size;
  m.out = &generation;
  m.out_size = sizeof(generation);
  if (const int error = Call(m); error != 0) {
    return error == EAGAIN ? Lease() : lease;
  }
  const int fd = MoveHigh(m.out_fd);
  if (fd < 0) return lease;
  struct stat st;
  if (m.out_size != sizeof(generation) || NEXT(fstat)(fd, &st) != 0) {
    NEXT(close)(fd);
    return lease;
  }
  lease.generation = generation;
  lease.file_offset = m.head.arg[0];
  lease.length = m.head.arg[1];
  lease.fd = fd;
  lease.dev = st.st_dev;
  lease.inode = st.st_ino;
  return lease;
}

// A little is as soon sent, and needs no file, unless it comes again and again.
constexpr size_t kWorthAsking = 16 << 10;
constexpr unsigned kOften = 32;
unsigned little = 0;

// With `taken`: the lease that has the first of the bytes, or null.
const Lease* Find(const File& file, Direction direction, uint64_t offset,
                  size_t size, const dmdax_lease_page& shared) {
  const uint64_t generation = run::LeaseGeneration(shared);
  for (const Lease& lease : leases) {
    if (lease.handle != file.handle || lease.direction != direction ||
        lease.generation != generation) {
      continue;
    }
    if (lease.length == 0) return nullptr;
    if (offset >= lease.offset && offset - lease.offset < lease.length) {
      return IsStill(lease) ? &lease : nullptr;
    }
  }
  if (size < kWorthAsking && ++little % kOften != 0) return nullptr;
  Lease& lease = leases[next_lease];
  next_lease = (next_lease + 1) % kLeases;
  if (IsStill(lease)) NEXT(close)(lease.fd);
  lease = Ask(file, direction, offset, size, generation);
  return lease.length > 0 ? &lease : nullptr;
}

// A device may be written whatever `ulimit -f` says; a file may not.
bool IsLimited(Direction direction) {
  rlimit limit;
  return direction == Direction::kWrite &&
         (getrlimit(RLIMIT_FSIZE, &limit) != 0 ||
          limit.rlim_cur != RLIM_INFINITY);
}

size_t Move(const Lease& lease, Direction direction, char* buffer, size_t size,
            uint64_t offset) {
  const uint64_t at = offset - lease.offset;
  const uint64_t left = lease.length - at;
  if (size > left) size = static_cast<size_t>(left);
  const auto file_at = static_cast<off_t>(lease.file_offset + at);
  const ssize_t n = direction == Direction::kRead
                        ? NEXT(pread)(lease.fd, buffer, size, file_at)
                        : NEXT(pwrite)(lease.fd, buffer, size, file_at);
  return n > 0 ? static_cast<size_t>(n) : 0;
}

}  // namespace

bool MayTransferDirect(const File& file, Direction direction) {
  if (file.kind != DMDAX_KIND_BLOCK || IsLimited(direction)) return false;
  const KeepErrno keep;
  dmdax_lease_page* const shared = PageOfServer();
  if (shared == nullptr || taken.test_and_set()) return false;
  bool may = true;
  const uint64_t generation = run::LeaseGeneration(*shared);
  for (const Lease& lease : leases) {
    if (lease.handle == file.handle && lease.direction == direction &&
        lease.generation == generation) {
      may = lease.length > 0;
      if (!may) break;
    }
  }
  taken.clear();
  return may;
}

size_t TransferDirect(const File& file, Direction direction, char* buffer,
                      size_t size, uint64_t offset) {
  if (file.kind != DMDAX_KIND_BLOCK || size == 0 || IsLimited(direction)) {
    return 0;
  }
  const KeepErrno keep;
  dmdax_lease_page* const shared = PageOfServer();
  if (shared == nullptr || taken.test_and_set()) return 0;
  size_t done = 0;
  while (done < size) {
    const size_t left = size - done;
    const Lease* const lease =
        Find(file, direction, offset + done, left, *shared);
    if (lease == nullptr) break;
    const run::BusyWithLease busy(*shared);
    if (!busy) break;
    // What was revoked before we were seen to be busy is not ours.
    if (run::LeaseGeneration(*shared) != lease->generation) continue;
    if (!run::LeaseServerIsThere(page_fd)) break;
    constexpr size_t kMost = DMDAX_MAX_IO;
    const size_t n = Move(*lease, direction, buffer + done,
                          left < kMost ? left : kMost, offset + done);
    if (n == 0) break;
    done += n;
  }
  taken.clear();
  return done;
}

}  // namespace dmdax::preload
