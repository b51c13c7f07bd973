// SPDX-License-Identifier: Apache-2.0
#include "run/notify/syscall_filter.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>

#include <vector>

#include "absl/types/span.h"
#include "run/notify/call_table.h"

namespace dmdax::run {
namespace {

#if defined(__x86_64__)
constexpr uint32_t kArch = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr uint32_t kArch = AUDIT_ARCH_AARCH64;
#else
#error "which AUDIT_ARCH_ has this processor?"
#endif

// The low half of an argument.  Both architectures are little-endian, and a
// descriptor is an int.
uint32_t ArgumentOffset(unsigned i) {
  return static_cast<uint32_t>(offsetof(seccomp_data, args) +
                               i * sizeof(uint64_t));
}

class Program {
 public:
  Program(DescriptorNumbers numbers, UserIds ids)
      : first_(static_cast<uint32_t>(numbers.first)),
        end_(static_cast<uint32_t>(numbers.end)),
        ids_(ids) {}

  std::vector<sock_filter> Make() {
    // A program of another architecture is not ours to answer.
    Load(offsetof(seccomp_data, arch));
    Add(BPF_JMP | BPF_JEQ | BPF_K, kArch, 1, 0);
    Return(SECCOMP_RET_ALLOW);
    Load(offsetof(seccomp_data, nr));
    Choose(CallTable());
    return std::move(code_);
  }

 private:
  void Add(uint16_t code, uint32_t k, uint8_t jt = 0, uint8_t jf = 0) {
    code_.push_back(sock_filter{code, jt, jf, k});
  }
  void Load(uint32_t offset) { Add(BPF_LD | BPF_W | BPF_ABS, offset); }
  void Return(uint32_t action) { Add(BPF_RET | BPF_K, action); }

  // A binary search for the call's number.
  void Choose(absl::Span<const CallRule> rules) {
    if (rules.size() == 1) {
      Add(BPF_JMP | BPF_JEQ | BPF_K, rules[0].nr, 1, 0);
      Return(SECCOMP_RET_ALLOW);
      Decide(rules[0]);
      return;
    }
    const size_t half = rules.size() / 2;
    Add(BPF_JMP | BPF_JGE | BPF_K, rules[half].nr, 0, 1);
    const size_t jump = code_.size();
    Add(BPF_JMP | BPF_JA, 0);
    Choose(rules.subspan(0, half));
    code_[jump].k = static_cast<uint32_t>(code_.size() - jump - 1);
    Choose(rules.subspan(half));
  }

  void Decide(const CallRule& rule) {
    const bool is_root = ids_ == UserIds::kRoot;
    switch (rule.asked) {
      case Asked::kAlways:
        return Return(SECCOMP_RET_USER_NOTIF);
      case Asked::kNever:
        return Return(SECCOMP_RET_ERRNO | ENOSYS);
      case Asked::kIfRoot:
        return Return(is_root ? SECCOMP_RET_USER_NOTIF : SECCOMP_RET_ALLOW);
      case Asked::kZeroIfRoot:
        return Return(is_root ? SECCOMP_RET_ERRNO | 0 : SECCOMP_RET_ALLOW);
      case Asked::kUnlessEmpty:
        Load(ArgumentOffset(rule.second));
        Add(BPF_JMP | BPF_JSET | BPF_K, AT_EMPTY_PATH, 1, 0);
        Return(SECCOMP_RET_USER_NOTIF);
        // Relative to the working directory it is a path after all.
        Load(ArgumentOffset(rule.first));
        Add(BPF_JMP | BPF_JEQ | BPF_K, static_cast<uint32_t>(AT_FDCWD), 0, 1);
        Return(SECCOMP_RET_USER_NOTIF);
        NotifyDescriptor();
        return Return(SECCOMP_RET_ALLOW);
      case Asked::kDescriptor:
        Load(ArgumentOffset(rule.first));
        NotifyDescriptor();
        if (rule.second != rule.first) {
          Load(ArgumentOffset(rule.second));
          NotifyDescriptor();
        }
        return Return(SECCOMP_RET_ALLOW);
    }
  }

  // Goes on if there can be no device behind the number.
  void NotifyDescriptor() {
    Add(BPF_JMP | BPF_JGE | BPF_K, end_, 3, 0);
    Add(BPF_JMP | BPF_JGE | BPF_K, first_, 1, 0);
    Add(BPF_JMP | BPF_JGE | BPF_K, 3, 1, 0);
    Return(SECCOMP_RET_USER_NOTIF);
  }

  const uint32_t first_, end_;
  const UserIds ids_;
  std::vector<sock_filter> code_;
};

}  // namespace

std::vector<sock_filter> SyscallFilter(DescriptorNumbers numbers, UserIds ids) {
  return Program(numbers, ids).Make();
}

}  // namespace dmdax::run
