// SPDX-License-Identifier: Apache-2.0
#include "tests/conformance/guest_progress.h"

#include <algorithm>
#include <cstdlib>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace dmdax::conformance {
namespace {

// How far a kernel thread had come by chance, among the words of a status line,
// and how far it goes; null: none is at work.
struct Progress {
  const char* why;
  std::string* word = nullptr;
  std::string end;
};

Progress ProgressOf(std::vector<std::string>& words) {
  size_t nr = 0;
  // 0 8192 mirror 2 7:0 7:1 14/1024 1 AA 1 core
  if (words.size() > 4 && words[2] == "mirror" &&
      absl::SimpleAtoi(words[3], &nr) && words.size() >= nr + 5) {
    std::string& word = words[nr + 4];
    const std::pair<std::string, std::string> parts =
        absl::StrSplit(word, absl::MaxSplits('/', 1));
    if (parts.first != parts.second) {
      return {"how far a mirror has come", &word,
              absl::StrCat("some/", parts.second)};
    }
  }
  // 0 65536 clone 8 14/131072 8 2192/8192 1 1 no_discard_passdown ...: what has
  // been hydrated, and what is being.
  constexpr size_t kHydrated = 6, kHydrating = 7;
  if (words.size() > kHydrating && words[2] == "clone" &&
      std::find(words.begin(), words.end(), "no_hydration") == words.end()) {
    std::string& word = words[kHydrated];
    const std::pair<std::string, std::string> parts =
        absl::StrSplit(word, absl::MaxSplits('/', 1));
    if (parts.first != parts.second) {
      words[kHydrating] = "some";
      return {"how far a clone has come", &word,
              absl::StrCat("some/", parts.second)};
    }
  }
  // 0 7856 integrity 0 129160 32768, of chunks of up to 32768 sectors.
  constexpr uint64_t kChunks = 64;
  uint64_t done = 0;
  if (words.size() == 6 && words[2] == "integrity" &&
      absl::SimpleAtoi(words[5], &done) && words[5] != words[4] &&
      done % kChunks == 0) {
    return {"how far tags have been recalculated", &words[5], words[4]};
  }
  return {};
}

}  // namespace

Json WithoutProgress(const std::string& where, const Json& stdout_text,
                     Verdict* verdict) {
  std::vector<std::string> lines =
      absl::StrSplit(stdout_text.get<std::string>(), '\n');
  for (std::string& line : lines) {
    std::vector<std::string> words = absl::StrSplit(line, ' ');
    const Progress progress = ProgressOf(words);
    if (progress.word == nullptr) continue;
    if (verdict != nullptr) {
      verdict->GuestNature(where, progress.why, *progress.word);
    }
    *progress.word = progress.end;
    line = absl::StrJoin(words, " ");
  }
  return absl::StrJoin(lines, "\n");
}

Json WithOurEraBlocks(const std::string& where, const Json& kernel,
                      const Json& ours, Verdict& verdict) {
  // 0 524288 era 8 38/131072 2 -
  constexpr size_t kType = 2, kBlocks = 4, kWords = 7;
  constexpr int kMost = 16;
  std::vector<std::string> lines =
      absl::StrSplit(kernel.get<std::string>(), '\n');
  const std::vector<std::string> our_lines =
      absl::StrSplit(ours.get<std::string>(), '\n');
  if (lines.size() != our_lines.size()) return kernel;
  for (size_t i = 0; i < lines.size(); ++i) {
    std::vector<std::string> words = absl::StrSplit(lines[i], ' ');
    const std::vector<std::string> our_words =
        absl::StrSplit(our_lines[i], ' ');
    // `dmsetup status` without a device has its name before.
    const size_t name = words.size() == kWords ? 0 : 1;
    if (words.size() != kWords + name || our_words.size() != words.size() ||
        words[name + kType] != "era" || lines[i] == our_lines[i]) {
      continue;
    }
    std::string& word = words[name + kBlocks];
    const std::string& our_word = our_words[name + kBlocks];
    int used = 0, our_used = 0;
    if (!absl::SimpleAtoi(word.substr(0, word.find('/')), &used) ||
        !absl::SimpleAtoi(our_word.substr(0, our_word.find('/')), &our_used) ||
        std::abs(used - our_used) > kMost || used == our_used) {
      continue;
    }
    verdict.GuestNature(where, "how far era's worker had come", word);
    word.replace(0, word.find('/'), absl::StrCat(our_used));
    lines[i] = absl::StrJoin(words, " ");
  }
  return absl::StrJoin(lines, "\n");
}

Json WithOurEvents(const std::string& where, const Json& kernel,
                   const Json& ours,
                   absl::FunctionRef<bool(const std::string& name)> by_thread,
                   Verdict& verdict) {
  std::vector<std::string> lines =
      absl::StrSplit(kernel.get<std::string>(), '\n');
  const std::vector<std::string> our_lines =
      absl::StrSplit(ours.get<std::string>(), '\n');
  if (lines.size() != our_lines.size()) return kernel;
  std::string name;  // of the block of lines that this one is in
  for (size_t i = 0; i < lines.size(); ++i) {
    const std::vector<std::string> words =
        absl::StrSplit(lines[i], ' ', absl::SkipEmpty());
    const std::vector<std::string> our_words =
        absl::StrSplit(our_lines[i], ' ', absl::SkipEmpty());
    if (words.size() == 2 && words[0] == "Name:") name = words[1];
    if (lines[i] == our_lines[i] || words.size() != our_words.size()) continue;
    // Event number:      1, or the line of `info -c`.
    constexpr size_t kColumn = 6, kColumns = 7;
    const bool column = words.size() >= kColumns;
    if (!column && words[0] != "Event") continue;
    const size_t at = column ? kColumn : words.size() - 1;
    int events = 0, our_events = 0;
    if (!absl::SimpleAtoi(words[at], &events) ||
        !absl::SimpleAtoi(our_words[at], &our_events) ||
        std::abs(events - our_events) != 1 ||
        !by_thread(column ? words[0] : name)) {
      continue;
    }
    std::vector<std::string> same = words;
    same[at] = our_words[at];
    if (same != our_words) continue;
    verdict.GuestNature(where, "when a kernel thread gets to run", lines[i]);
    lines[i] = our_lines[i];
  }
  return absl::StrJoin(lines, "\n");
}

}  // namespace dmdax::conformance
