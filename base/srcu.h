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
// read sections; it must not call Synchronize() inside one, of this or any
// other Srcu: that would wait for ever.
//
// The kernel counts readers and pays two full barriers a section.  Here a
// thread writes in a word of its own since which epoch it has been reading.
// The writer pays for the barrier: membarrier(2) makes every running thread
// pass one.  A section is two plain stores on which nothing waits.  It costs
// little more than a plain load; the kernel's way costs ten times as much (the
// benchmark family `read:T`).  The price: all Srcu share the word, so
// Synchronize() waits for the readers of every one.  Where membarrier is
// missing, and under ThreadSanitizer (which does not know it), readers pass the
// barrier themselves.
//
// Mirrors: srcu_read_lock, srcu_read_unlock, synchronize_srcu of
// kernel/rcu/srcutree.c (6.1) in what they promise, not in how.
// Threading: thread-safe.
#ifndef DMDAX_BASE_SRCU_H_
#define DMDAX_BASE_SRCU_H_

#include <atomic>
#include <cstdint>

namespace dmdax {

// A read-side domain, as in the kernel: dax has one, and each mapped device has
// one.  It holds nothing, because readers of all domains share one word per
// thread.
class Srcu {
 public:
  Srcu() = default;
  Srcu(const Srcu&) = delete;
  Srcu& operator=(const Srcu&) = delete;

  // Waits until all read sections that have begun have ended.
  void Synchronize();
};

// A read section as a scope, of the thread that made it.
class SrcuReadLock {
 public:
  explicit SrcuReadLock(const Srcu& /*srcu*/) {
    const uint64_t before = since_.load(std::memory_order_relaxed);
    if (before == kIdle) [[likely]] {
      since_.store(epoch_.load(std::memory_order_acquire),
                   std::memory_order_relaxed);
      // Only the compiler must keep the order here; Synchronize() makes the
      // processor keep it.
      std::atomic_signal_fence(std::memory_order_seq_cst);
      return;
    }
    before_ = before;
    if (before < kIdle) before_ = BeginSlowly();
  }
  ~SrcuReadLock() {
    std::atomic_signal_fence(std::memory_order_seq_cst);
    if (before_ == kSlow) [[unlikely]] {
      EndSlowly();
    } else {
      since_.store(before_, std::memory_order_release);
    }
  }
  SrcuReadLock(const SrcuReadLock&) = delete;
  SrcuReadLock& operator=(const SrcuReadLock&) = delete;

 private:
  friend class Srcu;
  friend class SrcuFastReadLock;
  class Readers;

  // What a thread's word says when it is no epoch, the first being 2: this
  // thread is not known yet or must pass barriers itself; it is not reading.
  static constexpr uint64_t kSlow = 0, kIdle = 1, kFirstEpoch = 2;
  // The variable is read without a call, also in the preload library.  A call,
  // even one that the linker removes, makes the compiler save all registers
  // around it, which a translation can not afford (measured with `depth:D`).
  [[gnu::tls_model(
      "initial-exec")]] static thread_local constinit std::atomic<uint64_t>
      since_;
  static constinit std::atomic<uint64_t> epoch_;

  // Begins a section of a thread in kSlow; what its word shall say after it.
  static uint64_t BeginSlowly();
  static void EndSlowly();

  // In a nested section the word stays what it is.
  uint64_t before_ = kIdle;
};

// A read section for the hottest path: nothing in it is ever called, so that
// a function that uses it need not save registers.  The price: a thread that
// is not known yet, or must pass barriers itself, is refused.
//
//   SrcuFastReadLock lock(srcu);
//   if (lock.entered()) { Use(ptr.load()); } else { ... SrcuReadLock ... }
class SrcuFastReadLock {
 public:
  explicit SrcuFastReadLock(const Srcu& /*srcu*/)
      : before_(SrcuReadLock::since_.load(std::memory_order_relaxed)) {
    if (before_ == SrcuReadLock::kIdle) [[likely]] {
      SrcuReadLock::since_.store(
          SrcuReadLock::epoch_.load(std::memory_order_acquire),
          std::memory_order_relaxed);
    }
    std::atomic_signal_fence(std::memory_order_seq_cst);
  }
  // A nested section leaves the word alone.  The code jumps and does not store
  // before_ back: the load of the next section would have to wait for that
  // store.
  ~SrcuFastReadLock() {
    std::atomic_signal_fence(std::memory_order_seq_cst);
    if (before_ == SrcuReadLock::kIdle) [[likely]] {
      SrcuReadLock::since_.store(SrcuReadLock::kIdle,
                                 std::memory_order_release);
    }
  }
  SrcuFastReadLock(const SrcuFastReadLock&) = delete;
  SrcuFastReadLock& operator=(const SrcuFastReadLock&) = delete;

  bool entered() const { return before_ != SrcuReadLock::kSlow; }

 private:
  const uint64_t before_;
};

}  // namespace dmdax

#endif  // DMDAX_BASE_SRCU_H_
