// SPDX-License-Identifier: Apache-2.0
#include "base/srcu.h"

#include <linux/membarrier.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

#include "absl/synchronization/mutex.h"

// Only a program that runs under ThreadSanitizer has it.
extern "C" void __tsan_init() __attribute__((weak));

namespace dmdax {
namespace {

long Membarrier(int command) { return syscall(__NR_membarrier, command, 0, 0); }

// Whether the writer can run the readers' barriers for them.
bool WriterRunsBarriers() {
  static const bool works =
      &__tsan_init == nullptr &&
      Membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) == 0;
  return works;
}

}  // namespace

[[gnu::tls_model("initial-exec")]] thread_local constinit std::atomic<uint64_t>
    SrcuReadLock::since_{kSlow};
constinit std::atomic<uint64_t> SrcuReadLock::epoch_{kFirstEpoch};

// The words of all threads that have ever read.
class SrcuReadLock::Readers {
 public:
  static Readers& All() {
    static Readers* readers = new Readers;
    return *readers;
  }

  void Add(const std::atomic<uint64_t>* since) {
    absl::MutexLock lock(&mutex_);
    words_.push_back(since);
  }
  void Remove(const std::atomic<uint64_t>* since) {
    absl::MutexLock lock(&mutex_);
    words_.erase(std::find(words_.begin(), words_.end(), since));
  }
  // Whether a section is under way that began before `epoch`.
  bool AnyBefore(uint64_t epoch) {
    if (late.load() != 0) return true;
    absl::MutexLock lock(&mutex_);
    return std::any_of(words_.begin(), words_.end(), [&](const auto* since) {
      const uint64_t e = since->load(std::memory_order_seq_cst);
      return e >= kFirstEpoch && e < epoch;
    });
  }

  // Sections in threads that have ended but for the destructors of their
  // variables.  All of them are waited for, whenever they began.
  static constinit std::atomic<uint64_t> late;

  // Registers this thread for as long as it lives.  False: it is ending
  // already.
  static bool AddThisThread() {
    thread_local constinit bool ended = false;
    struct Owner {
      Owner() { All().Add(&since_); }
      ~Owner() {
        ended = true;
        All().Remove(&since_);
        since_.store(kSlow);
      }
    };
    if (ended) return false;
    thread_local Owner owner;
    (void)owner;
    return true;
  }

 private:
  absl::Mutex mutex_;
  std::vector<const std::atomic<uint64_t>*> words_;
};

constinit std::atomic<uint64_t> SrcuReadLock::Readers::late{0};

uint64_t SrcuReadLock::BeginSlowly() {
  if (!Readers::AddThisThread()) {
    Readers::late.fetch_add(1);
    return kSlow;
  }
  since_.store(epoch_.load(), std::memory_order_seq_cst);
  std::atomic_thread_fence(std::memory_order_seq_cst);
  return WriterRunsBarriers() ? kIdle : kSlow;
}

void SrcuReadLock::EndSlowly() {
  if (since_.load(std::memory_order_relaxed) == kSlow) {
    Readers::late.fetch_sub(1);
  } else {
    since_.store(kSlow, std::memory_order_release);
  }
}

void Srcu::Synchronize() {
  // Readers that come from here on are not waited for: they see what was
  // published before.
  const uint64_t epoch = SrcuReadLock::epoch_.fetch_add(1) + 1;
  // Every thread passes a full barrier.  If the word of a reader was still on
  // its way to memory, either we see it now, or the reader loads its pointer
  // only after this.
  std::atomic_thread_fence(std::memory_order_seq_cst);
  if (WriterRunsBarriers()) Membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED);
  while (SrcuReadLock::Readers::All().AnyBefore(epoch)) sched_yield();
}

}  // namespace dmdax
