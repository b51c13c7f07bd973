// SPDX-License-Identifier: Apache-2.0
//
// ChangedPart: what of a machine its state is to be told after a change.
//
//   ChangedPart part(session);
//   part.TakeNotes();        // what the machine has noted of itself
//   if (!part.is_whole()) {
//     absl::StatusOr<ChangedPart::Rows> rows =
//         part.ToKeep(generation, files, DiskBytes::KeepHow::kSynced);
//     // dir.WriteSome(rows->objects, rows->snapshot, part.last_inserted())
//     part.Kept(DiskBytes::KeepHow::kSynced);
//   }
//
// It costs what the change has touched, and what targets remember by
// themselves; SnapshotToKeep() costs the machine.  Whoever can not tell what
// has been touched says so (TouchAll()), as does a machine that was never kept
// as a whole and one whose disks come and go.  Mounts and processes are not
// looked at: to those who use it, the machine is one of devices.
// Threading: as Session.
#ifndef DMDAX_STATE_PART_CHANGED_PART_H_
#define DMDAX_STATE_PART_CHANGED_PART_H_

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/dev_t.h"
#include "block/disk_bytes.h"
#include "block/disk_files.h"
#include "state/session.h"
#include "state/state_db.h"
#include "state/world.pb.h"

namespace dmdax {

class ChangedPart {
 public:
  // `session` must outlive it, as it is.
  explicit ChangedPart(const Session& session) : session_(session) {}

  void TakeNotes();
  void TouchAll() { whole_ = true; }
  // Only SnapshotToKeep() has all that may be another.
  bool is_whole() const { return whole_; }

  // DiskBytes::Keep() of the disks whose bytes may be others.
  absl::Status KeepBytes(const std::shared_ptr<DiskFiles>& files,
                         DiskBytes::KeepHow how);

  // The rows that may be others, by name, and those of them that there are.
  struct Rows {
    std::vector<StateDb::ObjectName> objects;
    proto::StateSnapshot snapshot;
  };
  // The errno of what could not be written.  Afterwards is_whole() says whether
  // the answer is all.
  absl::StatusOr<Rows> ToKeep(uint64_t generation,
                              const std::shared_ptr<DiskFiles>& files,
                              DiskBytes::KeepHow how);
  // The state has it all, in this way.
  void Kept(DiskBytes::KeepHow how);
  // When it had all the last time, devices had orders up to this.
  uint64_t last_inserted() const { return last_inserted_; }

 private:
  void SaveMapped(DevT dev, Rows* rows);
  void SaveDisks(DevT dev, Rows* rows);
  BlockDevice* FindDisk(DevT dev) const;

  const Session& session_;
  bool whole_ = true;
  std::set<DevT> devices_;
  std::set<std::string> nodes_;
  // Files of disks that a power cut may take; `all_unsynced_`: nobody knows of
  // which.
  std::set<DevT> unsynced_;
  bool all_unsynced_ = true;
  uint64_t last_inserted_ = 0;
};

}  // namespace dmdax

#endif  // DMDAX_STATE_PART_CHANGED_PART_H_
