// SPDX-License-Identifier: Apache-2.0
//
// AddMounts: file systems, and the files whose extents are known.
#include <algorithm>
#include <set>

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

  void Run() {
    for (const auto& [path, m] : LastAtEachPath()) AddMount(*m);
    NoteOthers();
    if (!facts_.files.empty() && world_.mount_size() == 0) GuessMount();
    for (const FileFact& file : facts_.files) AddFile(file);
  }

 private:
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
    if (!FindFileSystemType(m.type).ok()) {
      facts_.Note(m.place,
                  absl::StrCat(m.path, ": file system ", Quoted(m.type),
                               " has no DAX here: left out"));
      return;
    }
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

  void AddFile(const FileFact& file) {
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
      return;
    }
    if (!given_.insert(absl::StrCat(best->path(), "/", name)).second) {
      facts_.Note(file.place, absl::StrCat("file ", Quoted(file.path),
                                           " was given before: left out"));
      return;
    }
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
  std::set<std::string> given_;  // paths of files
  size_t without_device_ = 0;
};

}  // namespace

void AddMounts(Facts* facts, proto::World* world) {
  Mounts(facts, world).Run();
}

}  // namespace dmdax
