// SPDX-License-Identifier: Apache-2.0
#include "tests/conformance/guest_nature.h"

#include <algorithm>
#include <cstdlib>
#include <set>
#include <utility>
#include <vector>

#include "absl/algorithm/container.h"
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
constexpr absl::string_view kFreed = "what is in memory that has been freed";
constexpr absl::string_view kProcessor = "the host's processor";

constexpr absl::string_view kWarning = "a warning of the kernel about itself";
constexpr absl::string_view kCutHere = "------------[ cut here ]------------";
constexpr absl::string_view kEndTrace = "---[ end trace ";

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
    {"block device autoloading is deprecated ", "", kRate},
    {"md: mdX: ", " done.", kThread},
    {"md: ", " of RAID array mdX", kThread},
    {"kworker/", ": attempt to access beyond end of device", kThread},
    {"device-mapper: integrity: Error on reading data: ", "", kThread},
    {"", " callbacks suppressed", kRate},
    {"device-mapper: table: ", " not in table devices list", kFreed},
    {"hrtimer: interrupt took ", " ns", kProcessor},
};

// Lines of which the kernel prints no more than ten in five seconds, whatever
// case they are of.
constexpr absl::string_view kRateLimited[] = {
    "attempt to access beyond end of device",
    "I/O error, dev ",
    "Buffer I/O error on dev ",
    ": detected capacity change from ",
    " is corrupted",
    "failed to correct (",
    "corrected 0 errors",
    "raid1: Unable to read primary mirror during recovery",
    "raid1: Write error during recovery",
    "raid1: Read failure on mirror device ",
    "raid1: Mirror read failed.",
    ": hydration failed",
    "node_check failed: ",
    " validator check failed for block ",
};

bool IsRateLimited(const std::string& line) {
  for (absl::string_view words : kRateLimited) {
    if (absl::StrContains(line, words)) return true;
  }
  return false;
}

// "1:4:0" of a histogram of times: all of it where the shortest are, "5:0:0".
std::string AllInOne(absl::string_view histogram) {
  uint64_t sum = 0;
  std::vector<std::string> counts = absl::StrSplit(histogram, ':');
  for (std::string& count : counts) {
    uint64_t n = 0;
    if (absl::SimpleAtoi(count, &n)) sum += n;
    count = "0";
  }
  counts[0] = absl::StrCat(sum);
  return absl::StrJoin(counts, ":");
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
  // What the kernel says of itself: from the first warning to the last one.
  size_t warns = lines.size(), warned = 0;
  for (size_t i = 0; i < lines.size(); ++i) {
    const std::string text = lines[i];
    if (text == kCutHere) warns = std::min(warns, i);
    if (absl::StartsWith(text, kEndTrace)) warned = i;
  }
  for (size_t i = 0; i < lines.size(); ++i) {
    const Json& line = lines[i];
    const std::string text = line;
    const std::string why =
        warns <= i && i <= warned ? std::string(kWarning) : GuestLine(text);
    if (why.empty()) {
      kept.push_back(line);
    } else if (verdict != nullptr) {
      verdict->GuestNature(where, why, text);
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
    if (words.size() == 15) words[14] = AllInOne(words[14]);
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

namespace {

// The hashes that a row of verity or integrity names, or may.
std::vector<std::string> HashesOf(const std::string& table) {
  std::vector<std::string> hashes;
  for (absl::string_view row : absl::StrSplit(table, '\n')) {
    const std::vector<absl::string_view> words =
        absl::StrSplit(row, ' ', absl::SkipEmpty());
    constexpr size_t kType = 2, kVerityAlgorithm = 10;
    if (words.size() > kVerityAlgorithm && words[kType] == "verity") {
      hashes.emplace_back(words[kVerityAlgorithm]);
    }
    for (absl::string_view word : words) {
      for (absl::string_view key : {"internal_hash:", "journal_mac:"}) {
        if (!absl::ConsumePrefix(&word, key)) continue;
        hashes.emplace_back(word.substr(0, word.find(':')));
      }
    }
  }
  return hashes;
}

}  // namespace

std::string MissingHash(const Json& step, const Json& recorded) {
  // Modules that Debian's kernels have, and the recording guests do not; since
  // 6.16 that of crc32 is called crc32-cryptoapi.
  constexpr absl::string_view kModules[] = {
      "crc32",    "crct10dif",   "xxhash64",   "md4",      "rmd160",
      "sm3",      "sha384",      "sha512",     "sha3-224", "sha3-256",
      "sha3-384", "sha3-512",    "wp256",      "wp384",    "wp512",
      "blake2b",  "streebog256", "streebog512"};
  const bool refused = absl::c_any_of(
      recorded.value("dmesg", Json::array()), [](const Json& line) {
        const std::string text = line;
        return absl::StrContains(text, "Invalid internal hash (-ENOENT)") ||
               absl::StrContains(text,
                                 "Cannot initialize hash function (-ENOENT)");
      });
  if (!refused) return "";
  for (const std::string& hash : HashesOf(step.value("stdin", ""))) {
    const absl::string_view name = absl::string_view(hash).substr(
        0, hash.find("b-") == hash.npos ? hash.npos : hash.find("b-") + 1);
    if (absl::c_linear_search(kModules, name)) return hash;
  }
  return "";
}

namespace {

// The N of "device-mapper: vdoN:", and where it stands.
std::optional<int> VdoNumber(absl::string_view line, size_t* at, size_t* end) {
  constexpr absl::string_view kBegin = "device-mapper: vdo";
  if (!absl::StartsWith(line, kBegin)) return std::nullopt;
  *at = kBegin.size();
  *end = line.find(':', *at);
  int number = 0;
  if (*end == line.npos ||
      !absl::SimpleAtoi(line.substr(*at, *end - *at), &number)) {
    return std::nullopt;
  }
  return number;
}

}  // namespace

Json WithOurVdoNumbers(const std::string& where, const Json& kernel,
                       const Json& ours, std::optional<int>* first,
                       Verdict& verdict) {
  size_t at = 0, end = 0;
  const auto number = [&](const Json& line) {
    return VdoNumber(line.get<std::string>(), &at, &end);
  };
  if (!first->has_value()) {
    // Both count up by the same devices from there on.
    const auto theirs = absl::c_find_if(kernel, number);
    const auto mine = absl::c_find_if(ours, number);
    if (theirs == kernel.end() || mine == ours.end()) return kernel;
    *first = *number(*theirs) - *number(*mine);
    if (**first != 0) {
      verdict.GuestNature(where, "how many vdo devices this boot has had",
                          absl::StrCat(**first));
    }
  }
  Json renumbered = Json::array();
  for (const Json& line : kernel) {
    std::string text = line;
    if (const std::optional<int> n = number(line); n.has_value()) {
      text.replace(at, end - at, absl::StrCat(*n - **first));
    }
    renumbered.push_back(text);
  }
  return renumbered;
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

bool DropHalfRemoved(const std::string& where, Json* devs, Verdict& verdict) {
  if (!devs->is_object()) return false;
  std::vector<std::string> gone;
  for (const auto& [disk, attributes] : devs->items()) {
    if (attributes.value("name", Json("")).is_null()) gone.push_back(disk);
  }
  for (const std::string& disk : gone) {
    verdict.GuestNature(where, std::string(kThread),
                        absl::StrCat("the removal of ", disk));
    devs->erase(disk);
  }
  return !gone.empty();
}

bool WasAboutToEnd(const Json& recorded) {
  if (!recorded.value("rc", Json()).is_null()) return false;
  for (const std::string line : recorded.value("blocked_in", Json::array())) {
    if (absl::StrContains(line, " do_exit+")) return true;
  }
  return false;
}

bool WasStoppedAtWork(const Json& recorded) {
  if (!recorded.value("rc", Json()).is_null()) return false;
  const Json stack = recorded.value("blocked_in", Json::array());
  return !stack.empty() &&
         absl::c_all_of(stack, [](const Json& line) { return line == ""; });
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
    if (absl::StrContains(line, "cannot be mounted without CONFIG_UNICODE")) {
      return "it was built without Unicode: " + line;
    }
  }
  return "";
}

}  // namespace dmdax::conformance
