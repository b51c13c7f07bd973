// SPDX-License-Identifier: Apache-2.0
#include "base/srcu.h"

#include <sched.h>

namespace dmdax {

Srcu::Slot& Srcu::MySlot() {
  static std::atomic<unsigned> next{0};
  thread_local const unsigned slot = next.fetch_add(1) % kSlots;
  return slots_[slot];
}

int Srcu::ReadLock() {
  const int index = index_.load(std::memory_order_relaxed);
  // Sequentially consistent: the count must be visible before anything read
  // inside the section, the kernel's smp_mb() B.
  MySlot().locked[index].fetch_add(1, std::memory_order_seq_cst);
  return index;
}

void Srcu::ReadUnlock(int index) {
  MySlot().unlocked[index].fetch_add(1, std::memory_order_seq_cst);
}

bool Srcu::ReadersGone(int index) const {
  // Unlocks first, locks second: a reader that is seen to have left was also
  // seen to have come, so the sums agree only when nobody is inside.
  uint64_t unlocked = 0;
  for (const Slot& slot : slots_) unlocked += slot.unlocked[index].load();
  uint64_t locked = 0;
  for (const Slot& slot : slots_) locked += slot.locked[index].load();
  return locked == unlocked;
}

void Srcu::Synchronize() {
  absl::MutexLock lock(&writers_);
  // Two flips: a reader may have fetched the index before the first flip and
  // counted itself only after it.
  for (int flip = 0; flip < 2; ++flip) {
    const int old_index = index_.load();
    while (!ReadersGone(old_index ^ 1)) sched_yield();
    index_.store(old_index ^ 1);
    while (!ReadersGone(old_index)) sched_yield();
  }
}

}  // namespace dmdax
