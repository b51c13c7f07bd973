// SPDX-License-Identifier: Apache-2.0
#include "state/old_snapshot.h"

#include <fcntl.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl.h>
#include <unistd.h>

#include <cerrno>
#include <limits>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "state/any_bytes.h"

namespace dmdax {
namespace {

constexpr char kSnapshot[] = "state";
constexpr char kTemporary[] = "state.new";
// The newest that was ever written, and the one of the mark.
constexpr uint32_t kNewestFormat = 2;
constexpr uint32_t kRetiredFormat = 3;

absl::StatusOr<proto::StateSnapshot> Parse(const Fd& fd,
                                           const std::string& file) {
  proto::StateSnapshot snapshot;
  google::protobuf::io::FileInputStream stream(fd.get());
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
  if (snapshot.format_version() == 0) {
    return absl::DataLossError(
        absl::StrCat("'", file, "' is not a dmdax snapshot"));
  }
  return snapshot;
}

}  // namespace

absl::StatusOr<proto::StateSnapshot> ReadOldSnapshot(const PrivateDir& dir) {
  absl::StatusOr<Fd> fd = dir.OpenFile(kSnapshot, O_RDONLY);
  if (!fd.ok()) {
    if (ErrnoOf(fd.status()) == ENOENT) return proto::StateSnapshot();
    return fd.status();
  }
  const std::string file = dir.PathOf(kSnapshot);
  absl::StatusOr<proto::StateSnapshot> snapshot = Parse(*fd, file);
  if (!snapshot.ok()) return snapshot.status();
  if (snapshot->format_version() == kRetiredFormat) {
    return absl::DataLossError(
        absl::StrCat("'", file,
                     "' says that there is a database beside it, but there is "
                     "none"));
  }
  if (snapshot->format_version() > kNewestFormat) {
    return absl::FailedPreconditionError(
        absl::StrCat("'", file, "' has format ", snapshot->format_version(),
                     "; this dmdax knows formats up to ", kNewestFormat));
  }
  if (snapshot->escaped()) UnescapeAnyBytes(*snapshot);
  return *std::move(snapshot);
}

absl::Status RetireOldSnapshot(const PrivateDir& dir) {
  absl::StatusOr<Fd> old = dir.OpenFile(kSnapshot, O_RDONLY);
  if (!old.ok()) {
    return ErrnoOf(old.status()) == ENOENT ? absl::OkStatus() : old.status();
  }
  proto::StateSnapshot mark;
  mark.set_format_version(kRetiredFormat);
  const std::string bytes = mark.SerializeAsString();
  absl::StatusOr<Fd> fd = dir.NewFile(kTemporary);
  if (!fd.ok()) return fd.status();
  const std::string path = dir.PathOf(kTemporary);
  if (write(fd->get(), bytes.data(), bytes.size()) !=
          static_cast<ssize_t>(bytes.size()) ||
      fsync(fd->get()) != 0) {
    absl::Status s = StateDirError("write", path);
    dir.Remove(kTemporary);
    return s;
  }
  if (absl::Status s = dir.Rename(kTemporary, kSnapshot); !s.ok()) return s;
  return dir.Sync();
}

}  // namespace dmdax
