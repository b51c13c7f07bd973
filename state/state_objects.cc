// SPDX-License-Identifier: Apache-2.0
#include "state/state_objects.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <limits>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "state/any_bytes.h"

namespace dmdax {
namespace {

namespace pb = google::protobuf;

// Between the owner's name and the rest of a key: no name has it.
constexpr char kSeparator = '\0';
constexpr char kLive[] = "live";
constexpr char kInactive[] = "inactive";

absl::string_view OwnerOf(absl::string_view key) {
  return key.substr(0, key.find(kSeparator));
}

absl::string_view RestOf(absl::string_view key) {
  const size_t at = key.find(kSeparator);
  return at == key.npos ? absl::string_view() : key.substr(at + 1);
}

// Maps in a fixed order, so that what has not changed has the same bytes.
std::string Serialize(pb::Message& message) {
  EscapeAnyBytes(message);
  std::string bytes;
  {
    pb::io::StringOutputStream stream(&bytes);
    pb::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    message.SerializeToCodedStream(&coded);
  }
  return bytes;
}

// Says with some certainty which of a device's tables a table is, in this
// program and the next (FNV-1a).
std::string NameOfContent(absl::string_view bytes) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const char c : bytes) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  }
  return absl::StrCat(absl::Hex(hash, absl::kZeroPad16));
}

class Collector {
 public:
  std::vector<StateObject> Take() { return std::move(objects_); }

  void Add(StateObjectKind kind, std::string key, pb::Message& message,
           uint64_t inserted = 0) {
    AddBytes(kind, std::move(key), Serialize(message));
    objects_.back().inserted = inserted;
  }
  // The key it has got.
  std::string AddBytes(StateObjectKind kind, std::string key,
                       std::string bytes) {
    // Names that ought to be unique, and were not in an old state.
    std::string unique = key;
    for (int n = 2; !keys_.insert({kind, unique}).second; ++n) {
      unique = StateKey(key, absl::StrCat(n));
    }
    objects_.push_back({kind, unique, std::move(bytes)});
    return unique;
  }

 private:
  std::vector<StateObject> objects_;
  absl::flat_hash_set<std::pair<StateObjectKind, std::string>> keys_;
};

// Each list of its own, so that the kinds come in order.
void AddDevices(proto::World& world, Collector& out) {
  struct Slot {
    std::string minor, slot;
    proto::Table table;
  };
  std::vector<Slot> slots;
  for (proto::MappedDevice& device : *world.mutable_mapped_device()) {
    const std::string minor = absl::StrCat(device.minor());
    if (device.has_table()) {
      slots.push_back({minor, kLive, std::move(*device.mutable_table())});
      device.clear_table();
    }
    if (device.has_inactive_table()) {
      slots.push_back(
          {minor, kInactive, std::move(*device.mutable_inactive_table())});
      device.clear_inactive_table();
    }
    // The order of the rows says it, and changes one row where numbers would
    // change all.
    const uint64_t inserted = device.runtime().inserted();
    if (device.has_runtime()) device.mutable_runtime()->clear_inserted();
    out.Add(StateObjectKind::kMappedDevice, minor, device, inserted);
  }
  std::vector<std::pair<std::string, std::string>> ids;
  for (Slot& slot : slots) {
    std::string bytes = Serialize(slot.table);
    slot.table.Clear();
    const std::string key = StateKey(slot.minor, NameOfContent(bytes));
    ids.emplace_back(
        StateKey(slot.minor, slot.slot),
        out.AddBytes(StateObjectKind::kTable, key, std::move(bytes)));
  }
  for (auto& [key, id] : ids) {
    out.AddBytes(StateObjectKind::kTableSlot, key, id);
  }
}

void AddMounts(proto::World& world, Collector& out) {
  std::vector<std::pair<std::string, proto::File>> files;
  for (proto::Mount& mount : *world.mutable_mount()) {
    for (proto::File& file : *mount.mutable_file()) {
      files.emplace_back(StateKey(mount.path(), file.name()), std::move(file));
    }
    mount.clear_file();
    out.Add(StateObjectKind::kMount, mount.path(), mount);
  }
  for (auto& [key, file] : files) out.Add(StateObjectKind::kFile, key, file);
  for (proto::DevDax& dax : *world.mutable_dax()) {
    out.Add(StateObjectKind::kDevDax, dax.name(), dax);
  }
}

void AddProcesses(proto::World& world, Collector& out) {
  std::vector<std::pair<std::string, proto::Vma>> vmas;
  std::vector<std::pair<std::string, proto::Touch>> touches;
  for (proto::Process& process : *world.mutable_process()) {
    const std::string pid = absl::StrCat(process.pid());
    for (proto::Vma& vma : *process.mutable_vma()) {
      vmas.emplace_back(StateKey(pid, absl::StrCat(vma.address())),
                        std::move(vma));
    }
    for (proto::Touch& touch : *process.mutable_touch()) {
      touches.emplace_back(StateKey(pid, absl::StrCat(touch.sequence())),
                           std::move(touch));
    }
    process.clear_vma();
    process.clear_touch();
    out.Add(StateObjectKind::kProcess, pid, process);
  }
  for (auto& [key, vma] : vmas) out.Add(StateObjectKind::kVma, key, vma);
  for (auto& [key, touch] : touches) {
    out.Add(StateObjectKind::kTouch, key, touch);
  }
}

absl::Status Damaged(absl::string_view what) {
  return absl::DataLossError(absl::StrCat("the state is damaged: ", what));
}

template <typename T>
T* Find(const absl::flat_hash_map<std::string, T*>& owners,
        absl::string_view key) {
  auto it = owners.find(OwnerOf(key));
  return it == owners.end() ? nullptr : it->second;
}

}  // namespace

std::string StateKey(absl::string_view owner, absl::string_view rest) {
  return absl::StrCat(owner, absl::string_view(&kSeparator, 1), rest);
}

std::vector<std::string> TableSlotsOf(absl::string_view minor) {
  return {StateKey(minor, kLive), StateKey(minor, kInactive)};
}

bool OrderMatters(StateObjectKind kind) {
  return kind != StateObjectKind::kNode && kind != StateObjectKind::kTable &&
         kind != StateObjectKind::kTableSlot;
}

bool ParseObject(absl::string_view bytes, pb::Message* message) {
  pb::io::CodedInputStream coded(reinterpret_cast<const uint8_t*>(bytes.data()),
                                 static_cast<int>(bytes.size()));
  coded.SetTotalBytesLimit(std::numeric_limits<int>::max());
  if (!message->ParseFromCodedStream(&coded) ||
      !coded.ConsumedEntireMessage()) {
    return false;
  }
  UnescapeAnyBytes(*message);
  return true;
}

std::vector<StateObject> ObjectsOf(proto::StateSnapshot snapshot) {
  Collector out;
  proto::World& world = *snapshot.mutable_world();
  proto::StateSnapshot machine;
  machine.set_global_event_nr(snapshot.global_event_nr());
  machine.set_clock_offset(snapshot.clock_offset());
  machine.set_no_free_minor_below(snapshot.no_free_minor_below());
  machine.mutable_world()->set_kernel(world.kernel());
  machine.mutable_world()->set_dm_major(world.dm_major());
  *machine.mutable_world()->mutable_key() = world.key();
  *machine.mutable_world()->mutable_left_out() = world.left_out();
  *machine.mutable_world()->mutable_guess() = world.guess();
  *machine.mutable_world()->mutable_use() = world.use();
  *machine.mutable_world()->mutable_volume_group() = world.volume_group();
  *machine.mutable_world()->mutable_mount_beside() = world.mount_beside();
  machine.mutable_world()->set_release(world.release());
  out.Add(StateObjectKind::kMachine, "", machine);
  for (proto::Pmem& pmem : *world.mutable_pmem()) {
    out.Add(StateObjectKind::kPmem, pmem.name(), pmem);
  }
  for (proto::Block& block : *world.mutable_block()) {
    out.Add(StateObjectKind::kBlock, block.name(), block);
  }
  for (proto::Node& node : *world.mutable_node()) {
    out.Add(StateObjectKind::kNode, node.path(), node);
  }
  AddDevices(world, out);
  AddMounts(world, out);
  AddProcesses(world, out);
  return out.Take();
}

absl::Status SnapshotBuilder::AddTable(absl::string_view slot,
                                       absl::string_view id) {
  proto::MappedDevice* const device = Find(devices_, slot);
  auto table = tables_.find(id);
  if (device == nullptr || table == tables_.end()) {
    return Damaged("a table without its device");
  }
  const bool parsed = ParseObject(
      table->second, RestOf(slot) == kLive ? device->mutable_table()
                                           : device->mutable_inactive_table());
  tables_.erase(table);
  return parsed ? absl::OkStatus() : Damaged("a table");
}

absl::Status SnapshotBuilder::Add(StateObjectKind kind, absl::string_view key,
                                  absl::string_view bytes, uint64_t inserted) {
  proto::World& world = *snapshot_.mutable_world();
  pb::Message* message = nullptr;
  switch (kind) {
    case StateObjectKind::kMachine:
      message = &snapshot_;
      break;
    case StateObjectKind::kPmem:
      message = world.add_pmem();
      break;
    case StateObjectKind::kBlock:
      message = world.add_block();
      break;
    case StateObjectKind::kNode:
      message = world.add_node();
      break;
    case StateObjectKind::kMappedDevice:
      message = devices_[key] = world.add_mapped_device();
      break;
    case StateObjectKind::kTable:
      tables_[key] = std::string(bytes);
      return absl::OkStatus();
    case StateObjectKind::kTableSlot:
      return AddTable(key, bytes);
    case StateObjectKind::kMount:
      message = mounts_[key] = world.add_mount();
      break;
    case StateObjectKind::kFile:
      if (proto::Mount* mount = Find(mounts_, key)) message = mount->add_file();
      break;
    case StateObjectKind::kDevDax:
      message = world.add_dax();
      break;
    case StateObjectKind::kProcess:
      message = processes_[key] = world.add_process();
      break;
    case StateObjectKind::kVma:
      if (proto::Process* process = Find(processes_, key)) {
        message = process->add_vma();
      }
      break;
    case StateObjectKind::kTouch:
      if (proto::Process* process = Find(processes_, key)) {
        message = process->add_touch();
      }
      break;
  }
  if (message == nullptr) {
    return Damaged(absl::StrCat("object of kind ", static_cast<int>(kind),
                                " without an owner"));
  }
  if (!ParseObject(bytes, message)) {
    return Damaged(absl::StrCat("object of kind ", static_cast<int>(kind)));
  }
  if (inserted != 0 && kind == StateObjectKind::kMappedDevice) {
    devices_[key]->mutable_runtime()->set_inserted(inserted);
  }
  return absl::OkStatus();
}

}  // namespace dmdax
