// SPDX-License-Identifier: Apache-2.0
//
// AddMounts: file systems.
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "base/kernel_profile.h"
#include "fs/file_system_type.h"
#include "fs/fs_parser.h"
#include "fs/mount_words.h"
#include "fs/no_dax.h"
#include "import/build_world.h"
#include "import/contradictions.h"
#include "import/ended_mount.h"
#include "import/guess.h"
#include "import/mount_table.h"
#include "import/next_boot.h"
#include "state/world_load.h"

namespace dmdax {
namespace {

// Null: there is no such file system that is known.
const FileSystemType* TypeOf(absl::string_view name) {
  absl::StatusOr<const FileSystemType*> type = FindFileSystemType(name);
  return type.ok() ? *type : FindUnmodelledFileSystem(name);
}

// What the kernel shows of every mount, or of most, whoever mounted it.
constexpr absl::string_view kUsualOptions[] = {
    "rw",      "relatime",  "seclabel",     "attr2",
    "inode64", "logbufs=8", "logbsize=32k", "noquota"};

// Those with which the machine can mount it again.
std::vector<absl::string_view> GivenOptions(const FileSystemType& type,
                                            absl::string_view options) {
  std::vector<absl::string_view> given = MountWords(options);
  std::erase_if(given, [&](absl::string_view option) {
    return absl::c_linear_search(kUsualOptions, option) ||
           SaysMountHasEnded(type, option);
  });
  return given;
}

// The options that a mount of the World has: of a file system that is not
// modelled no others than those of all.
std::string KeptOptions(const FileSystemType& type, absl::string_view options,
                        const KernelProfile& kernel) {
  std::vector<absl::string_view> kept;
  for (absl::string_view option : GivenOptions(type, options)) {
    if (!type.no_dax.empty() && !IsVfsOption(option)) continue;
    // Distributors gave older kernels the words of newer ones.
    const bool newer = !kernel.has_dax_modes && option.substr(0, 4) == "dax=";
    if (newer && option != "dax=always") continue;
    kept.push_back(newer ? "dax" : option);
  }
  return absl::StrJoin(kept, ",");
}

// Whether what is called so may be persistent memory, or stand on it, under a
// name that no other input has.
bool MayBePmem(absl::string_view source) {
  absl::string_view name = source;
  if (!absl::ConsumePrefix(&name, "/dev/")) return false;
  for (absl::string_view kind : {"pmem", "dm-", "md", "root", "bcache"}) {
    if (absl::StartsWith(name, kind)) return true;
  }
  return absl::StrContains(name, '/');  // mapper/, disk/by-id/, vg/lv
}

class Mounts {
 public:
  Mounts(const MountTable& table, Facts* facts, proto::World* world)
      : table_(table),
        facts_(*facts),
        world_(*world),
        kernel_(ProfileOf(*world)) {
    for (const UseFact& use : facts_.uses) {
      if (use.block_size < 1024 || use.block_size > 65536 ||
          use.block_size == 4096) {
        continue;
      }
      block_sizes_[CanonicalName(facts_, use.device)] = use.block_size;
    }
    for (const FileFact& file : facts_.files) {
      if (absl::c_any_of(file.list.extents,
                         [](const FileExtent& e) { return e.shared; })) {
        shared_.insert(file.path);
      }
    }
    for (const XfsFact& xfs : facts_.xfs) {
      xfs_[CanonicalDevice(facts_, xfs.source)].push_back(&xfs);
    }
  }

  void Run() {
    for (const auto& [path, m] : table_.seen()) AddMount(*m);
    if (without_device_ == 0) return;
    facts_.NoteOnce(absl::StrCat(without_device_,
                                 without_device_ == 1 ? " mount" : " mounts",
                                 " without a block device (proc, tmpfs "
                                 "and the like): left out"));
  }

 private:
  static const KernelProfile& ProfileOf(const proto::World& world) {
    absl::StatusOr<const KernelProfile*> kernel =
        FindKernelProfile(world.kernel());
    return kernel.ok() ? **kernel : DefaultKernelProfile();
  }

  // Says which mounts of the path are not to be seen, once for each device.
  void NoteHidden(const MountFact& seen) {
    std::set<std::string> noted = {table_.DeviceOf(seen), ""};
    for (const MountFact* m : table_.AllAt(seen.path)) {
      if (!MountTable::HasDevice(*m) ||
          !noted.insert(table_.DeviceOf(*m)).second) {
        continue;
      }
      facts_.Note(
          m->place,
          absl::StrCat(m->path, ": ", m->source, " is left out: ", seen.source,
                       " is mounted there too, ", seen.place.ToString()));
    }
  }

  void AddMount(const MountFact& m) {
    if (!MountTable::HasDevice(m)) {
      const bool dax = absl::StrContains(m.options, "dax");
      if (m.type == "virtiofs" && dax) {
        facts_.LeaveOut(m.place, m.path,
                        "virtiofs, whose DAX dmdax does not model");
      } else {
        ++without_device_;
      }
      return;
    }
    const std::string device = table_.DeviceOf(m);
    if (device.empty()) {
      const std::string why = absl::StrCat("no input describes ", m.source);
      if (MayBePmem(m.source)) {
        facts_.LeaveOut(m.place, m.path, why);
      } else {
        facts_.Note(m.place, absl::StrCat(m.path, ": ", why, ": left out"));
      }
      return;
    }
    if (const MountFact* other = table_.OtherMountOf(m)) {
      const std::string root = table_.RootOf(m);
      facts_.Note(
          m.place,
          absl::StrCat(m.path, ": another mount of ", m.source,
                       root.empty() || root == "/"
                           ? ""
                           : absl::StrCat(", a bind mount of its ", root),
                       ", which is mounted on ", other->path, ": left out"));
      return;
    }
    const FileSystemType* type = TypeOf(m.type);
    const bool on_pmem = MayHavePmem(facts_, world_, device);
    if (type == nullptr) {
      if (on_pmem) GuessType(m);
      type = FindUnmodelledFileSystem(kUnknownFileSystem);
    }
    NoteHidden(m);
    proto::Mount* mount = world_.add_mount();
    mount->set_path(m.path);
    mount->set_device(device);
    if (type->name != kDefaultFileSystem) {
      mount->set_type(std::string(type->name));
    }
    mount->set_options(
        WithKnownDevices(KeptOptions(*type, m.options, kernel_)));
    AddMachineOptions(*type, m, mount);
    if (on_pmem && type->no_dax.empty()) GuessFlags(m);
    if (on_pmem) GuessEnded(*type, m, &facts_);
    if (on_pmem && !type->no_dax.empty()) GuessDriver(*type, m);
    if (m.type == "xfs") AddXfsFacts(m, device, on_pmem, mount);
    if (absl::StartsWith(m.type, "ext")) AddBlockSize(device, mount);
  }

  // A file system in user space is shown with what its program told the kernel,
  // and not with what the program was told.
  void AddMachineOptions(const FileSystemType& type, const MountFact& m,
                         proto::Mount* mount) const {
    if (absl::StartsWith(m.type, "fuse")) return;
    const std::string given =
        WithKnownDevices(absl::StrJoin(GivenOptions(type, m.options), ","));
    if (given != mount->options()) mount->set_machine_options(given);
  }

  // A second device of the file system by its own name, as mount->device() has
  // the first.
  std::string WithKnownDevices(const std::string& options) const {
    std::vector<std::string> words;
    for (absl::string_view word : MountWords(options)) {
      const size_t equals = word.find("=/dev/");
      const std::string device =
          equals == word.npos
              ? ""
              : CanonicalDevice(facts_, word.substr(equals + 1));
      words.push_back(device.empty()
                          ? std::string(word)
                          : absl::StrCat(word.substr(0, equals + 1), device));
    }
    return absl::StrJoin(words, ",");
  }

  void GuessType(const MountFact& m) {
    facts_.Guess(
        m.place,
        MakeGuess(proto::Guess::NO_DAX, m.path,
                  m.type.empty()
                      ? absl::StrCat("no input says which file system ", m.path,
                                     " has")
                      : absl::StrCat("dmdax does not know the file system ",
                                     Quoted(m.type), " of ", m.path),
                  "one without DAX",
                  m.type.empty() ? "/proc/mounts, lsblk -o +FSTYPE" : ""));
  }

  // The kernel shows DAX where our kernel has none.
  void GuessDriver(const FileSystemType& type, const MountFact& m) {
    if (type.name == kUnknownFileSystem) return;  // GuessType() says so
    for (absl::string_view option : MountWords(m.options)) {
      if (option != "dax" && option != "dax=always") continue;
      facts_.Guess(
          m.place,
          MakeGuess(proto::Guess::NO_DAX, m.path,
                    absl::StrCat(m.path, " is mounted with ", option,
                                 ", and is ", type.name, ", ", type.no_dax),
                    "no DAX"));
      return;
    }
  }

  // On any of the kernels that are asked about the machine.
  bool IsByFlag(const MountFact& m) const {
    const KernelAnswer answer = KernelOf(world_);
    return DaxIsByFlag(kernel_, m.type, m.options) ||
           (answer.above != nullptr &&
            DaxIsByFlag(*answer.above, m.type, m.options));
  }

  // What decides about the DAX of a file and is not said.
  void GuessFlags(const MountFact& m) {
    const std::vector<absl::string_view> options = MountWords(m.options);
    if (options.empty()) {
      proto::Guess guess =
          MakeGuess(proto::Guess::NO_DAX, m.path,
                    absl::StrCat("no input says with which options ", m.path,
                                 " is mounted"),
                    "none", "/proc/mounts");
      guess.set_options(kernel_.has_dax_modes && m.type != "ext2" ? "dax=always"
                                                                  : "dax");
      facts_.Guess(m.place, std::move(guess));
    }
    const bool says_inode = HasMountWord(m.options, "dax=inode");
    if (options.empty() && IsByFlag(m) && HasFlagsOf(m.path)) {
      // A file with the flag has DAX then, as far as nobody says otherwise.
      proto::Guess guess =
          MakeGuess(proto::Guess::DAX, m.path,
                    absl::StrCat("no input says whether ", m.path,
                                 " is mounted with dax=never"),
                    "it is not", "/proc/mounts");
      guess.set_no_dax(true);
      facts_.Guess(m.place, std::move(guess));
    }
    if (!options.empty() && IsByFlag(m) && (says_inode || HasFilesOf(m.path)) &&
        !HasFlagsOf(m.path)) {
      proto::Guess guess = MakeGuess(
          proto::Guess::NO_DAX, m.path,
          absl::StrCat("no input says whether a file of ", m.path, ", mounted ",
                       says_inode ? "with dax=inode" : "without a dax option",
                       ", has FS_XFLAG_DAX"),
          "none has", "lsattr FILE or xfs_io -c stat FILE");
      guess.set_dax_flag(true);
      facts_.Guess(m.place, std::move(guess));
    }
    for (absl::string_view option : options) {
      if (m.type == "xfs" && absl::ConsumePrefix(&option, "rtdev=") &&
          !AllOnDataDevice(m.path)) {
        proto::Guess guess =
            MakeGuess(proto::Guess::DAX, m.path,
                      absl::StrCat("no input says which files of ", m.path,
                                   " are on its realtime device ", option),
                      "none", "xfs_io -c lsattr FILE");
        if (std::string known = CanonicalDevice(facts_, option);
            !known.empty()) {
          guess.set_on_device(std::move(known));
        }
        facts_.Guess(m.place, std::move(guess));
      }
    }
  }

  // Whether an input has the flags of some of its files: AddFiles() asks about
  // the others then.  A file of the realtime device is none of the World's.
  bool HasFlagsOf(const std::string& path) const {
    const std::string begin = absl::StrCat(path == "/" ? "" : path, "/");
    return absl::c_any_of(facts_.flags, [&](const FlagFact& fact) {
      return fact.says_dax && !fact.realtime &&
             absl::StartsWith(table_.PathInWorld(fact.path), begin);
    });
  }

  bool HasFilesOf(const std::string& path) const {
    const std::string begin = absl::StrCat(path == "/" ? "" : path, "/");
    return absl::c_any_of(facts_.files, [&](const FileFact& file) {
      return absl::StartsWith(table_.PathInWorld(file.path), begin);
    });
  }

  // Whether it is said of its files, as far as there are any, on which device
  // they are: xfs_bmap -v has AGs on the data device alone, and of those on
  // the other no World has anything.
  bool AllOnDataDevice(const std::string& path) const {
    const std::string begin = absl::StrCat(path == "/" ? "" : path, "/");
    std::set<std::string> flags_say;
    for (const FlagFact& fact : facts_.flags) {
      if (fact.says_realtime) flags_say.insert(table_.PathInWorld(fact.path));
    }
    bool some = false;
    for (const FileFact& file : facts_.files) {
      const std::string name = table_.PathInWorld(file.path);
      if (!absl::StartsWith(name, begin)) continue;
      if (!file.list.on_data_device && !flags_say.contains(name)) return false;
      some = true;
    }
    return some;
  }

  // What mkfs was told, as the kernel asks before it mounts with DAX.
  void AddBlockSize(const std::string& device, proto::Mount* mount) {
    const auto said = block_sizes_.find(device);
    if (said != block_sizes_.end()) mount->set_block_size(said->second);
  }

  void AddXfsFacts(const MountFact& m, const std::string& device, bool on_pmem,
                   proto::Mount* mount) {
    bool said = false;
    const auto facts = xfs_.find(device);
    if (facts != xfs_.end()) {
      for (const XfsFact* xfs : facts->second) {
        said = true;
        mount->set_reflink(xfs->reflink);
        if (xfs->block_size != 0 && xfs->block_size != 4096) {
          mount->set_block_size(xfs->block_size);
        }
      }
    }
    if (said || !on_pmem || m.options.empty() ||
        absl::StrContains(m.options, "dax") || HasSharedFile(m.path)) {
      return;
    }
    proto::Guess guess =
        MakeGuess(proto::Guess::NO_DAX, m.path,
                  absl::StrCat("no input says whether ", m.path,
                               " was made with reflink, with which this kernel "
                               "refuses dax=always"),
                  "no reflink", absl::StrCat("xfs_info ", m.path));
    guess.set_by_mkfs(true);
    // Another kernel may be asked than the one that runs.
    guess.set_about_reflink(true);
    facts_.Guess(m.place, std::move(guess));
  }

  // AddFiles() says reflink of its file system then.
  bool HasSharedFile(const std::string& path) const {
    const std::string begin = absl::StrCat(path == "/" ? "" : path, "/");
    const auto next = shared_.lower_bound(begin);
    return next != shared_.end() && absl::StartsWith(*next, begin);
  }

  const MountTable& table_;
  Facts& facts_;
  proto::World& world_;
  const KernelProfile& kernel_;
  std::map<std::string, uint32_t> block_sizes_;  // by device
  std::set<std::string> shared_;                 // files with shared blocks
  std::map<std::string, std::vector<const XfsFact*>> xfs_;
  size_t without_device_ = 0;
};

}  // namespace

absl::Status AddMounts(Facts* facts, proto::World* world) {
  const MountTable table(*facts);
  if (absl::Status s = table.CheckInputs(); !s.ok()) return s;
  Mounts(table, facts, world).Run();
  NoteNextBoot(*world, table, facts);
  AddMountsBeside(table, *facts, world);
  return AddFiles(table, facts, world);
}

}  // namespace dmdax
