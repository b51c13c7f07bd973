// SPDX-License-Identifier: Apache-2.0
#include "tools/own_stack.h"

#include <pthread.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include <cstdint>
#include <utility>

namespace dmdax {
namespace {

// Bytes of this thread's stack that are left; 0 if nobody knows.
size_t StackLeft() {
  const auto here = reinterpret_cast<uintptr_t>(__builtin_frame_address(0));
  pthread_attr_t attr;
  if (pthread_getattr_np(pthread_self(), &attr) != 0) return 0;
  void* low = nullptr;
  size_t size = 0;
  const bool known = pthread_attr_getstack(&attr, &low, &size) == 0;
  pthread_attr_destroy(&attr);
  const auto begin = reinterpret_cast<uintptr_t>(low);
  return known && begin <= here && here - begin <= size ? here - begin : 0;
}

// What makecontext() calls takes ints alone.
thread_local constinit const absl::FunctionRef<void()>* to_call = nullptr;

void CallIt() { (*to_call)(); }

// Memory with a page below it that nobody may touch.
class OwnStack {
 public:
  explicit OwnStack(size_t bytes)
      : guard_(static_cast<size_t>(sysconf(_SC_PAGESIZE))),
        size_(bytes + guard_),
        memory_(mmap(nullptr, size_, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK,
                     -1, 0)) {
    if (ok()) mprotect(memory_, guard_, PROT_NONE);
  }
  ~OwnStack() {
    if (ok()) munmap(memory_, size_);
  }
  OwnStack(const OwnStack&) = delete;
  OwnStack& operator=(const OwnStack&) = delete;

  bool ok() const { return memory_ != MAP_FAILED; }
  char* low() const { return static_cast<char*>(memory_) + guard_; }
  size_t size() const { return size_ - guard_; }

 private:
  const size_t guard_, size_;
  void* const memory_;
};

}  // namespace

void WithStackOf(size_t bytes, absl::FunctionRef<void()> fn) {
  if (StackLeft() >= bytes) return fn();
  const OwnStack stack(bytes);
  ucontext_t before, own;
  if (!stack.ok() || getcontext(&own) != 0) return fn();
  own.uc_stack.ss_sp = stack.low();
  own.uc_stack.ss_size = stack.size();
  own.uc_link = &before;
  makecontext(&own, CallIt, 0);
  const auto* const called_before = std::exchange(to_call, &fn);
  swapcontext(&before, &own);
  to_call = called_before;
}

void MakeThreadsWithStackOf(size_t bytes) {
  pthread_attr_t attr;
  if (pthread_getattr_default_np(&attr) != 0) return;
  size_t has = 0;
  if (pthread_attr_getstacksize(&attr, &has) == 0 && has < bytes &&
      pthread_attr_setstacksize(&attr, bytes) == 0) {
    pthread_setattr_default_np(&attr);
  }
  pthread_attr_destroy(&attr);
}

}  // namespace dmdax
