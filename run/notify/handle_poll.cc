// SPDX-License-Identifier: Apache-2.0
//
// poll(2), select(2) and epoll_ctl(2) of a device that has no ->poll
// (run/poll_answer.h).  It is ready, so that nobody waits: how the others are
// is looked at once, by copies of their descriptors.
#include <errno.h>
#include <limits.h>
#include <poll.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "run/notify/handlers.h"
#include "run/poll_answer.h"

namespace dmdax::run {
namespace {

// Of more than that a kernel has the word (EINVAL above RLIMIT_NOFILE).
constexpr uint64_t kMostFds = 1 << 16;

bool IsReady(const Call& call, int fd) {
  const std::optional<OpenFile> file = call.FileAt(fd);
  return file && !file->is_path && HasNoPoll(file->kind, file->dev);
}

// What the file of another entry has now, of what it is asked for; nothing
// where it may not be looked at, which is as if it had come a little later.
short EventsOf(const Call& call, int fd, short asked) {
  if (fd < 0) return 0;
  if (!call.target.HasFd(fd)) return POLLNVAL;
  const Fd copy = call.target.Share(fd);
  if (!copy.ok()) return 0;
  pollfd entry{copy.get(), asked, 0};
  return ::poll(&entry, 1, 0) > 0 ? entry.revents : short{0};
}

// Looks at all, if one of them is a device that is ready: how many are.
std::optional<int64_t> AnswerAll(const Call& call, absl::Span<pollfd> entries) {
  std::vector<bool> ready(entries.size());
  for (size_t i = 0; i < entries.size(); ++i) {
    ready[i] = ReadyEvents(entries[i].events) != 0 && entries[i].fd >= 0 &&
               IsReady(call, entries[i].fd);
  }
  if (std::find(ready.begin(), ready.end(), true) == ready.end()) {
    return std::nullopt;
  }
  int64_t n = 0;
  for (size_t i = 0; i < entries.size(); ++i) {
    pollfd& entry = entries[i];
    entry.revents = ready[i] ? ReadyEvents(entry.events)
                             : EventsOf(call, entry.fd, entry.events);
    if (entry.revents != 0) ++n;
  }
  return n;
}

// A set of select(2), as the kernel has it: 64 numbers a word.
using Set = std::vector<uint64_t>;
constexpr int kBits = 64;

bool Has(const Set& set, int fd) {
  const auto at = static_cast<size_t>(fd);
  return !set.empty() && (set[at / kBits] >> (at % kBits) & 1) != 0;
}

template <typename T>
absl::Span<char> BytesOf(std::vector<T>& all) {
  return absl::MakeSpan(reinterpret_cast<char*>(all.data()),
                        all.size() * sizeof(T));
}

// POLLIN_SET, POLLOUT_SET and POLLEX_SET of fs/select.c: what is asked for, and
// what counts as its answer.
constexpr short kAsk[3] = {POLLIN | POLLRDNORM, POLLOUT | POLLWRNORM, POLLPRI};
constexpr short kIs[3] = {POLLIN | POLLRDNORM | POLLHUP | POLLERR,
                          POLLOUT | POLLWRNORM | POLLERR, POLLPRI};

}  // namespace

Reply Poll(Call& call) {
  const uint64_t count = call.arg(1);
  if (count == 0 || count > kMostFds) return Reply::Continue();
  std::vector<pollfd> entries(count);
  const TargetMemory& memory = call.target.memory();
  if (!memory.Read(call.arg(0), BytesOf(entries)).ok()) {
    return Reply::Continue();
  }
  const std::optional<int64_t> n = AnswerAll(call, absl::MakeSpan(entries));
  if (!n) return Reply::Continue();
  return memory.Write(call.arg(0), BytesOf(entries)).ok()
             ? Reply::Value(*n)
             : Reply::Errno(EFAULT);
}

Reply Select(Call& call) {
  const auto count = static_cast<uint64_t>(std::max(call.number(0), 0));
  if (count == 0 || count > kMostFds) return Reply::Continue();
  const TargetMemory& memory = call.target.memory();
  Set sets[3];
  for (unsigned i = 0; i < 3; ++i) {
    if (call.arg(i + 1) == 0) continue;
    sets[i].resize((count + kBits - 1) / kBits);
    if (!memory.Read(call.arg(i + 1), BytesOf(sets[i])).ok()) {
      return Reply::Continue();
    }
  }
  std::vector<pollfd> entries;
  for (int fd = 0; fd < static_cast<int>(count); ++fd) {
    short asked = 0;
    for (unsigned i = 0; i < 3; ++i) {
      if (Has(sets[i], fd)) asked = static_cast<short>(asked | kAsk[i]);
    }
    if (asked != 0) entries.push_back({fd, asked, 0});
  }
  if (!AnswerAll(call, absl::MakeSpan(entries))) return Reply::Continue();
  int64_t n = 0;
  Set are[3];
  for (unsigned i = 0; i < 3; ++i) are[i].resize(sets[i].size());
  for (const pollfd& entry : entries) {
    if ((entry.revents & POLLNVAL) != 0) return Reply::Errno(EBADF);
    for (unsigned i = 0; i < 3; ++i) {
      if (!Has(sets[i], entry.fd) || (entry.revents & kIs[i]) == 0) continue;
      const auto at = static_cast<size_t>(entry.fd);
      are[i][at / kBits] |= uint64_t{1} << (at % kBits);
      ++n;
    }
  }
  for (unsigned i = 0; i < 3; ++i) {
    if (are[i].empty()) continue;
    if (!memory.Write(call.arg(i + 1), BytesOf(are[i])).ok()) {
      return Reply::Errno(EFAULT);
    }
  }
  return Reply::Value(n);
}

Reply EpollControl(Call& call) {
  return IsReady(call, call.number(2)) ? Reply::Errno(EPERM)
                                       : Reply::Continue();
}

}  // namespace dmdax::run
