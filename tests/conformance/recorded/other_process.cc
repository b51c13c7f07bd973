// SPDX-License-Identifier: Apache-2.0
#include "tests/conformance/recorded/other_process.h"

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "base/errno_status.h"
#include "mm/truncate.h"

namespace dmdax::conformance {

OtherProcess::OtherProcess(FileSystem& fs, DaxInode& inode,
                           const Json& recorded, Verdict& verdict)
    : fs_(fs),
      inode_(inode),
      verdict_(verdict),
      answers_(FallocateAnswers(recorded)) {}

bool OtherProcess::Run(const std::string& where, const std::string& line,
                       const Json& step) {
  FaultRecorder* const recorder = std::exchange(inode_.recorder, nullptr);
  const bool done = Does(where, line, step);
  inode_.recorder = recorder;
  return done;
}

bool OtherProcess::Does(const std::string& where, const std::string& line,
                        const Json& step) {
  if (line == "rm /mnt/f") removed_ = true;
  // Another file has its name from then on.
  if (removed_ && line != "sync") return absl::StrContains(line, "/mnt/f");
  const std::optional<std::vector<FileChange>> changes = ShellChanges(line);
  if (!changes) return false;
  bool ends = false;  // dd, with what it could not write
  for (const FileChange& change : *changes) {
    if (!ends) ends = !Apply(where, change) && step.value("rc", 0) != 0;
  }
  if (absl::StrContains(line, "drop_caches") && !inode_.s_dax) {
    InvalidateMappingPages(*inode_.mem, inode_.mapping);
  }
  if (absl::StrContains(line, "/mnt/f") && line != "rm /mnt/f") {
    fs_.Release(inode_,
                changes->empty() ? OpenedFor::kReading : OpenedFor::kWriting);
  }
  return true;
}

bool OtherProcess::Apply(const std::string& where, const FileChange& change) {
  switch (change.kind) {
    case FileChange::Kind::kTruncate:
      fs_.Truncate(inode_, change.offset);
      return true;
    case FileChange::Kind::kWrite:
      return fs_.Write(inode_, change.offset, change.length) ==
             static_cast<int64_t>(change.length);
    case FileChange::Kind::kFallocate:
      Fallocate(where, change);
      return true;
    case FileChange::Kind::kSync:
      fs_.Sync();
      return true;
    case FileChange::Kind::kFsync:
      (void)inode_.FsyncRange(0, (uint64_t{1} << 63) - 1, false);
      return true;
  }
  return true;
}

void OtherProcess::Fallocate(const std::string& where,
                             const FileChange& change) {
  const int err =
      fs_.Fallocate(inode_, change.mode, change.offset, change.length);
  Json answer = Json::object();
  if (!answers_.empty()) {
    answer = std::move(answers_.front());
    answers_.pop_front();
  }
  verdict_.Compare(where, "errno", answer.value("errno", Json("(lost)")),
                   err == 0 ? Json() : Json(ErrnoName(-err)));
}

}  // namespace dmdax::conformance
