// SPDX-License-Identifier: Apache-2.0
//
// StateDb: the database of a state directory, an object of the machine a row.
//
//   absl::StatusOr<StateDb> db = StateDb::Open("/tmp/s/state.db");
//   absl::Status s = db->BeginWrite();
//   absl::StatusOr<proto::StateSnapshot> machine = db->Read();
//   machine->mutable_world()->add_node()->set_path("/dev/x");
//   s = db->Write(*std::move(machine));  // the rows that differ, and commits
//
// A command is one transaction.  SQLite keeps its log beside the database
// (WAL): readers see the state before or after a command and never wait; a
// command that was acknowledged is on the disk; one that is killed anywhere
// was never there.
//
// Errors: those of SqliteDb; FailedPrecondition for a newer format, which is
// left as it is.
// Threading: thread-compatible.
#ifndef DMDAX_STATE_STATE_DB_H_
#define DMDAX_STATE_STATE_DB_H_

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "state/sqlite.h"
#include "state/state_objects.h"
#include "state/world.pb.h"

namespace dmdax {

class StateDb {
 public:
  // Makes the file if need be.  DataLoss for another program's database.
  static absl::StatusOr<StateDb> Open(const std::string& path,
                                      SqliteOptions options = {});

  // Whether anything was ever written to it.
  absl::StatusOr<bool> IsNew();

  // Nobody else writes until Write() or the end.  EBUSY: somebody does.  A new
  // one has no log before Write() has returned: nobody else may know it yet.
  absl::Status BeginWrite();
  // After BeginWrite() of a new one: makes its machine that of a version before
  // the database, as if it had been written then.
  absl::Status Adopt(proto::StateSnapshot snapshot);

  // The machine as one transaction sees it.
  absl::StatusOr<proto::StateSnapshot> Read();

  // --- a part of the machine (see part/state_part.h) ---

  using ObjectName = std::pair<StateObjectKind, std::string>;

  // A read transaction, where there is no BeginWrite().
  absl::Status BeginRead();
  // Whether the objects can be found one by one, which takes a format of 4.
  absl::StatusOr<bool> HasTags();
  struct Found {
    int64_t position;
    std::string bytes;
  };
  // The object, if there is one.  After BeginWrite() it counts as read.
  absl::StatusOr<std::optional<Found>> Find(StateObjectKind kind,
                                            absl::string_view key);
  // Calls fn for all objects of kinds `first` to `last`, which count as read.
  absl::Status FindAll(
      StateObjectKind first, StateObjectKind last,
      absl::FunctionRef<void(StateObjectKind kind, int64_t position,
                             absl::string_view key, absl::string_view bytes)>
          fn);
  // Whether there is one, without counting it as read.
  absl::StatusOr<bool> Exists(StateObjectKind kind, absl::string_view key);
  // The objects with this tag (see part/state_tags.h).
  absl::StatusOr<std::vector<std::pair<StateObjectKind, std::string>>> Tagged(
      absl::string_view tag);
  // How many objects of a kind have it, counted no further than `most`.
  absl::StatusOr<int64_t> CountTagged(absl::string_view tag,
                                      StateObjectKind kind, int64_t most);
  // 0: there is none.
  absl::StatusOr<int64_t> LastPosition(StateObjectKind kind);
  absl::Status ReadGeneration();
  // What all rows are, as far as two others are not the same by chance.
  struct Mark {
    uint64_t generation;
    int64_t sum;
    friend bool operator==(const Mark&, const Mark&) = default;
  };
  // Reads generation() and mark().
  absl::Status ReadMark();
  // Forgets what Find() has read.  Write() then leaves rows alone that neither
  // Read() nor Find() has read.
  void BeginPart();

  // After BeginWrite() and Read(): makes the rows those of `snapshot` and
  // commits.  After an error the log may hold the change all the same, if it
  // was the last fsync(2) that failed: open the database again and compare
  // generations.
  absl::Status Write(proto::StateSnapshot snapshot);
  // After BeginWrite() and ReadMark(): the same for `objects` alone,
  // whatever they were; `snapshot` has those of them that there are.  Disks and
  // partitions stay where they are, so none may come.  Mapped devices come
  // after all others if MappedDeviceRuntime::inserted is greater than `before`,
  // that of the last in the database.  False: so many go that it is better done
  // with Read() and Write(); nothing is written.
  absl::StatusOr<bool> WriteSome(const std::vector<ObjectName>& objects,
                                 proto::StateSnapshot snapshot,
                                 uint64_t before);
  // Before Write(): keeps the machine as it is for Undo().
  absl::Status KeepForUndo();
  // After BeginWrite(): exchanges the machine and the one that was kept, and
  // commits.  ENOENT: none was.
  absl::Status Undo();

  // Before BeginWrite(): the log gives back what is no longer needed of it, if
  // nobody reads.
  void EmptyLog() { db_.EmptyLog(); }

  // After Write(): whether it removed the row of a disk.
  bool has_removed_disks() const { return has_removed_disks_; }
  // The files that disks of the machine have, and of the one that was kept.
  absl::StatusOr<std::set<std::string>> DiskFileNames();

  // Writes so far: what Read() saw.
  uint64_t generation() const { return generation_; }
  // Of what Read() or ReadMark() saw, or Write() has left; nothing: a version
  // that did not know of sums has written it.
  const std::optional<Mark>& mark() const { return mark_; }

 private:
  // What is known of a row without its bytes.
  struct Row {
    int64_t position;
    std::pair<uint64_t, uint64_t> hash;
  };
  using RowMap =
      absl::flat_hash_map<std::pair<StateObjectKind, std::string>, Row>;

  // Equal for equal bytes; that two others are is less likely than that memory
  // fails.
  static std::pair<uint64_t, uint64_t> HashOf(absl::string_view bytes);

  explicit StateDb(SqliteDb db) : db_(std::move(db)) {}

  absl::Status WriteRows(const std::vector<StateObject>& objects);
  absl::Status WriteAndCommit(const std::vector<StateObject>& objects);
  // Reads a mapped device's tables, by its slots.
  absl::Status FindTables(absl::string_view minor);
  absl::Status Commit();
  absl::Status RemoveRow(StateObjectKind kind, int64_t position);
  absl::Status RemoveTags(StateObjectKind kind, absl::string_view key);
  absl::Status InsertTags(StateObjectKind kind, absl::string_view key,
                          absl::string_view bytes);
  // Makes all tags anew.
  absl::Status TagAll();
  // Where the objects go, if only a part of the machine was read.
  absl::StatusOr<std::vector<int64_t>> PositionsInPart(
      absl::Span<const StateObject> objects,
      absl::Span<const std::optional<int64_t>> before);
  // The statement in `cache`, made when it is first asked for.
  absl::StatusOr<SqliteStatement*> Prepared(
      std::optional<SqliteStatement>& cache, absl::string_view sql);
  absl::Status InsertRow(const StateObject& object, int64_t position);

  SqliteDb db_;
  // Made once for all rows of a write.
  std::optional<SqliteStatement> remove_;
  std::optional<SqliteStatement> insert_;
  std::optional<SqliteStatement> remove_tags_;
  std::optional<SqliteStatement> insert_tag_;
  std::optional<SqliteStatement> find_;
  std::optional<SqliteStatement> exists_;
  std::optional<SqliteStatement> tagged_;
  std::optional<SqliteStatement> count_tagged_;
  std::optional<SqliteStatement> last_position_;
  bool writes_ = false;
  bool new_ = false;
  bool reads_ = false;
  bool part_ = false;
  bool has_removed_disks_ = false;
  uint64_t generation_ = 0;
  std::optional<Mark> mark_;
  RowMap rows_;
};

}  // namespace dmdax

#endif  // DMDAX_STATE_STATE_DB_H_
