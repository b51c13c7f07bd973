// SPDX-License-Identifier: Apache-2.0
#include "tests/hostile/tracer.h"

#include <elf.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <iterator>
#include <system_error>

#include "absl/strings/str_cat.h"

namespace dmdax::hostile {
namespace {

// The registers of a stopped process that say which call it makes, and what
// that returns.
#if defined(__x86_64__)
class Registers {
 public:
  explicit Registers(pid_t pid) : pid_(pid) {
    ptrace(PTRACE_GETREGS, pid_, nullptr, &all_);
  }
  long call() const { return static_cast<long>(all_.orig_rax); }
  int descriptor() const { return static_cast<int>(all_.rdi); }
  void SkipCall() {
    all_.orig_rax = ~uint64_t{0};
    ptrace(PTRACE_SETREGS, pid_, nullptr, &all_);
  }
  void Return(long value) {
    all_.rax = static_cast<uint64_t>(value);
    ptrace(PTRACE_SETREGS, pid_, nullptr, &all_);
  }

 private:
  const pid_t pid_;
  user_regs_struct all_ = {};
};
#elif defined(__aarch64__)
class Registers {
 public:
  explicit Registers(pid_t pid) : pid_(pid) {
    iovec io = {&all_, sizeof(all_)};
    ptrace(PTRACE_GETREGSET, pid_, NT_PRSTATUS, &io);
  }
  long call() const { return static_cast<long>(all_.regs[8]); }
  int descriptor() const { return static_cast<int>(all_.regs[0]); }
  void SkipCall() {
    int none = -1;
    iovec io = {&none, sizeof(none)};
    ptrace(PTRACE_SETREGSET, pid_, NT_ARM_SYSTEM_CALL, &io);
  }
  void Return(long value) {
    all_.regs[0] = static_cast<uint64_t>(value);
    iovec io = {&all_, sizeof(all_)};
    ptrace(PTRACE_SETREGSET, pid_, NT_PRSTATUS, &io);
  }

 private:
  const pid_t pid_;
  user_regs_struct all_ = {};
};
#else
#error "Which register holds the number of a system call?"
#endif

Call CallOf(pid_t pid, const Registers& registers) {
  std::error_code none;
  return {registers.call(),
          std::filesystem::read_symlink(
              absl::StrCat("/proc/", pid, "/fd/", registers.descriptor()), none)
              .string()};
}

constexpr int kSystemCall = SIGTRAP | 0x80;

// Lets it run to the next stop, which is not a signal of its own.
int NextStop(pid_t pid, int signal) {
  int status = 0;
  ptrace(PTRACE_SYSCALL, pid, nullptr, signal);
  waitpid(pid, &status, 0);
  return status;
}

}  // namespace

bool IsSync(const Call& call) {
  return call.nr == SYS_fsync || call.nr == SYS_fdatasync;
}

bool IsWriting(const Call& call) {
  static constexpr long kCalls[] = {
      SYS_openat,   SYS_write,     SYS_pwrite64,  SYS_writev,    SYS_pwritev,
      SYS_fsync,    SYS_fdatasync, SYS_ftruncate, SYS_fallocate, SYS_renameat,
      SYS_unlinkat, SYS_mkdirat,   SYS_fchmod,    SYS_fchmodat,  SYS_mmap,
#ifdef SYS_open
      SYS_open,     SYS_rename,    SYS_unlink,    SYS_mkdir,
#endif
  };
  return std::find(std::begin(kCalls), std::end(kCalls), call.nr) !=
         std::end(kCalls);
}

Traced Trace(pid_t pid, const Harm& harm) {
  Traced result;
  int status = 0;
  waitpid(pid, &status, 0);  // the program is loaded
  ptrace(PTRACE_SETOPTIONS, pid, nullptr,
         PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL);
  bool inside = false;
  int signal = 0, count = 0;
  while (true) {
    status = NextStop(pid, signal);
    signal = 0;
    if (!WIFSTOPPED(status)) break;
    if (WSTOPSIG(status) != kSystemCall) {
      signal = WSTOPSIG(status);
      continue;
    }
    inside = !inside;
    if (!inside) continue;
    Registers registers(pid);
    const Call call = CallOf(pid, registers);
    if (harm.which != nullptr && !harm.which(call)) continue;
    const int number = count++;
    if (number < harm.at || (number > harm.at && !harm.and_later)) continue;
    if (!result.harmed) result.call = call;
    result.harmed = true;
    if (harm.error == 0) {
      kill(pid, SIGKILL);
      continue;
    }
    registers.SkipCall();
    status = NextStop(pid, 0);
    if (!WIFSTOPPED(status)) break;
    Registers(pid).Return(-harm.error);
    inside = false;
  }
  if (WIFEXITED(status)) result.rc = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) result.signal = WTERMSIG(status);
  return result;
}

}  // namespace dmdax::hostile
