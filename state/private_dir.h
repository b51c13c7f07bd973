// SPDX-License-Identifier: Apache-2.0
//
// PrivateDir: a directory whose files nobody else can put in our way.
//
//   absl::StatusOr<PrivateDir> dir = PrivateDir::Open("/tmp/s");
//   absl::StatusOr<Fd> file = dir->OpenFile("state", O_RDONLY);
//
// Who can write a directory can put a symbolic link, a hard link, a FIFO or a
// directory where we expect a file of our own, and so have root overwrite a
// file elsewhere, or wait for ever.  So, as ssh does with its own directory:
// the directory belongs to us or to root and nobody else may write it, nor lead
// its path elsewhere (dir/trusted_path.h), and each file in it is opened as a
// plain file with one name that nobody else may write, without following and
// without waiting.  Files are found from the directory that was looked at, not
// by a path that may lead elsewhere by now.
//
// Errors: the errno of the system call; EPERM for a directory or a file that
// is refused as above, EISDIR for a directory in place of a file; the path and
// the cause are in the message. Threading: thread-safe.
#ifndef DMDAX_STATE_PRIVATE_DIR_H_
#define DMDAX_STATE_PRIVATE_DIR_H_

#include <cerrno>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/fd.h"
#include "state/dir/trusted_path.h"

namespace dmdax {

class PrivateDir {
 public:
  static absl::StatusOr<PrivateDir> Open(
      const std::string& path, MissingDir missing = MissingDir::kIsAnError);

  // `flags` as open(2); a new file has mode 0600.
  absl::StatusOr<Fd> OpenFile(const std::string& name, int flags) const;
  // As OpenFile() judges a file, without opening it: who closes a file loses
  // all locks that the process has on it.
  absl::Status CheckFile(const std::string& name) const;
  // The same, for its bytes; nothing where there is no such file.
  absl::StatusOr<std::optional<uint64_t>> SizeOf(const std::string& name) const;
  // The names in it, in no order.
  absl::StatusOr<std::vector<std::string>> Names() const;
  // A new file; one of that name that was left behind is removed first.
  absl::StatusOr<Fd> NewFile(const std::string& name) const;
  // Whether `name` still is the file that `fd` has open.
  absl::StatusOr<bool> IsStill(const std::string& name, const Fd& fd) const;
  absl::Status Rename(const std::string& from, const std::string& to) const;
  void Remove(const std::string& name) const;
  // Bytes that are free, as far as the file system says; a quota is not seen.
  uint64_t FreeBytes() const;
  // Whether nobody like us can make a file in it: of a read-only file system,
  // or by its mode.
  bool IsReadOnly() const;
  // Makes renames survive a power cut.
  absl::Status Sync() const;

  std::string PathOf(const std::string& name) const {
    return path_ + "/" + name;
  }
  // For who can open by a path only: one that leads to the file in the
  // directory that was looked at, as long as this one lives.  PathOf() is for
  // people.
  std::string HostPathOf(const std::string& name) const;

 private:
  PrivateDir(std::string path, Fd fd)
      : path_(std::move(path)), fd_(std::move(fd)) {}

  std::string path_;
  Fd fd_;
};

// "state directory: cannot <what> '<path>': <errno's text>", from errno.
absl::Status StateDirError(absl::string_view what, absl::string_view path);
// "state directory: '<path>' is refused: <why>".
absl::Status StateDirRefused(absl::string_view path, absl::string_view why,
                             int err = EPERM);

}  // namespace dmdax

#endif  // DMDAX_STATE_PRIVATE_DIR_H_
