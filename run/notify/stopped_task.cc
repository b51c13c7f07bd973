// SPDX-License-Identifier: Apache-2.0
#include "run/notify/stopped_task.h"

#include <elf.h>
#include <errno.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <time.h>

namespace dmdax::run {
namespace {

#if defined(__x86_64__)
using Registers = user_regs_struct;
int64_t ResultOf(const Registers& r) { return static_cast<int64_t>(r.rax); }
void PutResult(Registers& r, int64_t result) {
  r.rax = static_cast<uint64_t>(result);
}
// The instruction that has made the last call makes another.
void PutCall(Registers& r, int64_t number, uint64_t argument) {
  constexpr uint64_t kInstruction = 2;
  r.rip -= kInstruction;
  r.rax = static_cast<uint64_t>(number);
  r.rdi = argument;
}
#elif defined(__aarch64__)
using Registers = user_regs_struct;
int64_t ResultOf(const Registers& r) { return static_cast<int64_t>(r.regs[0]); }
void PutResult(Registers& r, int64_t result) {
  r.regs[0] = static_cast<uint64_t>(result);
}
void PutCall(Registers& r, int64_t number, uint64_t argument) {
  constexpr uint64_t kInstruction = 4;
  r.pc -= kInstruction;
  r.regs[8] = static_cast<uint64_t>(number);
  r.regs[0] = argument;
}
#else
#error "which registers has this processor?"
#endif

long Ptrace(__ptrace_request request, pid_t tid, uint64_t address, void* data) {
  return ptrace(request, tid, reinterpret_cast<void*>(address), data);
}

bool Get(pid_t tid, Registers* registers) {
  iovec part = {registers, sizeof(*registers)};
  return Ptrace(PTRACE_GETREGSET, tid, NT_PRSTATUS, &part) == 0;
}

bool Set(pid_t tid, const Registers& registers) {
  iovec part = {const_cast<Registers*>(&registers), sizeof(registers)};
  return Ptrace(PTRACE_SETREGSET, tid, NT_PRSTATUS, &part) == 0;
}

}  // namespace

StoppedTask::StoppedTask(pid_t tid) : tid_(tid) {
  attached_ = Ptrace(PTRACE_SEIZE, tid, 0, nullptr) == 0;
  // It waits killable only: the stop comes behind the call.
  if (attached_) Ptrace(PTRACE_INTERRUPT, tid, 0, nullptr);
}

StoppedTask::~StoppedTask() {
  if (!attached_) return;
  if (masked_) Ptrace(PTRACE_SETSIGMASK, tid_, sizeof(mask_), &mask_);
  Ptrace(PTRACE_DETACH, tid_, 0, nullptr);
}

// Whoever waits for children may have been told of the stop instead of us.
bool StoppedTask::WaitForStop() const {
  constexpr int kMost = 40'000;
  Registers registers;
  for (int i = 0; i < kMost; ++i) {
    if (Get(tid_, &registers)) return true;
    if (errno != ESRCH) return false;
    // Not stopped yet, or gone.
    const timespec moment = {.tv_sec = 0, .tv_nsec = 50'000};
    nanosleep(&moment, nullptr);
  }
  return false;
}

std::optional<int64_t> StoppedTask::Result() {
  Registers registers;
  if (!attached_ || !WaitForStop() || !Get(tid_, &registers)) {
    return std::nullopt;
  }
  uint64_t all = ~uint64_t{0};
  masked_ = Ptrace(PTRACE_GETSIGMASK, tid_, sizeof(mask_), &mask_) == 0 &&
            Ptrace(PTRACE_SETSIGMASK, tid_, sizeof(all), &all) == 0;
  return ResultOf(registers);
}

bool StoppedTask::Step() const {
  return Ptrace(PTRACE_SYSCALL, tid_, 0, nullptr) == 0 && WaitForStop();
}

std::optional<int64_t> StoppedTask::Call(int64_t number, uint64_t argument) {
  Registers before, registers;
  if (!attached_ || !Get(tid_, &before)) return std::nullopt;
  registers = before;
  PutCall(registers, number, argument);
  // To the call, and behind it.
  if (!Set(tid_, registers) || !Step() || !Step() || !Get(tid_, &registers) ||
      !Set(tid_, before)) {
    return std::nullopt;
  }
  return ResultOf(registers);
}

void StoppedTask::SetResult(int64_t result) {
  Registers registers;
  if (!attached_ || !Get(tid_, &registers)) return;
  PutResult(registers, result);
  Set(tid_, registers);
}

}  // namespace dmdax::run
