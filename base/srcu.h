// SPDX-License-Identifier: Apache-2.0
//
// Srcu: sleepable read-copy-update, the way dm and dax read without locks.
//
// A reader brackets its use of a published pointer; a writer publishes a new
// one and calls Synchronize() before it frees the old:
//
//   Srcu srcu;
//   { SrcuReadLock lock(srcu); Use(ptr.load()); }        // any thread
//   T* old = ptr.exchange(fresh); srcu.Synchronize(); delete old;
//
// Promise: after Synchronize() returns, every read section that began before
// the call has ended.  Readers never wait for a writer.  A thread may nest
// read sections; it must not call Synchronize() inside one (deadlock).
//
// Mirrors: kernel/rcu/srcutree.c in spirit (two counter pairs, an index that
// flips): __srcu_read_lock, synchronize_srcu (6.1).
#ifndef DMDAX_BASE_SRCU_H_
#define DMDAX_BASE_SRCU_H_

#include <array>
#include <atomic>
#include <cstdint>

#include "absl/synchronization/mutex.h"

namespace dmdax {

class Srcu {
 public:
  Srcu() = default;
  Srcu(const Srcu&) = delete;
  Srcu& operator=(const Srcu&) = delete;

  // Begins a read section; the result goes to ReadUnlock().
  int ReadLock();
  void ReadUnlock(int index);

  // Waits until all read sections that have begun have ended.
  void Synchronize();

 private:
  // Counters are spread over cache lines so that readers on different CPUs
  // do not share one; a reader may end on another slot than it began on.
  static constexpr int kSlots = 16;
  struct alignas(64) Slot {
    std::array<std::atomic<uint64_t>, 2> locked{};
    std::array<std::atomic<uint64_t>, 2> unlocked{};
  };

  Slot& MySlot();
  bool ReadersGone(int index) const;

  std::atomic<int> index_{0};
  std::array<Slot, kSlots> slots_;
  absl::Mutex writers_;
};

// A read section as a scope.
class SrcuReadLock {
 public:
  explicit SrcuReadLock(Srcu& srcu) : srcu_(srcu), index_(srcu.ReadLock()) {}
  ~SrcuReadLock() { srcu_.ReadUnlock(index_); }
  SrcuReadLock(const SrcuReadLock&) = delete;
  SrcuReadLock& operator=(const SrcuReadLock&) = delete;

 private:
  Srcu& srcu_;
  const int index_;
};

}  // namespace dmdax

#endif  // DMDAX_BASE_SRCU_H_
