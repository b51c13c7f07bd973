// SPDX-License-Identifier: Apache-2.0
#include "tests/conformance/recorded/file_change.h"

#include <linux/falloc.h>

#include <map>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"

namespace dmdax::conformance {
namespace {

constexpr char kRemove[] = "sh:rm /mnt/f";

using Changes = std::optional<std::vector<FileChange>>;

Changes Dd(const std::string& line) {
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
      if (!absl::SimpleAtoi(pair[1], &numbers[pair[0]])) return std::nullopt;
    }
  }
  if (!to_file) return std::nullopt;
  std::vector<FileChange> changes;
  const uint64_t bs = numbers["bs"];
  const uint64_t at = numbers["seek"] * bs;
  using Kind = FileChange::Kind;
  if (!keeps_size) changes.push_back({.kind = Kind::kTruncate, .offset = at});
  for (uint64_t i = 0; i < numbers["count"]; ++i) {
    changes.push_back(
        {.kind = Kind::kWrite, .offset = at + i * bs, .length = bs});
  }
  if (syncs) changes.push_back({.kind = Kind::kFsync});
  return changes;
}

// The probe's "fallocate FILE MODE OFFSET LENGTH".
Changes Fallocate(const std::string& line) {
  const std::vector<std::string> words = absl::StrSplit(line, ' ');
  int mode = 0;
  int64_t offset = 0, length = 0;
  if (words.size() != 6 || words[1] != "fallocate" || words[2] != "/mnt/f" ||
      !absl::SimpleAtoi(words[3], &mode) ||
      !absl::SimpleAtoi(words[4], &offset) ||
      !absl::SimpleAtoi(words[5], &length)) {
    return std::nullopt;
  }
  return {{{.kind = FileChange::Kind::kFallocate,
            .offset = static_cast<uint64_t>(offset),
            .length = static_cast<uint64_t>(length),
            .mode = mode}}};
}

// An operation of the process that has the file mapped.
std::vector<FileChange> OwnChanges(const Json& step) {
  using Kind = FileChange::Kind;
  const std::string op = step.value("op", "");
  // Where there is no space, what comes before the allocation is done.
  const Json error = step.value("errno", Json());
  if (!error.is_null() && error != "ENOSPC") return {};
  const uint64_t offset = step.value("off", uint64_t{0});
  if (op == "trunc") return {{.kind = Kind::kTruncate, .offset = offset}};
  if (op == "fsync") return {{.kind = Kind::kFsync}};
  const std::optional<int> mode = FallocateMode(op);
  if (!mode) return {};
  return {{.kind = Kind::kFallocate,
           .offset = offset,
           .length = step.value("len", uint64_t{0}),
           .mode = *mode}};
}

}  // namespace

std::optional<int> FallocateMode(const std::string& op) {
  if (op == "falloc") return 0;
  if (op == "punch") return FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
  if (op == "zero") return FALLOC_FL_ZERO_RANGE;
  return std::nullopt;
}

Changes ShellChanges(const std::string& line) {
  using Kind = FileChange::Kind;
  if (absl::StartsWith(line, "dd ")) return Dd(line);
  if (absl::StartsWith(line, "daxprobe ")) return Fallocate(line);
  if (line == "sync") return {{{.kind = Kind::kSync}}};
  if (line == ": > /mnt/f") return {{{.kind = Kind::kTruncate}}};
  // What is open stays, and nothing of the file changes.
  if (line == "rm /mnt/f" || line == "cat /mnt/f > /dev/null" ||
      line == "echo 1 > /proc/sys/vm/drop_caches") {
    return std::vector<FileChange>();
  }
  return std::nullopt;
}

std::deque<Json> FallocateAnswers(const Json& recorded) {
  std::deque<Json> answers;
  const std::string text = recorded.value("stderr", "");
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    if (!absl::StartsWith(line, "{\"op\":")) continue;
    answers.push_back(Json::parse(std::string(line), nullptr, false));
  }
  return answers;
}

std::vector<std::vector<FileChange>> ChangesOfSteps(const Json& touches,
                                                    const Json& recorded) {
  std::deque<Json> answers = FallocateAnswers(recorded);
  const Json& steps = recorded["steps"];
  std::vector<std::vector<FileChange>> all(steps.size());
  bool removed = false;
  for (size_t i = 1; i < steps.size() && i - 1 < touches.size(); ++i) {
    const std::string touch = touches[i - 1];
    if (!absl::StartsWith(touch, "sh:")) {
      all[i] = OwnChanges(steps[i]);
      continue;
    }
    removed |= touch == kRemove;
    for (const FileChange& change :
         ShellChanges(touch.substr(3)).value_or(std::vector<FileChange>())) {
      if (removed) break;
      if (change.kind == FileChange::Kind::kFallocate && !answers.empty()) {
        const Json answer = std::move(answers.front());
        answers.pop_front();
        if (!answer.value("errno", Json()).is_null()) continue;
      }
      all[i].push_back(change);
    }
  }
  return all;
}

bool RemovesFile(const Json& touches) {
  for (const Json& touch : touches) {
    if (touch == kRemove) return true;
  }
  return false;
}

}  // namespace dmdax::conformance
