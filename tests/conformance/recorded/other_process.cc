// SPDX-License-Identifier: Apache-2.0
#include "tests/conformance/recorded/other_process.h"

#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "base/errno_status.h"

namespace dmdax::conformance {

OtherProcess::OtherProcess(FileSystem& fs, DaxInode& inode,
                           const Json& recorded, Verdict& verdict)
    : fs_(fs), inode_(inode), verdict_(verdict) {
  const std::string text = recorded.value("stderr", "");
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    if (!absl::StartsWith(line, "{\"op\":")) continue;
    answers_.push_back(Json::parse(std::string(line), nullptr, false));
  }
}

bool OtherProcess::Run(const std::string& where, const std::string& line) {
  FaultRecorder* const recorder = std::exchange(inode_.recorder, nullptr);
  const bool done = Does(where, line);
  inode_.recorder = recorder;
  return done;
}

bool OtherProcess::Does(const std::string& where, const std::string& line) {
  if (line == "rm /mnt/f") removed_ = true;
  // Another file has its name from then on.
  if (removed_ && line != "sync") return absl::StrContains(line, "/mnt/f");
  if (absl::StartsWith(line, "dd ")) return Dd(line);
  if (absl::StartsWith(line, "daxprobe ")) return Fallocate(where, line);
  if (line == "sync") {
    Sync();
    return true;
  }
  if (line == ": > /mnt/f") {
    fs_.Truncate(inode_, 0);
    return true;
  }
  // What is open stays, and a DAX file has nothing in the cache.
  return line == "cat /mnt/f > /dev/null" ||
         line == "echo 1 > /proc/sys/vm/drop_caches";
}

void OtherProcess::Sync() {
  (void)inode_.FsyncRange(0, (uint64_t{1} << 63) - 1, false);
}

bool OtherProcess::Dd(const std::string& line) {
  std::map<std::string, uint64_t> numbers = {
      {"bs", 512}, {"count", 0}, {"seek", 0}};
  bool to_file = false, keeps_size = false, syncs = false;
  for (absl::string_view word : absl::StrSplit(line, ' ')) {
    const std::vector<std::string> pair = absl::StrSplit(word, '=');
    if (word == "of=/mnt/f") to_file = true;
    if (absl::StartsWith(word, "conv=")) {
      keeps_size |= absl::StrContains(word, "notrunc");
      syncs |= absl::StrContains(word, "fsync");
    }
    if (pair.size() == 2 && numbers.count(pair[0]) != 0) {
      if (!absl::SimpleAtoi(pair[1], &numbers[pair[0]])) return false;
    }
  }
  if (!to_file) return false;
  const uint64_t at = numbers["seek"] * numbers["bs"];
  if (!keeps_size) fs_.Truncate(inode_, at);
  for (uint64_t i = 0; i < numbers["count"]; ++i) {
    fs_.Write(inode_, at + i * numbers["bs"], numbers["bs"]);
  }
  if (syncs) Sync();
  return true;
}

// The probe's "fallocate FILE MODE OFFSET LENGTH".
bool OtherProcess::Fallocate(const std::string& where,
                             const std::string& line) {
  const std::vector<std::string> words = absl::StrSplit(line, ' ');
  int mode = 0;
  int64_t offset = 0, length = 0;
  if (words.size() != 6 || words[1] != "fallocate" || words[2] != "/mnt/f" ||
      !absl::SimpleAtoi(words[3], &mode) ||
      !absl::SimpleAtoi(words[4], &offset) ||
      !absl::SimpleAtoi(words[5], &length)) {
    return false;
  }
  const int err = fs_.Fallocate(inode_, mode, static_cast<uint64_t>(offset),
                                static_cast<uint64_t>(length));
  Json answer = Json::object();
  if (!answers_.empty()) {
    answer = std::move(answers_.front());
    answers_.pop_front();
  }
  verdict_.Compare(where, "errno", answer.value("errno", Json("(lost)")),
                   err == 0 ? Json() : Json(ErrnoName(-err)));
  return true;
}

}  // namespace dmdax::conformance
