// SPDX-License-Identifier: Apache-2.0
#include "tests/conformance/guest_nature.h"

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "dm/device_mapper.h"

namespace dmdax::conformance {
namespace {

struct GuestWords {
  absl::string_view begin;  // of the line
  absl::string_view has;    // somewhere behind that
  absl::string_view why;
};

constexpr absl::string_view kLoaded = "a module's first use in this boot";
constexpr absl::string_view kRate = "a rate limit over all cases of a boot";
constexpr absl::string_view kThread = "when a kernel thread gets to run";
constexpr absl::string_view kProcessor = "the host's processor";

constexpr GuestWords kLines[] = {
    {"device-mapper: multipath ", ": version ", kLoaded},
    {"device-mapper: dm-log-userspace: version ", "", kLoaded},
    {"device-mapper: cache-policy-", ": version ", kLoaded},
    {"async_tx: api initialized", "", kLoaded},
    {"md: ", " personality registered for level ", kLoaded},
    {"device-mapper: raid: Loading target version ", "", kLoaded},
    {"raid6: ", "", kProcessor},
    {"xor: ", "", kProcessor},
    {"   ", " MB/sec", kProcessor},
    {"AVX", " of gcm_enc/dec engaged", kProcessor},
    {"SSE version of gcm_enc/dec engaged", "", kProcessor},
    {"AES CTR mode by8 optimization enabled", "", kProcessor},
    {"device-mapper: verity: ", " using ", kProcessor},
    {"alg: No test for ", "", kLoaded},
    {"EXT4-fs (", "mounted filesystem", kRate},
    {"md: mdX: resync done.", "", kThread},
    {"kworker/", ": attempt to access beyond end of device", kThread},
    {"device-mapper: integrity: Error on reading data: ", "", kThread},
    {"", " callbacks suppressed", kRate},
};

// Lines of which the kernel prints no more than ten in five seconds, whatever
// case they are of.
constexpr absl::string_view kRateLimited[] = {
    "attempt to access beyond end of device",
    "I/O error, dev ",
    " is corrupted",
    "failed to correct (",
    "corrected 0 errors",
};

bool IsRateLimited(const std::string& line) {
  for (absl::string_view words : kRateLimited) {
    if (absl::StrContains(line, words)) return true;
  }
  return false;
}

}  // namespace

std::string GuestLine(absl::string_view line) {
  for (const GuestWords& words : kLines) {
    if (absl::StartsWith(line, words.begin) &&
        absl::StrContains(line.substr(words.begin.size()), words.has)) {
      return std::string(words.why);
    }
  }
  return "";
}

Json WithoutGuestLines(const std::string& where, const Json& lines,
                       Verdict* verdict) {
  Json kept = Json::array();
  for (const Json& line : lines) {
    const std::string why = GuestLine(line.get<std::string>());
    if (why.empty()) {
      kept.push_back(line);
    } else if (verdict != nullptr) {
      verdict->GuestNature(where, why, line.get<std::string>());
    }
  }
  return kept;
}

Json WithoutTimes(const std::string& where, const Json& stdout_text,
                  Verdict* verdict) {
  // Of "0+8 1 0 8 4 0 0 0 0 0 4 4 4 0": how long reads and writes took.
  constexpr size_t kTimes[] = {4, 8, 10, 11, 12, 13};
  std::vector<std::string> lines =
      absl::StrSplit(stdout_text.get<std::string>(), '\n');
  for (std::string& line : lines) {
    std::vector<std::string> words = absl::StrSplit(line, ' ');
    for (size_t i : kTimes) {
      if (i >= words.size() || words[i] == "0") continue;
      if (verdict != nullptr) {
        verdict->GuestNature(where, "how long an I/O took", words[i]);
      }
      words[i] = "0";
    }
    line = absl::StrJoin(words, " ");
  }
  return absl::StrJoin(lines, "\n");
}

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

std::string MissingType(const Json& recorded, const KernelProfile& profile) {
  constexpr absl::string_view kEnd = ": unknown target type";
  for (const std::string line : recorded.value("dmesg", Json::array())) {
    absl::string_view words = line;
    if (!absl::ConsumeSuffix(&words, kEnd)) continue;
    const std::string type(words.substr(words.rfind(' ') + 1));
    if (FindTargetType(type, profile) != nullptr) return type;
  }
  return "";
}

std::string MissingHash(const Json& step, const Json& recorded) {
  // Since 6.16 its module is called crc32-cryptoapi, which the recording guests
  // do not have.
  const std::string table = step.value("stdin", "");
  if (!absl::StrContains(table, ":crc32 ") &&
      !absl::StrContains(table, ":crc32\n") &&
      !absl::StrContains(table, " crc32 ")) {
    return "";
  }
  for (const std::string line : recorded.value("dmesg", Json::array())) {
    if (absl::StrContains(line, "Invalid internal hash (-ENOENT)") ||
        absl::StrContains(line, "Cannot initialize hash function (-ENOENT)")) {
      return "crc32";
    }
  }
  return "";
}

Json WithoutSuppressed(const std::string& where, const Json& kernel,
                       const Json& ours, Verdict& verdict) {
  Json kept = Json::array();
  for (const Json& line : ours) {
    const std::string text = line;
    const bool next =
        kept.size() < kernel.size() && kernel[kept.size()] == line;
    if (!next && IsRateLimited(text)) {
      verdict.GuestNature(where, std::string(kRate), text);
    } else {
      kept.push_back(line);
    }
  }
  return kept;
}

bool WithoutLoadOrder(const std::string& where, const Json& env,
                      const KernelProfile& profile,
                      std::vector<std::string>* kernel,
                      std::vector<std::string>* ours, Verdict& verdict) {
  std::set<std::string> at_boot;
  for (const Json& target : env["env"]["targets"]) at_boot.insert(target[0]);
  std::vector<std::string> on_demand, kept;
  for (const std::string& line : *kernel) {
    const std::string type = line.substr(0, line.find(' '));
    const bool later = !at_boot.contains(type);
    if (later) on_demand.push_back(type);
    // One that an earlier case of the same boot has loaded.
    const bool by_other =
        later && FindTargetType(type, profile) != nullptr &&
        std::find(ours->begin(), ours->end(), line) == ours->end();
    if (!by_other) kept.push_back(line);
  }
  if (on_demand.empty()) return false;
  verdict.GuestNature(where, "which modules were loaded before, in which order",
                      absl::StrJoin(on_demand, " "));
  std::sort(kept.begin(), kept.end());
  std::sort(ours->begin(), ours->end());
  *kernel = std::move(kept);
  return true;
}

std::string WithoutRepeats(const std::string& where, const std::string& kernel,
                           const std::string& once, Verdict& verdict) {
  if (once.empty()) return kernel;
  // Reports have an empty line between them.  The last may be cut off.
  for (absl::string_view gap : {"", "\n"}) {
    const std::string again = absl::StrCat(once, gap);
    size_t at = 0;
    while (absl::StartsWith(absl::string_view(kernel).substr(at), again)) {
      at += again.size();
    }
    if (at == 0 || !absl::StartsWith(again, kernel.substr(at))) continue;
    verdict.GuestNature(where,
                        "how often dmsetup had said it when it was ended",
                        absl::StrCat(at / again.size(), " times"));
    return once;
  }
  return kernel;
}

bool TraceIsLost(const Json& steps) {
  for (const Json& step : steps) {
    if (step.contains("events")) return false;
  }
  for (const Json& step : steps) {
    if (step.value("minflt", 0) + step.value("majflt", 0) > 0) return true;
  }
  return false;
}

std::string MountIsGuests(const Json& mount) {
  for (const std::string line : mount.value("dmesg", Json::array())) {
    if (absl::StrContains(line, "Failed to enable quota tracking")) {
      return "it has no module for quotas: " + line;
    }
  }
  return "";
}

}  // namespace dmdax::conformance
