// SPDX-License-Identifier: Apache-2.0
#include "base/srcu.h"

#include <linux/membarrier.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

// Only a program that runs under ThreadSanitizer has it.
extern "C" void __tsan_init() __attribute__((weak));

namespace dmdax {
namespace {

long Membarrier(int command) { return syscall(__NR_membarrier, command, 0, 0); }

// Whether the writer can run the readers' barriers for them.
bool PlainCountingWorks() {
  static const bool works =
      &__tsan_init == nullptr &&
      Membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) == 0;
  return works;
}

// Every thread of the process has passed a full barrier when this returns.
void BarrierInAllThreads() {
  std::atomic_thread_fence(std::memory_order_seq_cst);
  if (PlainCountingWorks()) Membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED);
}

constexpr uint32_t kAllSlots = (1u << 15) - 1;
std::atomic<uint32_t> free_slots{kAllSlots};

}  // namespace

thread_local constinit size_t Srcu::thread_slot_ = Srcu::kNoSlot;

// Gives the slot back when the thread ends.  Its counts stay: they are sums.
class Srcu::SlotOwner {
 public:
  ~SlotOwner() {
    const size_t slot = thread_slot_;
    // What still runs in this thread counts in the shared slot.
    thread_slot_ = kSlots;
    if (slot < kSlots) free_slots.fetch_or(1u << slot);
  }
};

size_t Srcu::TakeSlot() {
  static_assert(kAllSlots == (1u << kSlots) - 1);
  thread_local SlotOwner owner;
  (void)owner;
  thread_slot_ = kSlots;
  if (!PlainCountingWorks()) return thread_slot_;
  uint32_t free = free_slots.load();
  while (free != 0 &&
         !free_slots.compare_exchange_weak(free, free & (free - 1))) {
  }
  if (free != 0) thread_slot_ = static_cast<size_t>(__builtin_ctz(free));
  return thread_slot_;
}

// Whether as many readers of `index` have left as have come.
bool Srcu::CountsAgree(int index) const {
  // Unlocks first, locks second: a reader that is seen to have left was also
  // seen to have come, so the sums agree only when nobody is inside.
  uint64_t unlocked = 0;
  for (const Slot& slot : slots_) unlocked += slot.unlocked[index].load();
  BarrierInAllThreads();
  uint64_t locked = 0;
  for (const Slot& slot : slots_) locked += slot.locked[index].load();
  return locked == unlocked;
}

void Srcu::WaitForReaders(int index) const {
  while (!CountsAgree(index)) sched_yield();
}

void Srcu::Synchronize() {
  absl::MutexLock lock(&writers_);
  // Who took an index before the last flip and counted itself only after it
  // is still on the other one.  A reader that is counted after a barrier
  // above sees what was published before, and need not be waited for: one
  // flip is enough, and keeps us from waiting for ever newer readers.
  const int old_index = index_.load();
  WaitForReaders(old_index ^ 1);
  index_.store(old_index ^ 1);
  WaitForReaders(old_index);
}

}  // namespace dmdax
