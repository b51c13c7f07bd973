// SPDX-License-Identifier: Apache-2.0
//
// AccessLog: the accesses that a log of a real machine has, a line at a time:
// the text of ftrace or `perf script` with fs_dax:* events, or an I/O log of
// fio, version 2 or 3.
//
//   AccessLog log;
//   while (std::getline(in, line)) {  // bounded: kMaxLine
//     if (absl::Status s = log.Line(line, add); !s.ok()) return s;
//   }
//   log.Finish(add);
//
// Of a trace an access is a fault: what it got is in the log, and of why it got
// no more that much which its line says.  fio's log has neither.  Which of the
// two a log is, its first line says.
//
// A fault that fell back waits for the event of its small page; of those that
// wait kMaxWaiting are kept, so that a log of any length needs no more memory,
// and a line takes no longer the more of them wait.  A line of these events
// whose numbers cannot be read, or that is cut, is counted in unread().
// One that fell back under the VMA's lock is tried again under the whole one,
// and counts once.
//
// Mirrors: the texts of include/trace/events/fs_dax.h, the order of the checks
// in dax_fault_check_fallback() (fs/dax.c, 6.1), and fio's HOWTO, "Trace file
// format".
// Threading: thread-compatible.
#ifndef DMDAX_TOOLS_REPLAY_ACCESS_LOG_H_
#define DMDAX_TOOLS_REPLAY_ACCESS_LOG_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <list>
#include <string>
#include <tuple>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "mm/fault_reason.h"

namespace dmdax {

struct LoggedAccess {
  std::string file;  // fio's name, or "254:0 0xc": device and inode
  uint64_t offset = 0;
  uint64_t length = 1;  // bytes
  bool write = false;
  // What the fault got.  kUnknown: the log does not say.
  enum Got { kUnknown, kHuge, kHugeZero, kSmall, kSignal } got = kUnknown;
  // Why no more, as far as the line says; kNone: for a reason that only the
  // machine knows.
  FaultReasonCode why = FaultReasonCode::kNone;
  // The small page was not even tried as a huge one.
  bool not_tried = false;
};

class AccessLog {
 public:
  using AddFn = absl::FunctionRef<void(const LoggedAccess& access)>;
  static constexpr size_t kMaxWaiting = 4096;
  // No line of these logs is longer; a caller need not keep more of one.
  static constexpr size_t kMaxLine = 64 << 10;

  // Hands on the accesses of one more line.  EINVAL, with the line's number:
  // it is no line of fio's log; or the first line is fio's, of another
  // version.
  absl::Status Line(absl::string_view line, AddFn add);
  // Hands on what still waits.  EINVAL: it is neither of the two logs.
  absl::Status Finish(AddFn add);

  bool is_fio() const { return kind_ == kFio2 || kind_ == kFio3; }
  uint64_t lines() const { return lines_; }
  uint64_t faults() const { return faults_; }
  uint64_t lost() const { return lost_; }  // events that the tracer dropped
  uint64_t unread() const { return unread_; }

 private:
  enum Kind { kUnknownYet, kTrace, kFio2, kFio3 };
  struct Event;
  // A fault's address, offset and file.
  using Key = std::tuple<uint64_t, uint64_t, std::string>;
  struct Waiting {
    Key key;
    bool vma_lock;  // if it was tried under the VMA's lock alone
    LoggedAccess access;
  };
  using Queue = std::list<Waiting>;

  absl::Status First(absl::string_view line, AddFn add);
  absl::Status FioLine(absl::string_view line, AddFn add);
  void TraceLine(absl::string_view line, AddFn add);
  // The first that waits with this key; end().
  Queue::iterator FindWaiting(const Key& key);
  void Wait(Waiting waiting, AddFn add);
  LoggedAccess Take(Queue::iterator waiting);
  void PmdDone(const Event& event, AddFn add);
  void PteDone(const Event& event, AddFn add);

  Kind kind_ = kUnknownYet;
  bool is_trace_ = false;  // a line was a tracer's
  uint64_t lines_ = 0, faults_ = 0, lost_ = 0, unread_ = 0;
  Queue waiting_;  // fell back, in the order of the log
  absl::flat_hash_map<Key, std::deque<Queue::iterator>> by_key_;
  // The address of the last hole that got the huge zero page.
  uint64_t zero_address_ = 0;
  bool zero_seen_ = false, zero_failed_ = false;
};

}  // namespace dmdax

#endif  // DMDAX_TOOLS_REPLAY_ACCESS_LOG_H_
