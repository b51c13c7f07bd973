// SPDX-License-Identifier: Apache-2.0
//
// AddMounts: file systems.
#include <set>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/kernel_profile.h"
#include "fs/file_system_type.h"
#include "fs/fs_parser.h"
#include "fs/no_dax.h"
#include "import/build_world.h"
#include "import/mount_table.h"

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

// The options that a mount of the World has: of a file system that is not
// modelled no others than those of all.
std::string KeptOptions(const FileSystemType& type, absl::string_view options) {
  std::vector<absl::string_view> kept;
  for (absl::string_view option :
       absl::StrSplit(options, ',', absl::SkipEmpty())) {
    const bool usual =
        absl::c_linear_search(kUsualOptions, option) ||
        absl::StrContains(option.substr(0, option.find('=')), "context");
    if (usual || (!type.no_dax.empty() && !IsVfsOption(option))) continue;
    kept.push_back(option);
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
      : table_(table), facts_(*facts), world_(*world) {}

  void Run() {
    for (const auto& [path, m] : table_.seen()) AddMount(*m);
    if (without_device_ == 0) return;
    facts_.NoteOnce(absl::StrCat(without_device_,
                                 " mounts without a block device (proc, tmpfs "
                                 "and the like): left out"));
  }

 private:
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
      facts_.Note(m.place, absl::StrCat(m.path, ": another mount of ", m.source,
                                        ", which is mounted on ", other->path,
                                        ": left out"));
      return;
    }
    const FileSystemType* type = TypeOf(m.type);
    if (type == nullptr) {
      facts_.Note(m.place,
                  absl::StrCat(m.path, ": ",
                               m.type.empty()
                                   ? "no input says which file system it has "
                                     "(/proc/mounts; lsblk with FSTYPE)"
                                   : absl::StrCat("dmdax does not know the "
                                                  "file system ",
                                                  Quoted(m.type)),
                               ": taken for one without DAX"));
      type = FindUnmodelledFileSystem(kUnknownFileSystem);
    }
    NoteHidden(m);
    proto::Mount* mount = world_.add_mount();
    mount->set_path(m.path);
    mount->set_device(device);
    if (type->name != kDefaultFileSystem) {
      mount->set_type(std::string(type->name));
    }
    mount->set_options(KeptOptions(*type, m.options));
    if (m.options.empty() && type->no_dax.empty()) {
      facts_.Note(m.place, absl::StrCat(m.path,
                                        ": no input says its mount "
                                        "options (/proc/mounts): none "
                                        "taken"));
    }
    if (m.type == "xfs") AddXfsFacts(m, device, mount);
  }

  void AddXfsFacts(const MountFact& m, const std::string& device,
                   proto::Mount* mount) {
    bool said = false;
    for (const XfsFact& xfs : facts_.xfs) {
      if (CanonicalDevice(facts_, xfs.source) != device) continue;
      said = true;
      mount->set_reflink(xfs.reflink);
      if (xfs.block_size != 0 && xfs.block_size != 4096) {
        mount->set_block_size(xfs.block_size);
      }
    }
    absl::StatusOr<const KernelProfile*> kernel =
        FindKernelProfile(world_.kernel());
    if (said || !kernel.ok() || m.options.empty() ||
        absl::StrContains(m.options, "dax") ||
        (*kernel)->xfs_dax_reflink != XfsDaxReflink::kRefused) {
      return;
    }
    facts_.Note(m.place,
                absl::StrCat(m.path,
                             ": no input says whether it was made with "
                             "reflink (xfs_info): with it, this kernel "
                             "refuses dax=always"));
  }

  const MountTable& table_;
  Facts& facts_;
  proto::World& world_;
  size_t without_device_ = 0;
};

}  // namespace

std::string OnlyDaxOptions(absl::string_view options) {
  std::vector<absl::string_view> kept;
  for (absl::string_view option : absl::StrSplit(options, ',')) {
    if (option == "dax" || absl::StartsWith(option, "dax=") ||
        absl::StartsWith(option, "data=")) {
      kept.push_back(option);
    }
  }
  return absl::StrJoin(kept, ",");
}

absl::Status AddMounts(Facts* facts, proto::World* world) {
  const MountTable table(*facts);
  if (absl::Status s = table.CheckInputs(); !s.ok()) return s;
  Mounts(table, facts, world).Run();
  return AddFiles(table, facts, world);
}

}  // namespace dmdax
