// SPDX-License-Identifier: Apache-2.0
#include "state/dir/state_files.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "base/errno_status.h"
#include "state/dir/disk_file_dir.h"

namespace dmdax {
namespace {

constexpr char kLock[] = "lock";

// Twice the same number: of one that is just being written, a reader may see
// the beginning, and whatever else is there says nothing.
std::string GenerationText(uint64_t generation) {
  return absl::StrFormat("%020d %020d\n", generation, generation);
}

absl::StatusOr<uint64_t> KnownGeneration(const PrivateDir& dir) {
  absl::StatusOr<Fd> fd = dir.OpenFile(kStateGeneration, O_RDONLY);
  if (!fd.ok()) {
    return ErrnoOf(fd.status()) == ENOENT ? absl::StatusOr<uint64_t>(0)
                                          : fd.status();
  }
  char text[64];
  const ssize_t size = pread(fd->get(), text, sizeof(text), 0);
  if (size < 0) return StateDirError("read", dir.PathOf(kStateGeneration));
  const absl::string_view said(text, static_cast<size_t>(size));
  uint64_t generation = 0;
  if (!absl::SimpleAtoi(said.substr(0, said.find(' ')), &generation) ||
      said != GenerationText(generation)) {
    return 0;
  }
  return generation;
}

// Ours has a pid or nothing in it.
absl::StatusOr<bool> IsOurLock(const PrivateDir& dir) {
  absl::StatusOr<Fd> fd = dir.OpenFile(kLock, O_RDONLY);
  if (!fd.ok()) return fd.status();
  char text[64];
  const ssize_t size = pread(fd->get(), text, sizeof(text), 0);
  if (size < 0) return StateDirError("read", dir.PathOf(kLock));
  const absl::string_view said(text, static_cast<size_t>(size));
  int pid;
  return said.empty() ||
         (absl::EndsWith(said, "\n") && absl::SimpleAtoi(said, &pid));
}

absl::Status Lost(const PrivateDir& dir, absl::string_view what) {
  return absl::DataLossError(
      absl::StrCat("state directory: ", what,
                   "; put the files back as they were, or remove '",
                   dir.PathOf(""), "' to begin anew"));
}

absl::Status DatabaseIsMissing(const PrivateDir& dir, const StateFiles& files,
                               bool empty) {
  const std::string how = absl::StrCat("'", dir.PathOf(kStateDb), "' is ",
                                       empty ? "empty" : "missing", ", but '");
  if (files.log_bytes > 0) {
    return Lost(dir,
                absl::StrCat(how, kStateLog, "' beside it has changes of it"));
  }
  return Lost(dir, absl::StrCat(how, kStateGeneration, "' beside it says that ",
                                files.known, " changes were made"));
}

}  // namespace

absl::StatusOr<StateFiles> LookAtStateFiles(const PrivateDir& dir) {
  StateFiles files;
  absl::StatusOr<uint64_t> known = KnownGeneration(dir);
  if (!known.ok()) return known.status();
  files.known = *known;
  absl::StatusOr<std::optional<uint64_t>> log = dir.SizeOf(kStateLog);
  if (!log.ok()) return log.status();
  files.log_bytes = log->value_or(0);
  // A database that there was when these two were written is still there.
  absl::StatusOr<std::optional<uint64_t>> database = dir.SizeOf(kStateDb);
  if (!database.ok()) return database.status();
  files.database = database->value_or(0) > 0;
  if (!files.database && (files.log_bytes > 0 || files.known > 0)) {
    return DatabaseIsMissing(dir, files, database->has_value());
  }
  // A log that there was before the database got its name is there now.
  if (!log->has_value()) log = dir.SizeOf(kStateLog);
  if (!log.ok()) return log.status();
  files.log = log->has_value();
  return files;
}

absl::Status CheckGeneration(const PrivateDir& dir, const StateFiles& files,
                             uint64_t generation) {
  if (generation >= files.known) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat(
      "state directory: '", dir.PathOf(kStateDb), "' has ", generation,
      " changes, but '", kStateGeneration, "' beside it says that ",
      files.known, " were made: its log, '", kStateLog,
      "', is damaged, or of another time; put the files back as they were, or "
      "remove '",
      dir.PathOf(kStateGeneration), "' to go on with what is there"));
}

absl::Status LogIsMissing(const PrivateDir& dir) {
  return absl::DataLossError(absl::StrCat(
      "state directory: '", dir.PathOf(kStateDb), "' has lost its log, '",
      kStateLog,
      "', which may have the last changes; put it back (a copy needs all files "
      "of the directory), or make it an empty file to go on without"));
}

absl::Status LogIsDamaged(const PrivateDir& dir) {
  return Lost(dir, absl::StrCat("'", dir.PathOf(kStateLog),
                                "' has changes that can not be read"));
}

void NoteGeneration(const PrivateDir& dir, uint64_t generation) {
  const absl::StatusOr<Fd> fd =
      dir.OpenFile(kStateGeneration, O_WRONLY | O_CREAT);
  if (!fd.ok()) return;
  const std::string text = GenerationText(generation);
  [[maybe_unused]] const ssize_t ignored =
      pwrite(fd->get(), text.data(), text.size(), 0);
}

void RemoveNewStateDb(const PrivateDir& dir) {
  for (const char* suffix : {"", "-wal", "-shm", "-journal"}) {
    dir.Remove(absl::StrCat(kNewStateDb, suffix));
  }
}

absl::Status CheckIsForState(const PrivateDir& dir) {
  absl::StatusOr<std::vector<std::string>> names = dir.Names();
  if (!names.ok()) return names.status();
  // Also the old snapshot (old_snapshot.h).
  const auto is_state = [](absl::string_view name) {
    return name == kStateDb || name == "state";
  };
  if (std::any_of(names->begin(), names->end(), is_state)) {
    return absl::OkStatus();
  }
  std::sort(names->begin(), names->end());
  for (const std::string& name : *names) {
    // What a command that was killed has left, and what no one means.
    bool ours = name == kStateGeneration || name == "state.new" ||
                absl::StartsWith(name, kStateDb) ||
                DiskFileDir::IsDiskFile(name);
    if (name == kLock) {
      absl::StatusOr<bool> lock = IsOurLock(dir);
      if (!lock.ok()) return lock.status();
      ours = *lock;
    }
    if (!ours && !absl::StartsWith(name, ".")) {
      return StateDirRefused(
          dir.PathOf(""),
          absl::StrCat("it has '", name,
                       "' in it and no state; a new one needs an empty "
                       "directory"));
    }
  }
  return absl::OkStatus();
}

}  // namespace dmdax
