// SPDX-License-Identifier: Apache-2.0
#include "tools/fault_target.h"

#include <algorithm>
#include <cerrno>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "base/round_up.h"
#include "process/vma_words.h"
#include "state/device_file.h"
#include "state/find_device.h"
#include "tools/app.h"
#include "tools/byte_count.h"
#include "tools/check/dax_depth.h"
#include "tools/check/too_deep.h"
#include "tools/command_line.h"
#include "tools/page_word.h"

namespace dmdax {

FaultOptions AddFaultOptions(CLI::App& verb, FaultRequest& o) {
  FaultOptions added;
  added.file =
      verb.add_option("--file", o.file, "A file of the machine: /mnt/f");
  added.device =
      verb.add_option("--device", o.device,
                      "A device-dax (/dev/dax0.0), or a block device as if a "
                      "file of ext4 covered it (from 16 TiB on, of xfs)");
  CLI::Option* is_private =
      verb.add_flag("--private", o.vma.is_private, "MAP_PRIVATE");
  added.offset =
      verb.add_option("--offset", o.offset, "The byte of the file to touch")
          ->transform(ByteCount());
  added.others = {
      verb.add_flag_callback(
          "--write", [&o] { o.access = AccessKind::kWrite; },
          "Write to it (default: read)"),
      is_private,
      verb.add_flag("--sync", o.vma.sync, "MAP_SYNC")->excludes(is_private),
      verb.add_flag("--readonly", o.readonly,
                    "The file is open for reading only"),
      verb.add_option("--prot", o.prot, "Letters of rwx, or none (default rw)")
          ->check(Accepted([](const std::string& text) {
            return ParseProt(text).status();
          })),
      verb.add_option("--addr", o.vma.address,
                      "Address of the mapping (default: the kernel picks)")
          ->transform(ByteCount()),
      verb.add_option("--map-offset", o.vma.offset,
                      "Byte of the file where the mapping begins (default 0)")
          ->transform(ByteCount()),
      verb.add_option("--len", o.vma.length,
                      "Length of the mapping (default: to the end of the "
                      "file, in whole huge pages)")
          ->transform(ByteCount(1)),
      verb.add_option("--want", o.want,
                      "PTE, PMD (default) or PUD: a smaller entry needs a "
                      "reason")
          ->transform(OneOfWords({{"PTE", PageSize::k4K},
                                  {"PMD", PageSize::k2M},
                                  {"PUD", PageSize::k1G}}))};
  return added;
}

namespace {

// What a file or device stands on, if it is a file of a mount or a block
// device.
BlockDevice* DeviceUnder(const Session& session, const std::string& name) {
  absl::StatusOr<BlockDevice*> device = FindDevice(session, name);
  if (device.ok()) return *device;
  for (const auto& [at, mount] : session.user->mounts()) {
    for (const auto& [file, mounted] : mount->files()) {
      if (mounted->path == name) return &mount->bdev();
    }
  }
  return nullptr;
}

}  // namespace

absl::StatusOr<FaultTarget> FaultTarget::Open(Session& session,
                                              const FaultRequest& o) {
  if (o.file.empty() == o.device.empty()) {
    return ErrnoError(EINVAL, "--file or --device: one of them");
  }
  constexpr uint64_t kLastOffset = INT64_MAX;  // of a file: loff_t
  if (o.offset > kLastOffset) {
    return ErrnoError(
        EOVERFLOW,
        absl::StrCat("offset ", o.offset, ": the last that a file can have is ",
                     kLastOffset));
  }
  if (o.offset < o.vma.offset) {
    return ErrnoError(EINVAL,
                      absl::StrCat("offset ", o.offset,
                                   " lies before the mapping, which begins at ",
                                   o.vma.offset, " (--map-offset)"));
  }
  const std::string& name = o.file.empty() ? o.device : o.file;
  absl::StatusOr<std::shared_ptr<File>> file =
      session.user->Open(name, !o.readonly && !session.user->IsReadOnly(name));
  if (!file.ok() && o.file.empty() && absl::StrContains(name, "dax")) {
    // "dax3.0" for /dev/dax3.0.
    auto node = session.user->Open(absl::StrCat("/dev/", name), !o.readonly);
    if (node.ok()) file = std::move(node);
  }
  absl::Status depth = CheckStackDepth(session, DeviceUnder(session, name));
  if (!depth.ok()) return depth;
  uint64_t size = 0;
  if (!file.ok() && o.file.empty()) {
    absl::StatusOr<BlockDevice*> bdev = FindDevice(session, name);
    if (!bdev.ok()) return bdev.status();
    file = OpenDeviceFile(
        session, **bdev, o.device,
        o.readonly ? DeviceFileMode::kReadOnly : DeviceFileMode::kReadWrite);
    if (!file.ok()) {
      return ErrnoError(
          ErrnoOf(file.status()),
          absl::StrCat(file.status().message(),
                       NotDaxText(WhyNotDax(session, **bdev), 0)));
    }
  }
  if (!file.ok()) return file.status();
  if ((*file)->f_inode->type == InodeType::kRegular) {
    size = (*file)->f_inode->i_size;
  } else {
    size = static_cast<DevDax*>((*file)->f_op)->size();
  }
  return FaultTarget(name, *std::move(file), size, o);
}

absl::StatusOr<VmAreaStruct*> FaultTarget::Map(Task& task) const {
  const bool read_only = o_.prot.empty() && !o_.readonly && !file_->writable;
  if (read_only && o_.access == AccessKind::kWrite) {
    return ErrnoError(EROFS, absl::StrCat(name_,
                                          " cannot be opened for "
                                          "writing: its mount is read-only"));
  }
  absl::StatusOr<int> prot =
      ParseProt(read_only ? "r" : (o_.prot.empty() ? "rw" : o_.prot));
  if (!prot.ok()) return prot.status();
  if (absl::Status s = CheckMapSync(o_.vma); !s.ok()) return s;
  VmaOptions v = o_.vma;
  v.prot = *prot;
  v.file = file_;
  if (v.length == 0) {
    // At least the page that is touched.  A file is mapped in whole huge pages,
    // as a sweep maps it: the kernel looks at the end of the mapping first, and
    // where both end in the same huge page a longer mapping would not help.
    uint64_t end = std::max(size_, o_.offset + 1);
    if (file_->f_inode->type == InodeType::kRegular) {
      end = RoundUp(end, task.mm().profile().pmd_size());
    }
    v.length = end - v.offset;
  }
  absl::StatusOr<VmAreaStruct*> vma = task.Map(v);
  if (vma.ok()) return vma;
  return ErrnoError(ErrnoOf(vma.status()),
                    absl::StrCat("mmap: ", ErrnoText(ErrnoOf(vma.status())),
                                 ": ", vma.status().message()));
}

int FaultTarget::WantOrder(const FaultProfile& faults) const {
  if (o_.want == "PTE") return 0;
  return o_.want == "PUD" ? faults.pud_order() : faults.pmd_order();
}

}  // namespace dmdax
