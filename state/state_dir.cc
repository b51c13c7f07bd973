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
#include <filesystem>
#include <limits>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "state/any_bytes.h"

namespace dmdax {
namespace {

constexpr char kSnapshot[] = "state";
constexpr char kTemporary[] = "state.new";
constexpr char kLock[] = "lock";

absl::Status SystemError(absl::string_view what, absl::string_view path) {
  const int err = errno;
  return ErrnoError(err, absl::StrCat("state directory: cannot ", what, " '",
                                      path, "': ", ErrnoText(err)));
}

// A file descriptor that closes itself.
class Fd {
 public:
  explicit Fd(int fd) : fd_(fd) {}
  ~Fd() {
    if (fd_ >= 0) close(fd_);
  }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  int get() const { return fd_; }

 private:
  const int fd_;
};

absl::Status WriteAll(int fd, const std::string& bytes,
                      const std::string& path) {
  size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t n = write(fd, bytes.data() + done, bytes.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return SystemError("write", path);
    done += static_cast<size_t>(n);
  }
  return absl::OkStatus();
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
  if (mode == kRead) return StateDir(path, -1);
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) {
    errno = error.value();
    return SystemError("create", path);
  }
  const std::string lock = absl::StrCat(path, "/", kLock);
  const int fd = open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0) return SystemError("open", lock);
  while (flock(fd, LOCK_EX) != 0) {
    if (errno == EINTR) continue;
    absl::Status s = SystemError("lock", lock);
    close(fd);
    return s;
  }
  return StateDir(path, fd);
}

StateDir::StateDir(StateDir&& other) noexcept
    : path_(std::move(other.path_)), lock_fd_(other.lock_fd_) {
  other.lock_fd_ = -1;
}

StateDir::~StateDir() {
  if (lock_fd_ >= 0) close(lock_fd_);
}

absl::StatusOr<proto::StateSnapshot> StateDir::Read() const {
  const std::string file = absl::StrCat(path_, "/", kSnapshot);
  const Fd fd(open(file.c_str(), O_RDONLY | O_CLOEXEC));
  proto::StateSnapshot snapshot;
  if (fd.get() < 0) {
    if (errno == ENOENT) return snapshot;
    return SystemError("open", file);
  }
  google::protobuf::io::FileInputStream stream(fd.get());
  google::protobuf::io::CodedInputStream coded(&stream);
  coded.SetTotalBytesLimit(std::numeric_limits<int>::max());
  if (!snapshot.ParseFromCodedStream(&coded) ||
      !coded.ConsumedEntireMessage()) {
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
  const std::string temporary = absl::StrCat(path_, "/", kTemporary);
  const std::string file = absl::StrCat(path_, "/", kSnapshot);
  absl::Status status;
  {
    const Fd fd(open(temporary.c_str(),
                     O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
    if (fd.get() < 0) return SystemError("create", temporary);
    status = WriteAll(fd.get(), bytes, temporary);
    if (status.ok() && fsync(fd.get()) != 0) {
      status = SystemError("fsync", temporary);
    }
  }
  if (status.ok() && rename(temporary.c_str(), file.c_str()) != 0) {
    status = SystemError("rename to", file);
  }
  if (!status.ok()) {
    unlink(temporary.c_str());
    return status;
  }
  // The rename itself must survive a crash, too.
  const Fd dir(open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (dir.get() < 0 || fsync(dir.get()) != 0) {
    return SystemError("fsync", path_);
  }
  return absl::OkStatus();
}

}  // namespace dmdax
