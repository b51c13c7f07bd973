// SPDX-License-Identifier: Apache-2.0
#include "tools/check/world_mount.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "base/one_line.h"
#include "fs/file_system_type.h"
#include "fs/mount_words.h"
#include "process/mount_point.h"

namespace dmdax {

proto::Mount* FindWorldMount(proto::World& world, const std::string& path) {
  for (proto::Mount& mount : *world.mutable_mount()) {
    if (MountPath(mount.path()) == MountPath(path)) return &mount;
  }
  return nullptr;
}

const proto::Mount* FindWorldMount(const proto::World& world,
                                   const std::string& path) {
  return FindWorldMount(const_cast<proto::World&>(world), path);
}

std::string WorldFsType(const proto::Mount& mount) {
  return mount.type().empty() ? std::string(kDefaultFileSystem) : mount.type();
}

const std::string& MachineOptions(const proto::Mount& mount) {
  return mount.machine_options().empty() ? mount.options()
                                         : mount.machine_options();
}

const std::string& MachineOptions(const MountPoint& mount) {
  const MountOptions& options = mount.options();
  return options.machine_options.empty() ? options.request.options
                                         : options.machine_options;
}

void ChangeOptions(absl::FunctionRef<std::string(const std::string&)> change,
                   proto::Mount* mount) {
  mount->set_options(change(mount->options()));
  if (!mount->machine_options().empty()) {
    mount->set_machine_options(change(mount->machine_options()));
  }
}

std::string WorldMountLine(const proto::Mount& mount,
                           const std::string& device_path) {
  const std::string& options = MachineOptions(mount);
  return absl::StrCat(
      "mount ",
      options.empty() ? "" : absl::StrCat("-o ", ShellWord(options), " "),
      ShellWord(device_path), " ", ShellWord(MountPath(mount.path())));
}

std::string WorldFreshMountLine(const proto::Mount& mount,
                                const std::string& device_path) {
  // As /proc/mounts shows them: "stripe=512" of ext4, "sunit=128,swidth=256" of
  // xfs, where "noalign" lets blocks lie anywhere.  "sb=" is where a copy of
  // the old one's super block lies.  What is read-only nobody can restore; it
  // may have been so because its journal was left alone.
  std::vector<absl::string_view> kept;
  for (absl::string_view word : MountWords(MachineOptions(mount))) {
    const absl::string_view name = word.substr(0, word.find('='));
    if (name != "stripe" && name != "sunit" && name != "swidth" &&
        name != "noalign" && name != "sb" && name != "ro" && name != "noload" &&
        name != "norecovery") {
      kept.push_back(word);
    }
  }
  proto::Mount fresh;
  fresh.set_path(mount.path());
  fresh.set_options(absl::StrJoin(kept, ","));
  return WorldMountLine(fresh, device_path);
}

void SetFileExtents(const std::vector<FileExtent>& extents, uint64_t size,
                    proto::File* file) {
  file->set_size(size);
  file->clear_extent();
  file->clear_extents_text();
  file->clear_fiemap();
  for (const FileExtent& e : extents) {
    proto::Extent* extent = file->add_extent();
    extent->set_logical(e.logical);
    extent->set_physical(e.physical);
    extent->set_length(e.length);
    extent->set_shared(e.shared);
    if (e.type == IOMAP_UNWRITTEN) extent->set_type(proto::Extent::UNWRITTEN);
  }
}

}  // namespace dmdax
