// SPDX-License-Identifier: Apache-2.0
#include "base/kernel_alias.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/nearest.h"

namespace dmdax {
namespace {

constexpr VendorPatches kRecorded = VendorPatches::kRecorded;

// None is older than the oldest profile.
constexpr KernelAlias kAliases[] = {
    {"amazon2", {4, 14}},
    {"amazon2023", {6, 1}},
    {"debian10", {4, 19}},
    {"debian11", {5, 10}, kRecorded},
    {"debian12", {6, 1}, kRecorded},
    {"debian13", {6, 12}, kRecorded},
    {"rhel10", {6, 12}},
    {"rhel8", {4, 18}},
    {"rhel9", {5, 14}},
    {"sles15sp5", {5, 14}},
    {"sles15sp6", {6, 4}},
    {"ubuntu18.04", {4, 15}},
    {"ubuntu20.04", {5, 4}},
    {"ubuntu22.04", {5, 15}},
    {"ubuntu24.04", {6, 8}},
};

// What people ask for of which no profile answers: they are told why.
constexpr KernelAlias kOlder[] = {
    {"debian9", {4, 9}}, {"rhel6", {2, 6}},       {"rhel7", {3, 10}},
    {"sles12", {4, 12}}, {"ubuntu16.04", {4, 4}},
};

// "5.14", and what may follow: "5.14.0-427.el9.x86_64", "5.14-rc3".
std::optional<KernelRelease> ParseRelease(absl::string_view text) {
  KernelRelease release;
  for (uint32_t* part : {&release.major, &release.minor}) {
    size_t digits = 0;
    while (digits < text.size() && absl::ascii_isdigit(text[digits])) ++digits;
    if (!absl::SimpleAtoi(text.substr(0, digits), part)) return std::nullopt;
    text.remove_prefix(digits);
    if (part == &release.minor) break;
    if (text.empty() || text[0] != '.') return std::nullopt;
    text.remove_prefix(1);
  }
  if (text.empty()) return release;
  // Else nobody knows it: "5.14.nonsense", "5.14-".
  const unsigned char next = text.size() > 1 ? text[1] : 0;
  const bool follows = text[0] == '.'   ? absl::ascii_isdigit(next)
                       : text[0] == '-' ? absl::ascii_isalnum(next)
                                        : false;
  return follows ? std::optional(release) : std::nullopt;
}

// The newest profile that is no newer; null: all are.
const KernelProfile* NewestNotAfter(KernelRelease release) {
  const KernelProfile* newest = nullptr;
  for (const KernelProfile& profile : AllKernelProfiles()) {
    if (profile.fault.format != PageTableFormat::kX86_64) continue;
    if (profile.release <= release) newest = &profile;
  }
  return newest;
}

// The oldest profile that is newer, or null, where no profile is of the
// release.
const KernelProfile* OldestAfter(KernelRelease release) {
  const KernelProfile* oldest = nullptr;
  for (const KernelProfile& profile : AllKernelProfiles()) {
    if (profile.fault.format != PageTableFormat::kX86_64) continue;
    if (profile.release == release) return nullptr;
    if (oldest == nullptr && profile.release > release) oldest = &profile;
  }
  return oldest;
}

// As uname -m says it, and vendors at the end of a release.
constexpr absl::string_view kMachines[] = {
    "aarch64", "alpha",       "arm64",       "armhf",    "armmp",
    "armv7hl", "armv7l",      "i386",        "i586",     "i686",
    "loong64", "loongarch64", "mips64",      "mips64el", "parisc",
    "powerpc", "powerpc64",   "powerpc64le", "ppc64",    "ppc64el",
    "ppc64le", "riscv",       "riscv64",     "s390x",    "sparc64",
};
// Of a kernel whose pages are no 4 KiB.
constexpr std::pair<absl::string_view, absl::string_view> kPages[] = {
    {"16k", "with pages of 16 KiB"},
    {"64k", "with pages of 64 KiB"},
    {"64kb", "with pages of 64 KiB"},
};

// Of "5.14.0-427.el9.aarch64+64k", or what uname -rm says: what it is that no
// profile of x86_64 is; "": nothing says that it is anything else.
std::string ForeignIn(absl::string_view release) {
  const size_t blank = release.find(' ');
  if (blank != release.npos) {
    const absl::string_view machine = release.substr(blank + 1);
    return machine == "x86_64" ? "" : absl::StrCat("of ", machine);
  }
  std::string foreign;
  for (absl::string_view word :
       absl::StrSplit(release, absl::ByAnyChar(".-+"))) {
    if (word == "x86_64" || word == "amd64") return "";
    for (absl::string_view machine : kMachines) {
      if (word == machine) foreign = absl::StrCat("of ", machine);
    }
    for (const auto& [name, what] : kPages) {
      if (word == name && foreign.empty()) foreign = std::string(what);
    }
  }
  // Debian's; a vendor may count so far.
  if (absl::EndsWith(release, "-686") || absl::EndsWith(release, "-686-pae")) {
    foreign = "of i686";
  }
  return foreign;
}

std::string ForeignText(absl::string_view release, absl::string_view foreign) {
  return absl::StrCat("kernel ", release, " is one ", foreign,
                      ", and dmdax has those of x86_64, with pages of 4 KiB");
}

// RHEL's 4.14 for arm64, of whose faults there is a profile; null: it is none.
const KernelProfile* RhelArm64(absl::string_view release) {
  if (!absl::StartsWith(release, "4.14.") ||
      !absl::StrContains(release, ".el7a.aarch64")) {
    return nullptr;
  }
  const auto found = FindKernelProfile("arm64_4_14");
  return found.ok() ? *found : nullptr;
}

std::string Near(absl::string_view said, const KernelProfile& profile) {
  return absl::StrCat("kernel ", said, " is not a profile; ", profile.name,
                      " answers, the nearest that is (dmdax kernels)");
}

// `profile` is the newest that is no newer than the release.
KernelAnswer NearestFor(std::string said, KernelRelease release,
                        const KernelProfile& profile) {
  KernelAnswer answer{&profile, Near(said, profile), OldestAfter(release)};
  if (answer.above != nullptr) answer.between = std::move(said);
  return answer;
}

// As vendors mark a release of theirs: "6.12.0-55.9.1.el10_0.x86_64".  Debian's
// were recorded.
constexpr absl::string_view kNumberedVendors[] = {"amzn", "el", "fc"};
constexpr absl::string_view kVendors[] = {
    "aws", "azure", "default", "gcp", "generic", "lowlatency", "oem", "oracle",
};

// Whether the kernel of that release has patches that nobody recorded.
bool IsOfVendor(absl::string_view release) {
  for (absl::string_view word :
       absl::StrSplit(release, absl::ByAnyChar(".-+_"))) {
    for (absl::string_view vendor : kVendors) {
      if (word == vendor) return true;
    }
    for (absl::string_view vendor : kNumberedVendors) {
      absl::string_view rest = word;
      if (absl::ConsumePrefix(&rest, vendor) && !rest.empty() &&
          absl::ascii_isdigit(static_cast<unsigned char>(rest[0]))) {
        return true;
      }
    }
  }
  return false;
}

// Of "rhel8.10" "rhel8": all of one have the same kernel.  Those of Ubuntu and
// SUSE are named with their minor release.
absl::string_view WithoutMinor(absl::string_view name) {
  const size_t dot = name.find('.');
  if (dot == name.npos || dot + 1 == name.size()) return name;
  for (const char c : name.substr(dot + 1)) {
    if (!absl::ascii_isdigit(static_cast<unsigned char>(c))) return name;
  }
  return name.substr(0, dot);
}

std::string Said(const KernelAlias& alias) {
  return absl::StrCat(alias.name, " (", alias.release.ToString(), ")");
}

absl::Status TooOld(absl::string_view said) {
  return absl::NotFoundError(absl::StrCat(
      "kernel ", said, " is older than ",
      AllKernelProfiles()[0].release.ToString(), ", the oldest there is"));
}

// "6.1" of "v6.1", which is between a profile's name and a release.
absl::string_view WithoutV(absl::string_view name) {
  absl::string_view bare = name;
  return absl::ConsumePrefix(&bare, "v") && ParseRelease(bare) ? bare : name;
}

}  // namespace

absl::Span<const KernelAlias> KernelAliases() { return kAliases; }

KernelAnswer AnswerForAlias(const KernelAlias& alias) {
  const KernelProfile& profile = *NewestNotAfter(alias.release);
  const bool is_it =
      alias.patches == kRecorded && profile.release == alias.release;
  if (is_it) return {&profile, ""};
  return NearestFor(Said(alias), alias.release, profile);
}

std::string KernelAnswer::BothNote() const {
  if (above == nullptr) return "";
  return absl::StrCat("kernel ", between, " lies between ", profile->name,
                      " and ", above->name, ": both are asked");
}

std::string KernelAnswer::AboveNote() const {
  if (above == nullptr) return "";
  return absl::StrCat("kernel ", between, " is not a profile; ", above->name,
                      " answers: it takes what is mounted there, and ",
                      profile->name, " refuses it (dmdax kernels)");
}

absl::StatusOr<KernelAnswer> AnswerForKernel(absl::string_view given) {
  const absl::string_view name = WithoutV(given);
  if (const KernelProfile* rhel = RhelArm64(name))
    return KernelAnswer{rhel, ""};
  if (const std::string foreign = ForeignIn(name);
      !foreign.empty() && ParseRelease(name)) {
    return absl::NotFoundError(
        absl::StrCat(ForeignText(name, foreign), " (dmdax kernels)"));
  }
  absl::StatusOr<const KernelProfile*> found = FindKernelProfile(name);
  if (found.ok()) {
    return KernelAnswer{*found, IsOfVendor(name) ? Near(name, **found) : ""};
  }
  for (const absl::string_view called : {name, WithoutMinor(name)}) {
    for (KernelAlias alias : kAliases) {
      if (alias.name != called) continue;
      alias.name = name;
      return AnswerForAlias(alias);
    }
    for (KernelAlias alias : kOlder) {
      if (alias.name != called) continue;
      alias.name = name;
      return TooOld(Said(alias));
    }
  }
  if (std::optional<KernelRelease> release = ParseRelease(name)) {
    const KernelProfile* profile = NewestNotAfter(*release);
    if (profile == nullptr) return TooOld(name);
    return NearestFor(std::string(name), *release, *profile);
  }
  std::vector<std::string> known;
  for (const KernelProfile& profile : AllKernelProfiles()) {
    known.emplace_back(profile.name);
  }
  for (const KernelAlias& alias : kAliases) known.emplace_back(alias.name);
  return absl::NotFoundError(absl::StrCat(
      found.status().message(), ", releases such as 6.18, and ",
      absl::StrJoin(kAliases, ", ",
                    [](std::string* out, const KernelAlias& alias) {
                      absl::StrAppend(out, alias.name);
                    }),
      DidYouMean(name, known)));
}

absl::StatusOr<KernelAnswer> AnswerForRelease(absl::string_view release) {
  const absl::string_view bare = release.substr(0, release.find(' '));
  const std::optional<KernelRelease> number = ParseRelease(bare);
  const std::string foreign = ForeignIn(release);
  if (number && !foreign.empty() && RhelArm64(bare) == nullptr) {
    const KernelProfile* const newest = NewestNotAfter(*number);
    KernelAnswer other{newest != nullptr ? newest : &AllKernelProfiles()[0],
                       ""};
    other.unknown = absl::StrCat(ForeignText(release, foreign),
                                 ": nobody knows what it does");
    other.note =
        absl::StrCat(other.unknown, "; ", other.profile->name, " stands in");
    return other;
  }
  absl::StatusOr<KernelAnswer> answer = AnswerForKernel(bare);
  if (answer.ok() || !number || NewestNotAfter(*number) != nullptr) {
    return answer;
  }
  const KernelProfile& oldest = AllKernelProfiles()[0];
  KernelAnswer older{&oldest, ""};
  older.unknown =
      absl::StrCat("kernel ", release, " is older than ", oldest.name,
                   ", the oldest that there is, and a vendor may have carried "
                   "back what came "
                   "later: nobody knows what it does");
  older.note = absl::StrCat(older.unknown, "; ", oldest.name, " stands in");
  return older;
}

}  // namespace dmdax
