// SPDX-License-Identifier: Apache-2.0
#include "state/state_dir.h"

#include <fcntl.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <limits>

#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "state/any_bytes.h"

namespace dmdax {
namespace {

constexpr char kSnapshot[] = "state";
constexpr char kTemporary[] = "state.new";
constexpr char kLock[] = "lock";

absl::Status WriteAll(int fd, const std::string& bytes,
                      const std::string& path) {
  size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t n = write(fd, bytes.data() + done, bytes.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return StateDirError("write", path);
    done += static_cast<size_t>(n);
  }
  return absl::OkStatus();
}

// Waits for the lock file and locks it.  Somebody may have removed the file in
// the meantime; then the next writer locks another file, and so must we.
absl::StatusOr<Fd> LockOf(const PrivateDir& dir) {
  while (true) {
    absl::StatusOr<Fd> fd = dir.OpenFile(kLock, O_RDWR | O_CREAT);
    if (!fd.ok()) return fd.status();
    while (flock(fd->get(), LOCK_EX) != 0) {
      if (errno != EINTR) return StateDirError("lock", dir.PathOf(kLock));
    }
    // Others may have been allowed to open it once, and could lock us out.
    fchmod(fd->get(), 0600);
    absl::StatusOr<bool> still = dir.IsStill(kLock, *fd);
    if (!still.ok()) return still.status();
    if (*still) return fd;
  }
}

}  // namespace

std::string DefaultStateDir() {
  if (const char* dir = getenv("DMDAX_STATE"); dir != nullptr && *dir) {
    return dir;
  }
  if (const char* xdg = getenv("XDG_STATE_HOME"); xdg != nullptr && *xdg) {
    return absl::StrCat(xdg, "/dmdax");
  }
  const char* home = getenv("HOME");
  return absl::StrCat(home != nullptr ? home : "", "/.local/state/dmdax");
}

absl::StatusOr<StateDir> StateDir::Open(const std::string& path, Mode mode) {
  if (mode == kRead) {
    absl::StatusOr<PrivateDir> dir = PrivateDir::Open(path);
    if (dir.ok()) return StateDir(*std::move(dir), Fd());
    if (ErrnoOf(dir.status()) == ENOENT) return StateDir(std::nullopt, Fd());
    return dir.status();
  }
  if (absl::Status s = PrivateDir::Make(path); !s.ok()) return s;
  absl::StatusOr<PrivateDir> dir = PrivateDir::Open(path);
  if (!dir.ok()) return dir.status();
  absl::StatusOr<Fd> lock = LockOf(*dir);
  if (!lock.ok()) return lock.status();
  return StateDir(*std::move(dir), *std::move(lock));
}

StateDir::~StateDir() {
  // Closing does not unlock while a forked child has the descriptor, too.
  if (lock_.ok()) flock(lock_.get(), LOCK_UN);
}

absl::StatusOr<proto::StateSnapshot> StateDir::Read() const {
  proto::StateSnapshot snapshot;
  if (!dir_) return snapshot;
  const std::string file = dir_->PathOf(kSnapshot);
  absl::StatusOr<Fd> fd = dir_->OpenFile(kSnapshot, O_RDONLY);
  if (!fd.ok()) {
    if (ErrnoOf(fd.status()) == ENOENT) return snapshot;
    return fd.status();
  }
  google::protobuf::io::FileInputStream stream(fd->get());
  google::protobuf::io::CodedInputStream coded(&stream);
  coded.SetTotalBytesLimit(std::numeric_limits<int>::max());
  if (!snapshot.ParseFromCodedStream(&coded) ||
      !coded.ConsumedEntireMessage()) {
    if (stream.GetErrno() != 0) {
      errno = stream.GetErrno();
      return StateDirError("read", file);
    }
    return absl::DataLossError(absl::StrCat(
        "'", file, "' is not a dmdax snapshot, or is damaged at byte ",
        coded.CurrentPosition()));
  }
  if (snapshot.format_version() > kFormatVersion) {
    return absl::FailedPreconditionError(
        absl::StrCat("'", file, "' has format ", snapshot.format_version(),
                     "; this dmdax knows formats up to ", kFormatVersion));
  }
  if (snapshot.format_version() == 0) {
    return absl::DataLossError(
        absl::StrCat("'", file, "' is not a dmdax snapshot"));
  }
  if (snapshot.escaped()) UnescapeAnyBytes(snapshot);
  return snapshot;
}

absl::Status StateDir::Write(proto::StateSnapshot snapshot) const {
  // Which is what those before any bytes were kept can not read.
  snapshot.set_escaped(EscapeAnyBytes(snapshot));
  snapshot.set_format_version(snapshot.escaped() ? kFormatVersion : 1);
  snapshot.set_generation(snapshot.generation() + 1);
  std::string bytes;
  if (!snapshot.SerializeToString(&bytes)) {
    return ErrnoError(EFBIG, "state directory: the state is above 2 GiB");
  }
  absl::StatusOr<Fd> fd = dir_->NewFile(kTemporary);
  if (!fd.ok()) return fd.status();
  const std::string path = dir_->PathOf(kTemporary);
  absl::Status status = WriteAll(fd->get(), bytes, path);
  if (status.ok() && fsync(fd->get()) != 0) {
    status = StateDirError("fsync", path);
  }
  if (status.ok()) status = dir_->Rename(kTemporary, kSnapshot);
  if (!status.ok()) {
    dir_->Remove(kTemporary);
    return status;
  }
  // The rename itself must survive a crash, too.
  return dir_->Sync();
}

}  // namespace dmdax
