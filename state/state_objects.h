// SPDX-License-Identifier: Apache-2.0
//
// StateObjects: a snapshot as the rows that a database keeps, an object a row.
//
//   std::vector<StateObject> objects = ObjectsOf(std::move(snapshot));
//   SnapshotBuilder builder;
//   for (const StateObject& o : objects) {
//     absl::Status s = builder.Add(o.kind, o.key, o.bytes);
//   }
//   proto::StateSnapshot again = builder.Take();
//
// A row has what changes together: a mapped device without its tables, which
// may have a million rows; a file without its mount.  A table is found by its
// content, so that a resume, which makes the inactive table the live one,
// changes a few bytes.  Within a kind the order matters, and is the World's.
// Threading: pure functions; a builder is thread-compatible.
#ifndef DMDAX_STATE_STATE_OBJECTS_H_
#define DMDAX_STATE_STATE_OBJECTS_H_

#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "state/world.pb.h"

namespace dmdax {

// The numbers stand in databases: they stay, and new ones are added at the end.
enum class StateObjectKind : int {
  kMachine = 0,       // the World without its lists, and the event counter
  kPmem = 1,          // by name
  kBlock = 2,         // by name
  kNode = 3,          // by path
  kMappedDevice = 4,  // by minor, without its tables
  kTable = 5,         // by minor and content
  kTableSlot = 6,     // by minor and slot: which of its tables is there
  kMount = 7,         // by path, without its files
  kFile = 8,          // by mount and name
  kDevDax = 9,        // by name
  kProcess = 10,      // by pid, without its mappings and touches
  kVma = 11,          // by pid and address
  kTouch = 12,        // by pid and sequence
};

struct StateObject {
  StateObjectKind kind;
  std::string key;  // unique within its kind
  std::string bytes;
  // Of a mapped device: MappedDeviceRuntime::inserted.
  uint64_t inserted = 0;
};

// Between the owner's name and the rest of a key.
std::string StateKey(absl::string_view owner, absl::string_view rest);
// The keys of a device's tables, live and inactive.
std::vector<std::string> TableSlotsOf(absl::string_view minor);

// Whether the World's order of the objects says anything.
bool OrderMatters(StateObjectKind kind);

// Bytes of an object as its message.  False: they are none.
bool ParseObject(absl::string_view bytes, google::protobuf::Message* message);

// The same snapshot always gives the same bytes.
std::vector<StateObject> ObjectsOf(proto::StateSnapshot snapshot);

class SnapshotBuilder {
 public:
  // Kinds in ascending order, each in the World's order.  `inserted` is that of
  // a mapped device, or 0.  DataLoss: the bytes are no such object, or its
  // owner is missing.
  absl::Status Add(StateObjectKind kind, absl::string_view key,
                   absl::string_view bytes, uint64_t inserted = 0);
  proto::StateSnapshot Take() { return std::move(snapshot_); }

 private:
  absl::Status AddTable(absl::string_view slot, absl::string_view id);

  proto::StateSnapshot snapshot_;
  // By the part of the key that names them.
  absl::flat_hash_map<std::string, proto::MappedDevice*> devices_;
  absl::flat_hash_map<std::string, proto::Mount*> mounts_;
  absl::flat_hash_map<std::string, proto::Process*> processes_;
  absl::flat_hash_map<std::string, std::string> tables_;  // their bytes
};

}  // namespace dmdax

#endif  // DMDAX_STATE_STATE_OBJECTS_H_
