// SPDX-License-Identifier: Apache-2.0
#include "state/dir/pmem_bytes.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdint>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "base/errno_status.h"
#include "block/pmem_files.h"
#include "state/dir/own_uid.h"
#include "state/dir/trusted_path.h"

namespace dmdax {
namespace {

absl::Status NotOurs(const PmemFile& file, absl::string_view why,
                     int err = EPERM) {
  return ErrnoError(err, absl::StrCat("pmem '", file.device(), "': '",
                                      file.path(), "' is not written: ", why));
}

absl::StatusOr<Fd> OpenForWriting(const PmemFile& file) {
  const std::string& path = file.path();
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return NotOurs(file, "its path is relative");
  absl::StatusOr<Fd> dir = OpenTrustedDir(
      slash == 0 ? "/" : path.substr(0, slash), MissingDir::kIsAnError);
  if (!dir.ok()) {
    return NotOurs(
        file, absl::StripPrefix(dir.status().message(), "state directory: "),
        ErrnoOf(dir.status()));
  }
  Fd fd(openat(dir->get(), path.c_str() + slash + 1,
               O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY));
  if (!fd.ok() && errno == ELOOP) return NotOurs(file, "it is a symbolic link");
  if (!fd.ok()) return NotOurs(file, ErrnoText(errno), errno);
  struct stat st;
  if (fstat(fd.get(), &st) != 0) return NotOurs(file, ErrnoText(errno), errno);
  if (!S_ISREG(st.st_mode)) return NotOurs(file, "it is no regular file");
  if (st.st_uid != OwnUid()) {
    return NotOurs(file, absl::StrCat("it belongs to user ", st.st_uid,
                                      ", and this is user ", OwnUid()));
  }
  if (st.st_nlink != 1) {
    return NotOurs(file, absl::StrCat("it has ", st.st_nlink, " names"));
  }
  return fd;
}

}  // namespace

absl::StatusOr<PmemBytes> PmemBytes::Of(const Machine& machine) {
  PmemBytes bytes;
  for (PmemFile& file : PmemFilesOf(machine)) {
    absl::StatusOr<std::vector<uint64_t>> written = file.Written();
    if (!written.ok()) return written.status();
    if (written->empty()) continue;
    absl::StatusOr<Fd> fd = OpenForWriting(file);
    if (!fd.ok()) return fd.status();
    bytes.files_.emplace_back(std::move(file), *std::move(fd));
  }
  return bytes;
}

absl::Status PmemBytes::Write() {
  absl::Status all = absl::OkStatus();
  for (const auto& [file, fd] : files_) all.Update(file.Keep(fd.get()));
  return all;
}

absl::Status SharePmemFiles(const Machine& machine) {
  for (const PmemFile& file : PmemFilesOf(machine)) {
    absl::StatusOr<Fd> fd = OpenForWriting(file);
    if (!fd.ok()) return fd.status();
    if (absl::Status s = file.Share(fd->get()); !s.ok()) return s;
  }
  return absl::OkStatus();
}

}  // namespace dmdax
