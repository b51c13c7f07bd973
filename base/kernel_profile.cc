// SPDX-License-Identifier: Apache-2.0
#include "base/kernel_profile.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <tuple>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/errno_status.h"
#include "base/kernel_registry.h"

namespace dmdax {
namespace {

std::vector<KernelEntry>& Entries() {
  static auto* entries = new std::vector<KernelEntry>;
  return *entries;
}

[[noreturn]] void Mistake(const KernelEntry& entry, const char* what) {
  fprintf(stderr, "dmdax: kernel %s: %s\n", std::string(entry.name).c_str(),
          what);
  abort();
}

const KernelEntry* EntryNamed(absl::string_view name) {
  for (const KernelEntry& entry : Entries()) {
    if (entry.name == name) return &entry;
  }
  return nullptr;
}

KernelProfile Make(const KernelEntry& entry, size_t depth) {
  KernelProfile p{};
  if (!entry.after.empty()) {
    const KernelEntry* before = EntryNamed(entry.after);
    if (before == nullptr) Mistake(entry, "comes after one that nobody knows");
    if (depth > Entries().size()) Mistake(entry, "comes after itself");
    p = Make(*before, depth + 1);
  }
  p.name = std::string(entry.name);
  p.release = entry.release;
  p.stands_for = std::string(entry.stands_for);
  p.recorded = std::string(entry.recorded);
  p.from_source = std::string(entry.from_source);
  entry.change(p);
  return p;
}

std::vector<KernelProfile>* MakeProfiles() {
  auto* profiles = new std::vector<KernelProfile>;
  for (const KernelEntry& entry : Entries()) {
    if (EntryNamed(entry.name) != &entry) Mistake(entry, "is there twice");
    profiles->push_back(Make(entry, 0));
  }
  // The order of static initialisers is the linker's whim; ours is not.
  std::sort(profiles->begin(), profiles->end(),
            [](const KernelProfile& a, const KernelProfile& b) {
              return std::tie(a.fault.format, a.release, a.name) <
                     std::tie(b.fault.format, b.release, b.name);
            });
  return profiles;
}

bool is_made = false;

const std::vector<KernelProfile>& Profiles() {
  static const auto* profiles = (is_made = true, MakeProfiles());
  return *profiles;
}

}  // namespace

KernelRegistrar::KernelRegistrar(const KernelEntry& entry) {
  // A static initialiser somewhere asked for a profile.
  if (is_made) Mistake(entry, "comes after the list was made");
  Entries().push_back(entry);
}

std::string KernelProfile::ErrnoSuffix(int err) const {
  if (!dm_target_error_has_errno) return "";
  return absl::StrCat(" (-", ErrnoName(err), ")");
}

absl::StatusOr<const KernelProfile*> FindKernelProfile(absl::string_view name) {
  for (const KernelProfile& profile : Profiles()) {
    const std::string release = profile.release.ToString();
    if (name == profile.name || name == release ||
        absl::StartsWith(name, release + ".")) {
      return &profile;
    }
  }
  return absl::NotFoundError(absl::StrCat(
      "no kernel profile '", name, "'; there are ",
      absl::StrJoin(Profiles(), ", ",
                    [](std::string* out, const KernelProfile& profile) {
                      absl::StrAppend(out, profile.name);
                    })));
}

const KernelProfile& DefaultKernelProfile() {
  static const KernelProfile& profile = **FindKernelProfile("v6_1");
  return profile;
}

absl::Span<const KernelProfile> AllKernelProfiles() { return Profiles(); }

}  // namespace dmdax
