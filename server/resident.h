// SPDX-License-Identifier: Apache-2.0
//
// Resident: a machine that stays in memory from one question to the next.
//
//   Resident machine(NewSession(DefaultKernelProfile(), 0));  // nobody else's
//   absl::StatusOr<std::unique_ptr<Resident>> kept = Resident::Of("/tmp/s");
//   absl::Status s = (*kept)->Change([](Session& session) {
//     Ioctl(*session.ctl);
//   });
//   // s.ok(): the change is in the state's database
//
// One of a state directory shares it with other commands: each change holds the
// state's lock and is a transaction, as theirs are, and before a question it is
// seen whether they have made one.  The machine is then made anew from the
// state, so pointers into it do not last: who has some is told.
//
// Bytes written to disks are no change that is acknowledged.  Those of a disk
// that has few are kept with the next one, or by Keep(); those of others go to
// its file at once.  Until then the transaction stays open, so that nobody
// changes the state they belong to.
//
// A change costs what it has touched, as the machine notes it itself
// (state/part/changed_part.h): as long as the state has what this machine left
// there, its rows are neither read nor compared.  Whoever changes what is not
// noted says so, and all of it is.
//
// A loop device of a state is kept with the path of its file, which is opened
// anew by the next process that has the machine.
//
// Errors: those of StateDir; ENOENT: the state's directory is not at its path
// any more, and nothing is done to what is there instead.  After one the
// machine is again what the state says.  Threading: thread-compatible.
#ifndef DMDAX_SERVER_RESIDENT_H_
#define DMDAX_SERVER_RESIDENT_H_

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "block/disk_bytes.h"
#include "block/disk_files.h"
#include "block/loop/loop.h"
#include "server/state_watch.h"
#include "state/part/changed_part.h"
#include "state/session.h"
#include "state/state_dir.h"

namespace dmdax {

class Resident {
 public:
  explicit Resident(Session session);
  static absl::StatusOr<std::unique_ptr<Resident>> Of(const std::string& dir);

  Session& session() { return session_; }
  // Its loop devices, whose files are open here.
  LoopDriver& loops() { return *loops_; }
  // Goes up with each change, also those of others.
  uint64_t generation() const { return generation_; }
  bool has_state() const { return !state_path_.empty(); }
  // Can be read when others may have changed the state: Refresh() then; -1:
  // nobody says so.
  int watch_fd() const { return watch_ ? watch_->fd() : -1; }
  bool is_watched() const { return watch_ && watch_->is_complete(); }

  // `before` lets go of the machine that goes, `after` takes hold of the one
  // that has come.
  void set_reload(std::function<void()> before, std::function<void()> after) {
    before_reload_ = std::move(before);
    after_reload_ = std::move(after);
  }

  // `revoke` is called before anything may lie elsewhere, and before bytes are
  // kept: clients may not write them past the machine any more.
  void set_revoke(std::function<void()> revoke) { revoke_ = std::move(revoke); }

  // Sees to it that the machine is the state's.
  absl::Status Refresh();
  // Reads watch_fd(), for the next Refresh().
  void NoteChanges() {
    if (watch_) stale_ |= watch_->TakeChanged();
  }
  // What a change may have touched.
  enum class Touches {
    kAnything,
    kNoted,  // nothing of which the machine's ChangedDevices do not tell
  };
  // Changes it; what is left then is kept, whatever `change` came to.
  absl::Status Change(absl::FunctionRef<void(Session&)> change,
                      Touches touches = Touches::kAnything);
  // Changes nothing but the bytes of disks.
  absl::Status Write(absl::FunctionRef<void(Session&)> write,
                     Touches touches = Touches::kAnything);
  // The first Write() has done nothing, and nothing is to be kept.
  void LetGo();
  // Keeps what Write() did.  kSynced: the bytes in files too survive a power
  // cut, as all do that a client has synced.
  absl::Status Keep(DiskBytes::KeepHow how = DiskBytes::KeepHow::kWritten);
  bool has_unkept() const { return transaction_ != nullptr; }

 private:
  // What a commit leaves behind: as long as it is the same, there was none.
  struct Mark {
    int64_t log_time_ns = 0, log_size = 0;
    std::string generation;
    friend bool operator==(const Mark&, const Mark&) = default;
  };

  Resident() = default;
  Mark Look() const;
  // Sees to it that the state's directory is still the one that it was.
  absl::Status CheckDirectory();
  // The directory, opened, when nothing in it is held that is not there any
  // more.
  absl::StatusOr<StateDir> OpenDir(StateDir::Mode mode);
  // Has the transaction's machine loaded, unless it is the one that is here.
  absl::Status ReadForChange(StateDir& dir);
  // Writes what is another than in the state.
  absl::Status WriteChanged(StateDir& dir, DiskBytes::KeepHow how);
  absl::Status WriteAll(StateDir& dir, DiskBytes::KeepHow how);
  absl::Status Load(const StateDir& dir, const proto::StateSnapshot& snapshot);
  void SetWrites(DiskFiles::Writes writes);
  // Opens the transaction, on the machine as the state has it.
  absl::Status Begin();

  std::string state_path_;
  // Its directory, once there is one.
  std::optional<std::pair<dev_t, ino_t>> directory_;
  Session session_;
  std::unique_ptr<LoopDriver> loops_;
  uint64_t generation_ = 0;
  Mark mark_;
  std::optional<StateWatch> watch_;
  // The state may be other than when it was last looked at.
  bool stale_ = true;
  // What was done in memory is not in the state: the state holds.
  bool doubtful_ = true;
  // Its database, open as long as it is that of the path.
  std::unique_ptr<StateHold> hold_;
  std::unique_ptr<StateDir> transaction_;
  // Whether its rows have been read.
  bool has_rows_ = false;
  // Of the rows that the last transaction left.
  std::optional<StateDb::Mark> rows_mark_;
  std::unique_ptr<ChangedPart> changed_;
  // There may be files of disks that nobody knows.
  bool may_have_left_ = true;
  std::function<void()> before_reload_ = [] {}, after_reload_ = [] {};
  std::function<void()> revoke_ = [] {};
};

}  // namespace dmdax

#endif  // DMDAX_SERVER_RESIDENT_H_
