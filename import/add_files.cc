// SPDX-License-Identifier: Apache-2.0
//
// AddFiles: the files whose extents are known, each on the mount that it is on.
#include <algorithm>
#include <map>
#include <set>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/kernel_profile.h"
#include "fs/mount_words.h"
#include "import/block_units.h"
#include "import/build_world.h"
#include "import/contradictions.h"
#include "import/guess.h"
#include "import/mount_table.h"
#include "iomap/file_extents.h"

namespace dmdax {
namespace {

constexpr uint64_t kExt4Magic = 0xef53;
constexpr uint64_t kXfsMagic = 0x58465342;

// " (upper /d/up, lower /x)" of an overlay; "": its options do not say.
std::string DirectoriesOf(const MountFact& overlay) {
  std::vector<std::string> parts;
  for (const auto& [option, what] :
       {std::pair("upperdir", "upper "), std::pair("lowerdir", "lower ")}) {
    if (const auto at = MountValue(overlay.options, option)) {
      parts.push_back(absl::StrCat(what, *at));
    }
  }
  return parts.empty() ? ""
                       : absl::StrCat(" (", absl::StrJoin(parts, ", "), ")");
}

class Files {
 public:
  Files(const MountTable& table, Facts* facts, proto::World* world)
      : table_(table), facts_(*facts), world_(*world), units_(*facts) {}

  absl::Status Run() {
    if (!facts_.files.empty() && facts_.mounts.empty()) GuessMount();
    if (absl::Status s = JoinFlags(); !s.ok()) return s;
    for (const FileFact& file : facts_.files) {
      if (absl::Status s = AddFile(file); !s.ok()) return s;
    }
    units_.Settle(&facts_, &world_);
    GuessFlags();
    return absl::OkStatus();
  }

 private:
  // Where inputs have the DAX flag of some files of a mount, the others are
  // asked about one by one.
  void GuessFlags() {
    std::set<std::string> some;
    for (const auto& [path, flags] : flags_) {
      if (!flags.says_dax) continue;
      const MountFact* const owner = table_.OwnerOf(path);
      if (owner != nullptr) some.insert(owner->path);
    }
    for (const auto& [mount, paths] : unflagged_) {
      if (!some.contains(mount)) continue;
      for (const std::string& path : paths) {
        proto::Guess guess = MakeGuess(
            proto::Guess::NO_DAX, path,
            absl::StrCat("no input says whether ", path,
                         ", on a mount where that decides, has FS_XFLAG_DAX"),
            "it has not", "lsattr FILE or xfs_io -c stat FILE");
        guess.set_dax_flag(true);
        facts_.Guess({}, std::move(guess));
      }
    }
  }

  // By their paths in the World.  Not every program knows all flags.
  absl::Status JoinFlags() {
    for (const FlagFact& fact : facts_.flags) {
      const auto [at, fresh] =
          flags_.try_emplace(table_.PathInWorld(fact.path), fact);
      if (fresh) continue;
      FlagFact& all = at->second;
      if (!all.says_dax || !fact.says_dax) {
        if (fact.says_dax) all.place = fact.place;
        all.dax |= fact.dax;
        all.says_dax |= fact.says_dax;
      } else if (fact.dax != all.dax) {
        return fact.place.Error(
            absl::StrCat(Quoted(fact.path), fact.dax ? " has" : " has not",
                         " FS_XFLAG_DAX; ", all.place.ToString(),
                         all.dax ? " says it has" : " says it has not"));
      }
      all.never_dax |= fact.never_dax;
      all.realtime |= fact.realtime;
      all.says_realtime |= fact.says_realtime;
      all.immutable |= fact.immutable;
      all.append_only |= fact.append_only;
    }
    return absl::OkStatus();
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
    if (const uint64_t magic = first.list.s_magic;
        magic != 0 && magic != kExt4Magic && magic != kXfsMagic) {
      return;  // each file says why it is left out
    }
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
    facts_.Guess(
        first.place,
        MakeGuess(proto::Guess::DAX, path,
                  absl::StrCat("no input says what is mounted on ", path),
                  absl::StrCat(top[0], " with ", xfs ? "xfs" : "ext4",
                               ", dax=always"),
                  "/proc/mounts"));
  }

  absl::Status AddFile(const FileFact& file) {
    proto::Mount* best = nullptr;
    std::string name;
    const std::string path = table_.PathInWorld(file.path);
    if (path != file.path) {
      facts_.Note(file.place, absl::StrCat(file.path, ": it is ", path,
                                           ", which is mounted twice"));
    }
    for (proto::Mount& m : *world_.mutable_mount()) {
      std::optional<std::string> below = Below(path, m.path());
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
    const MountFact* owner = table_.OwnerOf(path);
    const bool elsewhere =
        owner != nullptr && (best == nullptr || best->path() != owner->path);
    if (elsewhere || best == nullptr || name.empty()) {
      facts_.LeaveOut(
          file.place, file.path,
          !elsewhere ? std::string("it is below no known mount")
          : MountTable::HasDevice(*owner)
              ? absl::StrCat("it is on ", owner->path, ", ",
                             MountTable::WithOptions(*owner),
                             ", which is left out")
          : owner->type == "overlay"
              ? absl::StrCat("it is on ", owner->path,
                             ", an overlay: ask about the file that it shows, "
                             "in one of its directories",
                             DirectoriesOf(*owner))
              : absl::StrCat("it is on ", owner->path, ", ", owner->type,
                             ", which has no persistent memory below"));
      return absl::OkStatus();
    }
    if (IsOfOtherType(file, *best)) {
      facts_.LeaveOut(
          file.place, file.path,
          absl::StrCat("filefrag says that it is on ",
                       file.list.s_magic == kExt4Magic ? "ext4" : "xfs",
                       ", and ", best->path(), " is ",
                       best->type().empty() ? "ext4" : best->type()));
      return absl::OkStatus();
    }
    if (HasNoSize(file) && !IsSizedElsewhere(file)) {
      facts_.LeaveOut(file.place, file.path,
                      "it has no extents, and no input says its size: filefrag "
                      "-v says both");
    }
    if (HasNoSize(file)) return absl::OkStatus();
    const auto [given, fresh] =
        given_.emplace(absl::StrCat(best->path(), "/", name), &file);
    if (!fresh) return CheckAgain(file, *given->second);
    if (std::string why = units_.Add(file, *best); !why.empty()) {
      facts_.LeaveOut(file.place, file.path, why);
      return absl::OkStatus();
    }
    const auto flags = flags_.find(path);
    if (flags != flags_.end() && flags->second.realtime) {
      facts_.LeaveOut(file.place, file.path,
                      "dmdax: not modelled: a file on the realtime device of "
                      "its file system");
      return absl::OkStatus();
    }
    proto::File* out = best->add_file();
    out->set_name(name);
    out->set_size(file.list.file_size);
    out->set_never_dax(file.list.never_dax);
    if (flags != flags_.end()) {
      out->set_dax(flags->second.dax);
      if (flags->second.never_dax) out->set_never_dax(true);
      out->set_immutable(flags->second.immutable);
      out->set_append_only(flags->second.append_only);
    }
    const auto kernel = FindKernelProfile(world_.kernel());
    if ((flags == flags_.end() || !flags->second.says_dax) &&
        DaxIsByFlag(kernel.ok() ? **kernel : DefaultKernelProfile(),
                    best->type().empty() ? "ext4" : best->type(),
                    best->options())) {
      unflagged_[best->path()].push_back(path);
    }
    for (const FileExtent& e : file.list.extents) {
      proto::Extent* extent = out->add_extent();
      extent->set_logical(e.logical);
      extent->set_physical(e.physical);
      extent->set_length(e.length);
      extent->set_shared(e.shared);
      extent->set_type(TypeOf(e));
      // What mkfs was told, as the kernel asks before it mounts with DAX.
      if (e.type == IOMAP_INLINE) best->set_inline_data(true);
      if (e.shared && best->type() == "xfs") best->set_reflink(true);
    }
    return absl::OkStatus();
  }

  // Whether the file system that filefrag asked is not the one of the mount; of
  // a file on another the list is of no use.
  static bool IsOfOtherType(const FileFact& file, const proto::Mount& mount) {
    if (file.list.s_blocksize == 0) return false;  // it is no filefrag's
    const std::string type = mount.type().empty() ? "ext4" : mount.type();
    return (file.list.s_magic == kExt4Magic && type == "xfs") ||
           (file.list.s_magic == kXfsMagic && absl::StartsWith(type, "ext"));
  }

  // Of a file that is all hole xfs_bmap, xfs_io and struct fiemap say nothing
  // else; filefrag, which has blocks of a size, says the file's too.
  static bool HasNoSize(const FileFact& file) {
    return file.list.extents.empty() && file.list.file_size == 0 &&
           file.list.s_blocksize == 0;
  }

  bool IsSizedElsewhere(const FileFact& file) const {
    return absl::c_any_of(facts_.files, [&](const FileFact& other) {
      return other.path == file.path && !HasNoSize(other);
    });
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

  const MountTable& table_;
  Facts& facts_;
  proto::World& world_;
  std::map<std::string, const FileFact*> given_;  // by path
  BlockUnits units_;
  std::map<std::string, FlagFact> flags_;  // by path
  // By mount where the flag decides, files of whose flag nothing is said.
  std::map<std::string, std::vector<std::string>> unflagged_;
};

}  // namespace

absl::Status AddFiles(const MountTable& table, Facts* facts,
                      proto::World* world) {
  return Files(table, facts, world).Run();
}

}  // namespace dmdax
