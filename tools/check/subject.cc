// SPDX-License-Identifier: Apache-2.0
#include "tools/check/subject.h"

#include <cerrno>
#include <map>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/errno_status.h"
#include "dm/dm_ioctl.h"
#include "dm/mapped_device.h"
#include "fs/dax_words.h"
#include "fs/file_system_type.h"
#include "fs/mount_words.h"
#include "process/mount_point.h"
#include "state/device_file.h"
#include "state/find_device.h"
#include "tools/check/dax_depth.h"
#include "tools/check/device_use.h"
#include "tools/check/extended_partition.h"
#include "tools/check/hidden_volume.h"

namespace dmdax {
namespace {

// "mnt is xfs, mounted with dax=never": why no file of a mount is DAX, unless
// it has the flag.
std::string MountText(const MountPoint& mount) {
  const MountRequest& request = mount.options().request;
  std::string text = absl::StrCat(mount.options().path, " is ", request.type);
  const FileSystemType* type = mount.sb().s_type;
  if (type != nullptr && !type->no_dax.empty()) {
    return absl::StrCat(text, ", ", type->no_dax);
  }
  std::string dax;
  for (absl::string_view word : MountWords(request.options)) {
    if (KindOfMountWord(word) == MountWordKind::kDax ||
        word == "data=journal") {
      dax = std::string(word);
    }
  }
  if (dax.empty()) {
    absl::StrAppend(&text, ", mounted without dax=always");
  } else {
    absl::StrAppend(&text, ", mounted with ", dax);
  }
  const SuperBlock& sb = mount.sb();
  if (sb.dax_dev == nullptr && request.block_size != kPageSize) {
    absl::StrAppend(&text, ", with blocks of ", request.block_size, " bytes");
  } else if (sb.dax == DaxMode::kInode && sb.dax_dev != nullptr &&
             !sb.journals_data) {
    absl::StrAppend(&text, ": only files with the DAX flag (chattr +x) are");
  }
  return text;
}

// The mount whose file system is on the device; null: there is none.
const MountPoint* MountOn(const Session& session, const BlockDevice& bdev) {
  return session.user->FirstMountOf(bdev);
}

absl::StatusOr<Subject> OpenFile(Session& session, const std::string& path) {
  absl::StatusOr<MountedFile*> found = session.user->FindFile(path);
  if (!found.ok()) return found.status();
  Subject subject{.name = path, .kind = Subject::kFile};
  subject.size = (*found)->inode.i_size;
  const absl::string_view mounted_at = absl::StripSuffix(
      absl::string_view(path), absl::StrCat("/", (*found)->options.name));
  subject.mount = mounted_at.empty() ? "/" : std::string(mounted_at);
  absl::StatusOr<MountPoint*> mount = session.user->FindMount(subject.mount);
  if (!mount.ok()) return mount.status();
  subject.bdev = &(*mount)->bdev();
  if (!(*found)->inode.s_dax) {
    const bool shares =
        (*found)->inode.reflinked && !session.user->faults().dax_reflink;
    subject.dax = ErrnoError(
        EOPNOTSUPP,
        absl::StrCat(
            "the file is not DAX: ",
            shares ? "it shares blocks with another file (reflink), "
                     "which this kernel allows without DAX alone"
            : (*found)->options.never_dax || (*found)->inode.inline_data
                ? "it is encrypted or compressed, has verity or "
                  "inline data, or its data is journalled (lsattr: E, "
                  "V, N, j)"
                : MountText(**mount)));
    return subject;
  }
  absl::StatusOr<std::shared_ptr<File>> file =
      session.user->Open(path, !session.user->IsReadOnly(path));
  if (!file.ok()) return file.status();
  subject.file = *std::move(file);
  return subject;
}

absl::StatusOr<Subject> OpenDevDax(Session& session, const std::string& name) {
  absl::StatusOr<std::shared_ptr<File>> file =
      session.user->Open(absl::StrCat("/dev/", name));
  if (!file.ok()) return file.status();
  Subject subject{.name = name, .kind = Subject::kDevDax};
  subject.size = static_cast<DevDax*>((*file)->f_op)->size();
  subject.file = *std::move(file);
  return subject;
}

absl::StatusOr<Subject> OpenDevice(Session& session, const std::string& name) {
  absl::StatusOr<BlockDevice*> bdev = FindDevice(session, name);
  if (!bdev.ok()) return bdev.status();
  return OpenDeviceSubject(session, **bdev, name);
}

// The devices that tables, partitions and mounts stand on.
std::set<const BlockDevice*> DevicesInUse(const Session& session) {
  std::set<const BlockDevice*> used;
  for (BlockDevice* bdev : session.machine->BlockDevices()) {
    for (BlockDevice* below : DevicesBelow(session, *bdev)) used.insert(below);
  }
  for (const auto& [at, mount] : session.user->mounts()) {
    if (!mount->files().empty()) used.insert(&mount->bdev());
  }
  return used;
}

// Mapped devices with who made them, and what the World says that it has not.
std::map<std::string, proto::MappedDevice> Volumes(const Session& session) {
  std::map<std::string, proto::MappedDevice> volumes;
  DmIoctl param;
  std::vector<DmNameEntry> entries;
  session.ctl->ListDevices(param, &entries).IgnoreError();
  for (const DmNameEntry& entry : entries) {
    proto::MappedDevice& device = volumes[entry.name];
    device.set_name(entry.name);
    device.set_uuid(entry.uuid);
    const auto maker = session.makers.find(entry.name);
    if (maker != session.makers.end()) device.set_maker(maker->second);
  }
  for (const auto& [name, why] : session.machine->left_out()) {
    volumes.try_emplace(name);
  }
  return volumes;
}

// /boot and what is mounted there: the boot loader reads it, and no program
// maps it.
bool IsMountedForTheBoot(const Session& session, const BlockDevice& bdev) {
  const MountPoint* const mount = MountOn(session, bdev);
  return mount != nullptr && IsBootMount(mount->options().path);
}

// Whether a device only serves a volume that is there, or is the name by which
// people call a pool, on which nobody can have a file.
bool IsPartOfVolume(const std::map<std::string, proto::MappedDevice>& volumes,
                    const std::string& name) {
  const auto device = volumes.find(name);
  if (device == volumes.end()) return false;
  const std::string volume = HiddenVolumeOf(device->second);
  if (!volume.empty()) return volumes.contains(volume);
  if (IsHiddenVolume(device->second)) return true;
  return volumes.contains(absl::StrCat(name, "-tpool")) ||
         volumes.contains(absl::StrCat(name, "-vpool"));
}

}  // namespace

absl::StatusOr<Subject> OpenSubject(Session& session, const std::string& name) {
  const absl::string_view bare =
      absl::StripPrefix(absl::string_view(name), "/dev/");
  if (session.user->dev_daxes().count(std::string(bare)) != 0) {
    return OpenDevDax(session, std::string(bare));
  }
  if (absl::StartsWith(name, "/") && !absl::StartsWith(name, "/dev/")) {
    // A mount point stands for what a file there gets.
    absl::StatusOr<MountPoint*> mount = session.user->FindMount(name);
    if (mount.ok()) return OpenDeviceSubject(session, (*mount)->bdev(), name);
    return OpenFile(session, name);
  }
  return OpenDevice(session, name);
}

Subject OpenDeviceSubject(Session& session, BlockDevice& bdev,
                          const std::string& name) {
  Subject subject{.name = name, .kind = Subject::kDevice, .bdev = &bdev};
  subject.size = bdev.nr_sectors() * kSectorSize;
  // Where a file system is mounted, its files are what can be mapped.
  const MountPoint* mount = MountOn(session, bdev);
  if (mount != nullptr) subject.mount = mount->options().path;
  if (mount != nullptr && !mount->sb().ShouldEnableDax(false)) {
    subject.dax = ErrnoError(
        EOPNOTSUPP, absl::StrCat("no file is DAX: ", MountText(*mount)));
    return subject;
  }
  if (mount == nullptr) {
    if (const std::string why = WhyNeverDax(session, bdev); !why.empty()) {
      subject.dax = ErrnoError(EOPNOTSUPP, absl::StrCat(name, " holds ", why));
      return subject;
    }
  }
  absl::StatusOr<std::shared_ptr<File>> file = OpenDeviceFile(
      session, bdev, name,
      mount != nullptr && mount->read_only() ? DeviceFileMode::kReadOnly
                                             : DeviceFileMode::kReadWrite,
      mount == nullptr ? nullptr : &mount->options().request);
  if (file.ok()) {
    subject.file = *std::move(file);
    subject.size = subject.file->f_inode->i_size;
  } else {
    subject.dax = file.status();
  }
  return subject;
}

void CloseSubject(Session& session, Subject& subject) {
  if (subject.file == nullptr) return;
  subject.file.reset();
  // It is not mapped: nobody but a sweep has seen it.
  if (subject.kind == Subject::kDevice) CloseDeviceFile(session).IgnoreError();
}

bool IsBootMount(absl::string_view path) {
  return path == "/boot" || path == "/efi" || absl::StartsWith(path, "/boot/");
}

Subjects DefaultSubjects(const Session& session) {
  Subjects all;
  for (const auto& [at, mount] : session.user->mounts()) {
    for (const auto& [name, file] : mount->files()) {
      all.names.push_back(file->path);
      all.known[file->path] = {Subject::kFile, mount->options().path};
    }
  }
  std::set<std::string> dax_disks;
  for (const auto& [name, request] : session.user->dev_daxes()) {
    all.names.push_back(name);
    all.known[name] = {Subject::kDevDax, ""};
    dax_disks.insert(request.pmem);
  }
  const std::set<const BlockDevice*> used = DevicesInUse(session);
  const std::map<std::string, proto::MappedDevice> volumes = Volumes(session);
  const DeviceUses uses(session);
  for (BlockDevice* bdev : session.machine->BlockDevices()) {
    if (used.count(bdev) != 0 || dax_disks.count(bdev->name()) != 0) continue;
    std::string name = NameOfDevice(session, *bdev);
    if (IsPartOfVolume(volumes, name)) continue;
    if (IsExtendedPartition(*session.machine, *bdev)) continue;
    if (uses.MapsNothing(*bdev)) continue;
    if (!StandsOnPmem(session, *bdev)) {
      all.without_pmem.push_back(std::move(name));
      continue;
    }
    if (IsMountedForTheBoot(session, *bdev)) continue;
    const MountPoint* mount = MountOn(session, *bdev);
    all.known[name] = {Subject::kDevice,
                       mount == nullptr ? "" : mount->options().path};
    all.names.push_back(std::move(name));
  }
  return all;
}

}  // namespace dmdax
