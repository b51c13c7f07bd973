// SPDX-License-Identifier: Apache-2.0
//
// ReplayTable: accesses by what they got, what they would get of a machine's
// file, and why no more.
//
//   ReplayTable table;
//   table.Add({.file = "f", .offset = 4096}, /*here=*/nullptr);
//   for (const ReplayRow& row : table.Rows()) std::cout << row.accesses <<
//   "\n";
//
// It has a row for each distinct answer, however many accesses there are; from
// kMaxRows on those of further files are counted together, so that a log of any
// number of files needs no more memory.
// Threading: thread-compatible.
#ifndef DMDAX_TOOLS_REPLAY_REPLAY_TABLE_H_
#define DMDAX_TOOLS_REPLAY_REPLAY_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "process/sweep/dax_sweep.h"
#include "tools/replay/access_log.h"

namespace dmdax {

// A file of a machine, as its sweep found it.
struct SweptFile {
  std::string path;
  uint64_t size = 0;  // bytes
  // In slots of 2 MiB: read, and with what has blocks but was never written
  // (fallocate) written.  What is a hole in both gets its blocks with a write.
  DaxSweep read, written;

  const DaxSweep& SweepFor(const LoggedAccess& access) const {
    return access.write ? written : read;
  }
};

// The slots from `slot` on that have one outcome, without a repetition's end
// between them.
struct SlotRun {
  size_t outcome = 0;  // in DaxSweep::totals
  uint64_t slots = 0;
};
// `slot` is one of the sweep's.
SlotRun RunAt(const DaxSweep& sweep, uint64_t slot);

struct ReplayRow {
  std::string file;     // as the log names it; "": of `others`
  bool others = false;  // of files that have no rows of their own
  std::string path;     // on the machine; "": it was not asked
  bool write = false;
  LoggedAccess::Got got = LoggedAccess::kUnknown;
  std::string why;   // of what it got: a reason's name, "not_tried", or ""
  std::string here;  // what it gets of the machine: "huge", "4k", "hole" ...
  // Why no more: a reason's name, or "".  The mapping's own reason, which the
  // log says, holds wherever the file lies.
  std::string here_why;
  // The machine's reason, with its numbers where it first came.
  FaultReason reason;
  uint64_t accesses = 0;  // that touch such a page
  uint64_t bytes = 0;     // UINT64_MAX: that many or more
  uint64_t first = 0;     // byte of the file that the first of them touches
};

class ReplayTable {
 public:
  static constexpr size_t kMaxRows = 1 << 14;

  // `here` is the file that the access is of, or null; it must outlive the
  // table.
  void Add(const LoggedAccess& access, const SweptFile* here);

  // The most frequent first.
  std::vector<ReplayRow> Rows() const;
  uint64_t accesses() const { return accesses_; }

 private:
  // A row's file, access, answer of the log, and that of the machine.
  using Key = std::tuple<std::string, bool, int, int, bool, std::string, int>;
  ReplayRow& RowOf(const LoggedAccess& access, const SweptFile* here,
                   const char* gets, size_t outcome);

  std::map<Key, ReplayRow> rows_, others_;
  uint64_t accesses_ = 0;
};

}  // namespace dmdax

#endif  // DMDAX_TOOLS_REPLAY_REPLAY_TABLE_H_
