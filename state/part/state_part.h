// SPDX-License-Identifier: Apache-2.0
//
// StatePart: as much of a state's machine as was needed so far.
//
//   StatePart part(*db);
//   // Almost nothing, at first.
//   absl::StatusOr<proto::StateSnapshot> snapshot = part.Load();
//   absl::StatusOr<Session> session = SessionFromSnapshot(*snapshot);
//   absl::Status s = part.Complete(*session);
//   session->ctl->FindDevice("home");   // null
//   part.lacks();                       // true: load it again
//
// With a mapped device come its tables, its nodes and all that lies below it;
// with a partition its disk.  What stands on it and is not loaded is told by
// the database: how often the device is open, and by whom.  Mounts, device-dax
// and processes are loaded all or none.
//
// Errors: those of StateDb.
// Threading: thread-compatible.
#ifndef DMDAX_STATE_PART_STATE_PART_H_
#define DMDAX_STATE_PART_STATE_PART_H_

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "block/absent_objects.h"
#include "state/session.h"
#include "state/state_db.h"
#include "state/world.pb.h"

namespace dmdax {

class StatePart final : public AbsentObjects {
 public:
  // After StateDb::BeginRead() or BeginWrite(); `db` must outlive it.
  explicit StatePart(StateDb& db) : db_(db) {}

  // What was needed since the last Load() is loaded too.
  absl::StatusOr<proto::StateSnapshot> Load();
  // The next Load() loads all.
  void LoadAll() { all_needed_ = true; }
  // Gives a session that was made of it what it must know of the rest.
  absl::Status Complete(Session& session);

  // Whether something was needed that is not loaded.
  bool lacks() const { return lacks_; }
  // Whether all is loaded.
  bool whole() const { return whole_; }
  // Of a look-up, which has nobody to tell.
  const absl::Status& status() const { return status_; }
  // From now on nothing may be needed that is not loaded: it would be too late
  // to load it, so the program ends.
  void Seal() { sealed_ = true; }

  bool Has(By by, absl::string_view name) override;
  void Need(By by, absl::string_view name) override;
  void NeedAll() override;
  void NeedUserSpace() override;

 private:
  using Name = std::pair<StateObjectKind, std::string>;
  struct Row {
    std::string key, bytes;
  };

  // The objects that are called so, loaded or not.
  std::vector<Name> Find(By by, absl::string_view name);
  std::vector<Name> Tagged(absl::string_view tag);
  std::vector<Name> OfDev(absl::string_view dev);
  void Want(const std::vector<Name>& names);
  // Wants what comes with an object.
  void Follow(const Name& name, absl::string_view bytes);
  absl::StatusOr<proto::StateSnapshot> LoadWhole();
  // Adds all mounts, device-dax and processes.
  absl::Status LoadUserSpace();
  absl::StatusOr<proto::StateSnapshot> Build();
  // Opens of a device by those that are not loaded, up to `most` of a kind.
  absl::Status OpenForOthers(BlockDevice& bdev, uint32_t dm_major);

  StateDb& db_;
  absl::Status status_ = absl::OkStatus();
  std::vector<Name> needed_;  // by look-ups so far
  bool all_needed_ = false;
  bool user_needed_ = false;
  bool user_loaded_ = false;
  bool lacks_ = false;
  bool whole_ = false;
  bool sealed_ = false;

  // --- of one Load() ---
  uint32_t dm_major_ = 0;
  uint32_t no_free_minor_below_ = 0;
  std::vector<Name> todo_;
  absl::flat_hash_set<Name> loaded_;
  // By kind and position, as a SnapshotBuilder wants them.
  std::map<std::pair<StateObjectKind, int64_t>, Row> rows_;
  // How often the mapped devices that are loaded have a device open.
  absl::flat_hash_map<std::string, int64_t> opens_;
};

}  // namespace dmdax

#endif  // DMDAX_STATE_PART_STATE_PART_H_
