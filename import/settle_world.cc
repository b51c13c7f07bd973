// SPDX-License-Identifier: Apache-2.0
//
// SettleWorld: a World of a machine that ran must load.  What does not is
// beyond the model, or an input that does not tell all: it is taken out, or
// replaced by what gives the same answers about DAX, and the notes say so.
#include <algorithm>
#include <cerrno>
#include <map>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/errno_status.h"
#include "base/kernel_profile.h"
#include "block/block_device.h"
#include "fs/dax_words.h"
#include "fs/mount_words.h"
#include "import/build_world.h"
#include "import/contradictions.h"
#include "import/max_sectors.h"
#include "import/pool_metadata.h"
#include "import/refusal.h"
#include "import/refused_files.h"
#include "import/stand_in.h"
#include "state/find_device.h"
#include "state/session.h"
#include "state/target_spec.h"
#include "state/world_load.h"

namespace dmdax {
namespace {

class Settler {
 public:
  Settler(Facts* facts, proto::World* world) : facts_(*facts), world_(*world) {}

  absl::Status Run() {
    GivePoolsMetadata(facts_, &world_);
    // What no stand-in is made for at its place takes a turn, which takes it
    // away, and what stands on it.
    constexpr int kMostTurns = 256;
    const TableMender mend = [this](const absl::Status& refused) {
      return StandInAtOnce(ParseRefusal(refused.message()));
    };
    for (int turn = 0; turn < kMostTurns; ++turn) {
      absl::StatusOr<Session> session = LoadWorld(world_, RefusalMarks(), mend);
      if (session.ok()) {
        FindContradictions(*session, world_, &facts_);
        return TakeMaxSectors(*session, &facts_, &world_);
      }
      const Refusal r = ParseRefusal(session.status().message());
      // What this host has not enough of is no fault of the machine's.
      const bool host = ErrnoOf(session.status()) == ENOMEM;
      if (host || !Yield(r)) {
        const std::string at =
            PlaceInInputs(
                facts_, world_,
                r.index < 0 ? r.list : absl::StrCat(r.list, "[", r.index, "]"))
                .ToString();
        return absl::Status(
            session.status().code(),
            absl::StrCat(at, at.empty() ? "" : ": ",
                         "what the inputs say does not load: ", r.words));
      }
    }
    return ErrnoError(
        EINVAL, absl::StrCat("what the inputs say does not load: more "
                             "than ",
                             kMostTurns, " devices or files are refused"));
  }

 private:
  void Note(absl::string_view what) { facts_.notes.emplace_back(what); }

  void LeaveOut(const std::string& name, absl::string_view why) {
    if (facts_.left_out.try_emplace(name, why).second) {
      const std::string at = PlaceOf(name).ToString();
      facts_.left_out_notes.push_back(absl::StrCat(
          at, at.empty() ? "" : ": ", name, " is left out: ", why));
    }
  }

  // Where an input has a device, a mount or a file.
  Place PlaceOf(const std::string& name) const {
    const auto mapped = facts_.mapped.find(name);
    if (mapped != facts_.mapped.end()) {
      return mapped->second.table ? *mapped->second.table
                                  : mapped->second.place;
    }
    const auto disk = facts_.disks.find(name);
    if (disk != facts_.disks.end()) return disk->second.place;
    for (const MountFact& mount : facts_.mounts) {
      if (mount.path == name) return mount.place;
    }
    for (const FileFact& file : facts_.files) {
      if (file.path == name) return file.place;
    }
    return {};
  }

  // Takes away what was refused; false: nothing can be.
  bool Yield(const Refusal& r) {
    if (r.index < 0) return false;
    if (r.list == "mapped_device" && r.index < world_.mapped_device_size()) {
      return YieldMapped(r);
    }
    if (r.list == "mount" && r.index < world_.mount_size()) {
      return YieldMount(r);
    }
    if (r.list == "block" && r.index < world_.block_size()) {
      LeaveOut(world_.block(r.index).name(), r.words);
      world_.mutable_block()->DeleteSubrange(r.index, 1);
      return true;
    }
    if (r.list == "pmem" && r.index < world_.pmem_size()) {
      LeaveOut(world_.pmem(r.index).name(), r.words);
      world_.mutable_pmem()->DeleteSubrange(r.index, 1);
      return true;
    }
    if (r.list == "dax" && r.index < world_.dax_size()) {
      LeaveOut(world_.dax(r.index).name(), r.words);
      world_.mutable_dax()->DeleteSubrange(r.index, 1);
      return true;
    }
    return false;
  }

  // Whether a stand-in for the table is all that is changed, so that what was
  // loaded before need not be loaded again.
  bool StandInAtOnce(const Refusal& r) {
    if (r.list != "mapped_device" || r.index < 0 ||
        r.index >= world_.mapped_device_size()) {
      return false;
    }
    proto::MappedDevice& m = *world_.mutable_mapped_device(r.index);
    const std::string type = TypeAt(m, r.rest);
    if (KeepsMetadata(type) && !stood_in_.contains(m.name())) return false;
    return StandIn(r, type, &m);
  }

  bool StandIn(const Refusal& r, const std::string& type,
               proto::MappedDevice* m) {
    return absl::StartsWith(r.rest, ".table") &&
           stood_in_.insert(m->name()).second &&
           StandInForTable(&facts_, type, r.words, m);
  }

  bool YieldMapped(const Refusal& r) {
    proto::MappedDevice& m = *world_.mutable_mapped_device(r.index);
    const std::string type = TypeAt(m, r.rest);
    if (KeepsMetadata(type) && !stood_in_.contains(m.name())) {
      // Others of the type would be refused one by one.
      for (proto::MappedDevice& other : *world_.mutable_mapped_device()) {
        if (StandInForType(&facts_, type, &other == &m ? r.words : "",
                           &other)) {
          stood_in_.insert(other.name());
        }
      }
      return true;
    }
    if (StandIn(r, type, &m)) return true;
    LeaveOut(m.name(), r.words);
    DropMapped(m.name());
    return true;
  }

  // The device, and all that stand on it.
  void DropMapped(std::string below) {
    if (users_.empty()) FindUsers();
    std::set<std::string> gone = {below};
    std::vector<std::string> ask = {below};
    while (!ask.empty()) {
      below = ask.back();
      ask.pop_back();
      for (const std::string& user : users_["/dev/mapper/" + below]) {
        if (!gone.insert(user).second) continue;
        LeaveOut(user, absl::StrCat("it stands on ", below));
        ask.push_back(user);
      }
    }
    auto& devices = *world_.mutable_mapped_device();
    for (int i = devices.size() - 1; i >= 0; --i) {
      if (gone.contains(devices[i].name())) devices.DeleteSubrange(i, 1);
    }
  }

  // Which mapped devices name a device.
  void FindUsers() {
    for (const proto::MappedDevice& m : world_.mapped_device()) {
      std::string last;
      for (const DmTargetSpec& row : facts_.mapped.at(m.name()).rows) {
        for (absl::string_view word : absl::StrSplit(row.params, ' ')) {
          if (!absl::StrContains(word, ":") && !absl::StartsWith(word, "/")) {
            continue;
          }
          const std::string device = CanonicalDevice(facts_, word);
          if (device.empty() || device == last) continue;
          users_[device].push_back(m.name());
          last = device;
        }
      }
    }
  }

  // The type of the row that is to blame, or of the first that keeps metadata.
  static std::string TypeAt(const proto::MappedDevice& m,
                            absl::string_view rest) {
    const size_t open = rest.find("target[");
    int row = -1;
    if (open != rest.npos) {
      absl::string_view number = rest.substr(open + 7);
      (void)absl::SimpleAtoi(number.substr(0, number.find(']')), &row);
    }
    if (row >= 0 && row < m.table().target_size()) {
      return SpecFromTarget(m.table().target(row)).target_type;
    }
    for (const proto::Target& t : m.table().target()) {
      if (KeepsMetadata(SpecFromTarget(t).target_type)) {
        return SpecFromTarget(t).target_type;
      }
    }
    return "";
  }

  static std::string FilePath(const proto::Mount& mount, int file) {
    return absl::StrCat(mount.path() == "/" ? "" : mount.path(), "/",
                        mount.file(file).name());
  }

  // One that is refused, and the others of its mount that would be after it:
  // all in one turn, and none that is not.
  void LeaveOutFiles(int index, int first, const std::string& words) {
    std::map<int, std::string> refused = RefusedFiles(world_, index);
    refused.try_emplace(first, words);
    proto::Mount& mount = *world_.mutable_mount(index);
    int kept = 0;
    for (int i = 0; i < mount.file_size(); ++i) {
      const auto why = refused.find(i);
      if (why != refused.end()) {
        LeaveOut(FilePath(mount, i), why->second);
      } else {
        mount.mutable_file()->SwapElements(kept++, i);
      }
    }
    mount.mutable_file()->DeleteSubrange(kept, mount.file_size() - kept);
  }

  bool YieldMount(const Refusal& r) {
    proto::Mount& mount = *world_.mutable_mount(r.index);
    const size_t open = r.rest.find(".file[");
    int file = -1;
    if (open != std::string::npos) {
      const std::string number = r.rest.substr(open + 6);
      if (absl::SimpleAtoi(number.substr(0, number.find(']')), &file) &&
          file >= 0 && file < mount.file_size()) {
        LeaveOutFiles(r.index, file, r.words);
        return true;
      }
    }
    if (const std::string fewer = WithoutNamed(mount.options(), r.words);
        fewer.size() < mount.options().size()) {
      MountWith(fewer, r.words, &mount);
      return true;
    }
    // Those that do not concern DAX go first.  data=journal goes last: what is
    // journalled has none, whatever its flag.
    using enum MountWordKind;
    for (const std::string& fewer :
         {MountWordsOf(mount.options(), {kDax, kData, kReadOnly}),
          MountWordsOf(mount.options(), {kData, kReadOnly}),
          MountWordsOf(mount.options(), {kReadOnly})}) {
      if (fewer.size() >= mount.options().size()) continue;
      MountWith(fewer, r.words, &mount);
      return true;
    }
    LeaveOut(mount.path(), r.words);
    world_.mutable_mount()->DeleteSubrange(r.index, 1);
    return true;
  }

  // Without the option that the kernel complains of, if it names one that does
  // not concern DAX: "Unknown parameter 'foo'", 'Unrecognized mount option
  // "foo=1"', "unknown mount option [foo=1]".
  static std::string WithoutNamed(const std::string& options,
                                  absl::string_view words) {
    std::vector<absl::string_view> kept;
    for (absl::string_view option : MountWords(options)) {
      const absl::string_view name = option.substr(0, option.find('='));
      const bool named =
          absl::StrContains(words, absl::StrCat("'", name, "'")) ||
          absl::StrContains(words, absl::StrCat("\"", option, "\"")) ||
          absl::StrContains(words, absl::StrCat("[", option, "]"));
      const MountWordKind kind = KindOfMountWord(option);
      if (!named || kind == MountWordKind::kDax ||
          kind == MountWordKind::kData) {
        kept.push_back(option);
      }
    }
    return absl::StrJoin(kept, ",");
  }

  // With fewer options: a kernel took the others elsewhere, and the emulated
  // one does not.
  void MountWith(const std::string& fewer, const std::string& words,
                 proto::Mount* mount) {
    const std::string& shown =
        shown_options_.try_emplace(mount->path(), mount->options())
            .first->second;
    if (mount->machine_options().empty()) mount->set_machine_options(shown);
    const std::string dax = DaxForAll(mount->options());
    if (dax.empty() || absl::StrContains(fewer, "dax")) {
      Note(absl::StrCat(mount->path(), " is mounted with '", fewer,
                        "' in place of '", mount->options(), "': ", words));
    } else {
      ContradictMount(*mount, shown, KernelName(), words, &facts_);
    }
    mount->set_options(fewer);
  }

  absl::string_view KernelName() const {
    const absl::StatusOr<const KernelProfile*> kernel =
        FindKernelProfile(world_.kernel());
    return (kernel.ok() ? **kernel : DefaultKernelProfile()).name;
  }

  Facts& facts_;
  proto::World& world_;
  std::set<std::string> stood_in_;
  // By mount, those in the kernel's words, of which some were dropped.
  std::map<std::string, std::string> shown_options_;
  std::map<std::string, std::vector<std::string>> users_;
};

}  // namespace

absl::Status SettleWorld(Facts* facts, proto::World* world) {
  return Settler(facts, world).Run();
}

}  // namespace dmdax
