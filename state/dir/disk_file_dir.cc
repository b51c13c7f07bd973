// SPDX-License-Identifier: Apache-2.0
#include "state/dir/disk_file_dir.h"

#include <fcntl.h>
#include <sys/random.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/errno_status.h"

namespace dmdax {
namespace {

constexpr absl::string_view kPrefix = "disk.";
constexpr size_t kDigits = 16;

}  // namespace

bool DiskFileDir::IsDiskFile(absl::string_view name) {
  return absl::ConsumePrefix(&name, kPrefix) && name.size() == kDigits &&
         std::all_of(name.begin(), name.end(), [](unsigned char c) {
           return absl::ascii_isdigit(c) || (c >= 'a' && c <= 'f');
         });
}

absl::StatusOr<DiskFiles::NewFile> DiskFileDir::Make() {
  uint64_t number = 0;
  if (getrandom(&number, sizeof(number), 0) != sizeof(number)) {
    return StateDirError("name a file in", dir_->PathOf(""));
  }
  std::string name = absl::StrCat(kPrefix, absl::Hex(number, absl::kZeroPad16));
  absl::StatusOr<Fd> fd = dir_->OpenFile(name, O_RDWR | O_CREAT | O_EXCL);
  if (!fd.ok()) return fd.status();
  return NewFile{std::move(name), *std::move(fd)};
}

absl::StatusOr<Fd> DiskFileDir::Open(const std::string& name) {
  // The database says it, which may not be ours.
  if (!IsDiskFile(name)) {
    return absl::DataLossError(
        absl::StrCat("the state is damaged: '", name,
                     "' is no name of a file with a disk's bytes"));
  }
  absl::StatusOr<Fd> fd = dir_->OpenFile(name, O_RDWR);
  const int err = fd.ok() ? 0 : ErrnoOf(fd.status());
  if (err == EROFS || err == EACCES) fd = dir_->OpenFile(name, O_RDONLY);
  if (err == ENOENT) {
    return ErrnoError(
        ENOENT, absl::StrCat("state directory: '", dir_->PathOf(name),
                             "', which has the bytes of a disk, is missing"));
  }
  return fd;
}

void DiskFileDir::RemoveOthers(const PrivateDir& dir,
                               const std::set<std::string>& known) {
  absl::StatusOr<std::vector<std::string>> names = dir.Names();
  if (!names.ok()) return;
  for (const std::string& name : *names) {
    if (IsDiskFile(name) && !known.contains(name)) dir.Remove(name);
  }
}

}  // namespace dmdax
