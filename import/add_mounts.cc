// SPDX-License-Identifier: Apache-2.0
//
// AddMounts: file systems, and the files whose extents are known.
#include <algorithm>
#include <map>
#include <set>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "fs/file_system_type.h"
#include "import/build_world.h"
#include "iomap/file_extents.h"

namespace dmdax {
namespace {

constexpr uint64_t kExt4Magic = 0xef53;

// What decides about DAX; the rest of the options does not.
std::string KnownOptions(absl::string_view options) {
  std::vector<absl::string_view> kept;
  for (absl::string_view option : absl::StrSplit(options, ',')) {
    if (option == "dax" || absl::StartsWith(option, "dax=") ||
        absl::StartsWith(option, "data=")) {
      kept.push_back(option);
    }
  }
  return absl::StrJoin(kept, ",");
}

// "db/data" of "/mnt/db/data" below "/mnt"; nothing: it is not below.
std::optional<std::string> Below(absl::string_view path,
                                 absl::string_view mount) {
  if (mount == "/") mount = "";
  if (!absl::ConsumePrefix(&path, mount) || !absl::ConsumePrefix(&path, "/")) {
    return std::nullopt;
  }
  return std::string(path);
}

class Mounts {
 public:
  Mounts(Facts* facts, proto::World* world) : facts_(*facts), world_(*world) {}

  absl::Status Run() {
    for (const MountFact& m : facts_.mounts) at_path_[m.path].push_back(&m);
    for (const auto& [path, mounts] : at_path_) {
      if (absl::Status s = CheckInputs(mounts); !s.ok()) return s;
    }
    for (const auto& [path, m] : LastAtEachPath()) AddMount(*m);
    NoteOthers();
    if (!facts_.files.empty() && world_.mount_size() == 0) GuessMount();
    for (const FileFact& file : facts_.files) {
      if (absl::Status s = AddFile(file); !s.ok()) return s;
    }
    return absl::OkStatus();
  }

 private:
  // Whether both can mean one mount.
  bool Agree(const MountFact& a, const MountFact& b) const {
    // lsblk, which knows no options, has the type that is on the disk: ntfs,
    // where the kernel's is fuseblk.
    if (!a.options.empty() && !b.options.empty() &&
        (a.type != b.type ||
         KnownOptions(a.options) != KnownOptions(b.options))) {
      return false;
    }
    const std::string device = CanonicalDevice(facts_, a.source);
    const std::string other = CanonicalDevice(facts_, b.source);
    return device.empty() || other.empty() || device == other;
  }

  // "ext4 of '/dev/sda1' with dax=always".
  static std::string WithOptions(const MountFact& m) {
    const std::string known = KnownOptions(m.options);
    return absl::StrCat(m.type, " of ", Quoted(m.source),
                        known.empty() ? "" : " with ", known);
  }

  static bool HasDevice(const MountFact& m) {
    return absl::StartsWith(m.source, "/dev/");
  }

  // All that inputs say of one path.  The last mount of one input, which is
  // the one to be seen, must be among those of every other.
  absl::Status CheckInputs(const std::vector<const MountFact*>& mounts) const {
    std::vector<std::vector<const MountFact*>> inputs;  // as they were read
    for (const MountFact* m : mounts) {
      if (!HasDevice(*m)) continue;
      if (inputs.empty() || inputs.back()[0]->place.input != m->place.input) {
        inputs.emplace_back();
      }
      inputs.back().push_back(m);
    }
    for (size_t i = 0; i < inputs.size() * inputs.size(); ++i) {
      const auto& own = inputs[inputs.size() - 1 - i / inputs.size()];
      const auto& other = inputs[i % inputs.size()];
      const MountFact &seen = *own.back(), &there = *other.back();
      if (std::any_of(other.begin(), other.end(),
                      [&](const MountFact* m) { return Agree(seen, *m); })) {
        continue;
      }
      return seen.place.Error(
          absl::StrCat(Quoted(seen.path), " is ", WithOptions(seen), "; ",
                       there.place.ToString(), " says ", WithOptions(there)));
    }
    return absl::OkStatus();
  }

  // Says which mounts of the path are not to be seen, once for each device.
  void NoteHidden(const MountFact& seen) {
    std::set<std::string> noted = {CanonicalDevice(facts_, seen.source), ""};
    for (const MountFact* m : at_path_.at(seen.path)) {
      if (!HasDevice(*m) ||
          !noted.insert(CanonicalDevice(facts_, m->source)).second) {
        continue;
      }
      facts_.Note(
          m->place,
          absl::StrCat(m->path, ": ", m->source, " is left out: ", seen.source,
                       " is mounted there too, ", seen.place.ToString()));
    }
  }

  // Later mounts hide earlier ones.  lsblk knows no options, so anybody else
  // knows more.
  std::map<std::string, const MountFact*> LastAtEachPath() const {
    std::map<std::string, const MountFact*> last;
    for (const MountFact& m : facts_.mounts) {
      const MountFact*& at = last[m.path];
      if (at == nullptr || at->options.empty() || !m.options.empty()) at = &m;
    }
    return last;
  }

  void AddMount(const MountFact& m) {
    if (!absl::StartsWith(m.source, "/dev/")) {
      ++without_device_;
      return;
    }
    const std::string device = CanonicalDevice(facts_, m.source);
    if (device.empty()) {
      facts_.Note(m.place, absl::StrCat(m.path, ": no input describes ",
                                        m.source, ": left out"));
      return;
    }
    if (m.path == "/") {
      facts_.Note(m.place,
                  absl::StrCat("/, ", m.source,
                               ": left out: the root file "
                               "system is not modelled, other mounts are"));
      return;
    }
    if (m.type.empty()) {
      facts_.Note(m.place,
                  absl::StrCat(m.path,
                               ": no input says which file system it has "
                               "(/proc/mounts; lsblk with FSTYPE): left out"));
      return;
    }
    if (!FindFileSystemType(m.type).ok()) {
      facts_.Note(m.place,
                  absl::StrCat(m.path, ": file system ", Quoted(m.type),
                               " has no DAX here: left out"));
      return;
    }
    NoteHidden(m);
    proto::Mount* mount = world_.add_mount();
    mount->set_path(m.path);
    mount->set_device(device);
    if (m.type != "ext4") mount->set_type(m.type);
    mount->set_options(KnownOptions(m.options));
    if (m.options.empty()) {
      facts_.Note(m.place, absl::StrCat(m.path,
                                        ": no input says its mount "
                                        "options (/proc/mounts): none "
                                        "taken"));
    }
  }

  void NoteOthers() {
    if (without_device_ == 0) return;
    facts_.NoteOnce(absl::StrCat(without_device_,
                                 " mounts without a block device (proc, tmpfs "
                                 "and the like): left out"));
  }

  // Devices that nothing stands on, with their sizes.
  std::vector<std::string> TopDevices() const {
    std::set<std::string> used;
    for (const proto::MappedDevice& m : world_.mapped_device()) {
      for (const DmTargetSpec& row : facts_.mapped.at(m.name()).rows) {
        for (absl::string_view word : absl::StrSplit(row.params, ' ')) {
          used.insert(CanonicalDevice(facts_, word));
        }
      }
    }
    for (const proto::Block& b : world_.block()) {
      if (!b.partition_of().empty()) {
        used.insert(absl::StrCat("/dev/", b.partition_of()));
      }
    }
    std::vector<std::string> top;
    const auto add = [&](const std::string& device) {
      if (!used.contains(device)) top.push_back(device);
    };
    for (const proto::MappedDevice& m : world_.mapped_device()) {
      add(absl::StrCat("/dev/mapper/", m.name()));
    }
    for (const proto::Pmem& p : world_.pmem()) {
      add(absl::StrCat("/dev/", p.name()));
    }
    // A disk beside a DAX stack is not where DAX files are.
    if (!top.empty()) return top;
    for (const proto::Block& b : world_.block()) {
      add(absl::StrCat("/dev/", b.name()));
    }
    return top;
  }

  // Files without any mount: if there is one place only where they can be.
  void GuessMount() {
    const std::vector<std::string> top = TopDevices();
    if (top.size() != 1) {
      facts_.Note(facts_.files[0].place,
                  absl::StrCat("no input says what is mounted (/proc/mounts), "
                               "and ",
                               top.size(), " devices could have the files"));
      return;
    }
    const FileFact& first = facts_.files[0];
    const size_t slash = first.path.rfind('/');
    std::string path = slash == std::string::npos || slash == 0
                           ? "/mnt"
                           : first.path.substr(0, slash);
    if (!absl::StartsWith(path, "/")) path = "/mnt";
    proto::Mount* mount = world_.add_mount();
    mount->set_path(path);
    mount->set_device(top[0]);
    const bool xfs =
        first.list.s_magic != 0 && first.list.s_magic != kExt4Magic;
    if (xfs) mount->set_type("xfs");
    mount->set_options("dax=always");
    facts_.Note(first.place,
                absl::StrCat(path,
                             ": no input says what is mounted "
                             "(/proc/mounts): ",
                             top[0], " with ", xfs ? "xfs" : "ext4",
                             ", dax=always taken"));
  }

  absl::Status AddFile(const FileFact& file) {
    proto::Mount* best = nullptr;
    std::string name;
    for (proto::Mount& m : *world_.mutable_mount()) {
      std::optional<std::string> below = Below(file.path, m.path());
      // A path that the tool was given from inside.
      if (!below && !absl::StartsWith(file.path, "/") &&
          world_.mount_size() == 1) {
        below = std::string(absl::StripPrefix(file.path, "./"));
      }
      if (!below) continue;
      if (best == nullptr || m.path().size() > best->path().size()) {
        best = &m;
        name = *below;
      }
    }
    if (best == nullptr || name.empty()) {
      facts_.Note(file.place, absl::StrCat("file ", Quoted(file.path),
                                           " is below no known mount: left "
                                           "out"));
      return absl::OkStatus();
    }
    const auto [given, fresh] =
        given_.emplace(absl::StrCat(best->path(), "/", name), &file);
    if (!fresh) return CheckAgain(file, *given->second);
    if (file.list.s_blocksize >= 512 && file.list.s_blocksize <= 65536 &&
        file.list.s_blocksize != 4096) {
      best->set_block_size(static_cast<uint32_t>(file.list.s_blocksize));
    }
    proto::File* out = best->add_file();
    out->set_name(name);
    out->set_size(file.list.file_size);
    for (const FileExtent& e : file.list.extents) {
      proto::Extent* extent = out->add_extent();
      extent->set_logical(e.logical);
      extent->set_physical(e.physical);
      extent->set_length(e.length);
      extent->set_shared(e.shared);
      extent->set_type(TypeOf(e));
    }
    return absl::OkStatus();
  }

  // Extents that continue each other are one, whatever they are of: not every
  // program tells unwritten ones from others, nor cuts where another does.
  static std::vector<FileExtent> Places(const ExtentList& list) {
    std::vector<FileExtent> places;
    for (const FileExtent& e : list.extents) {
      if (!places.empty() && places.back().end() == e.logical &&
          places.back().physical + places.back().length == e.physical) {
        places.back().length += e.length;
      } else {
        places.push_back(
            {.logical = e.logical, .physical = e.physical, .length = e.length});
      }
    }
    return places;
  }

  absl::Status CheckAgain(const FileFact& file, const FileFact& before) {
    const uint64_t size = file.list.file_size, other = before.list.file_size;
    if (size != 0 && other != 0 && size != other) {
      return file.place.Error(
          absl::StrCat("the size of ", Quoted(file.path), " is ", size, "; ",
                       before.place.ToString(), " says ", other));
    }
    if (Places(file.list) != Places(before.list)) {
      return file.place.Error(absl::StrCat("the extents of ", Quoted(file.path),
                                           " are others than at ",
                                           before.place.ToString()));
    }
    facts_.Note(file.place, absl::StrCat("file ", Quoted(file.path),
                                         " was given before: left out"));
    return absl::OkStatus();
  }

  static proto::Extent::Type TypeOf(const FileExtent& e) {
    switch (e.type) {
      case IOMAP_UNWRITTEN:
        return proto::Extent::UNWRITTEN;
      case IOMAP_DELALLOC:
        return proto::Extent::DELALLOC;
      case IOMAP_INLINE:
        return proto::Extent::INLINE;
      case IOMAP_HOLE:
        return proto::Extent::HOLE;
      default:
        return proto::Extent::MAPPED;
    }
  }

  Facts& facts_;
  proto::World& world_;
  std::map<std::string, std::vector<const MountFact*>> at_path_;
  std::map<std::string, const FileFact*> given_;  // by path
  size_t without_device_ = 0;
};

}  // namespace

absl::Status AddMounts(Facts* facts, proto::World* world) {
  return Mounts(facts, world).Run();
}

}  // namespace dmdax
