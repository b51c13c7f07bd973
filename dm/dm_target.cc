// SPDX-License-Identifier: Apache-2.0
//
// The registry of target types.  Mirrors drivers/md/dm-target.c (6.1), whose
// `error` target lives in dm_error.cc.
#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <iostream>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/errno_status.h"
#include "dm/device_mapper.h"

namespace dmdax {
namespace {

// The types that DM_REGISTER_TARGET named.  They are checked later: which
// kernels there are is not known before all static initialisers have run.
std::vector<const TargetType*>& Linked() {
  static auto* linked = new std::vector<const TargetType*>;
  return *linked;
}

std::vector<const TargetType*>& Registered() {
  static auto* registered = new std::vector<const TargetType*>;
  return *registered;
}

constexpr char kNotModelledPayload[] = "dmdax/not-modelled";

bool Exists(const TargetType& type, const KernelProfile& profile) {
  return type.version(profile) != TargetVersion{};
}

// In a kernel that is to come, if in none that there is.
bool EverExists(const TargetType& type) {
  const absl::Span<const KernelProfile> kernels = AllKernelProfiles();
  return std::any_of(kernels.begin(), kernels.end(),
                     [&](const KernelProfile& p) { return Exists(type, p); }) ||
         type.versions.At({~0u, ~0u}) != TargetVersion{};
}

absl::Status Register(const TargetType& type) {
  if (type.example.length == 0) {
    return ErrnoError(EINVAL, absl::StrCat(type.name, ": no example"));
  }
  // It would be in no list, and no test would load it.
  if (!EverExists(type)) {
    return ErrnoError(EINVAL, absl::StrCat(type.name, ": no version"));
  }
  for (const TargetType* other : Registered()) {
    if (other->name != type.name) continue;
    for (const KernelProfile& profile : AllKernelProfiles()) {
      if (!Exists(type, profile) || !Exists(*other, profile)) continue;
      return ErrnoError(EEXIST,
                        absl::StrCat(type.name, ": target already registered"));
    }
  }
  Registered().push_back(&type);
  return absl::OkStatus();
}

void RegisterOrDie(const TargetType& type) {
  const absl::Status s = Register(type);
  if (s.ok()) return;
  std::cerr << "device-mapper: target: " << s.message() << std::endl;
  std::abort();
}

const std::vector<const TargetType*>& Registry() {
  RegisterLinkedTargets();
  return Registered();
}

}  // namespace

TargetRegistrar::TargetRegistrar(const TargetType& type) {
  Linked().push_back(&type);
}

void RegisterLinkedTargets() {
  [[maybe_unused]] static const bool done = [] {
    for (const TargetType* type : Linked()) RegisterOrDie(*type);
    return true;
  }();
}

absl::Status DmRegisterTarget(const TargetType& type) {
  RegisterLinkedTargets();
  return Register(type);
}

const TargetType* FindTargetType(absl::string_view name,
                                 const KernelProfile& profile) {
  for (const TargetType* type : Registry()) {
    if (type->name == name && Exists(*type, profile)) return type;
  }
  return nullptr;
}

std::vector<const TargetType*> TargetTypes(const KernelProfile& profile) {
  std::vector<const TargetType*> types;
  for (const TargetType* type : Registry()) {
    if (Exists(*type, profile) && type->registered) {
      types.push_back(type);
    }
  }
  // The linker decides the order of static initialisers; the list must not
  // depend on it.
  std::sort(types.begin(), types.end(),
            [](const TargetType* a, const TargetType* b) {
              if (a->registered != b->registered) {
                return a->registered > b->registered;
              }
              return a->name > b->name;
            });
  return types;
}

std::vector<const TargetType*> KnownTargetTypes(const KernelProfile& profile) {
  std::vector<const TargetType*> types;
  for (const TargetType* type : Registry()) {
    if (Exists(*type, profile)) types.push_back(type);
  }
  std::sort(types.begin(), types.end(),
            [](const TargetType* a, const TargetType* b) {
              return a->name < b->name;
            });
  return types;
}

std::string DmTargetNameVersion(const DmTarget& ti) {
  return absl::StrCat("target_name=", ti.type->name, ",target_version=",
                      absl::StrJoin(ti.type->version(ProfileOf(ti)), "."));
}

absl::Status DmError(absl::string_view error) {
  return ErrnoError(EINVAL, error);
}

absl::Status DmNotModelled(absl::string_view what, absl::string_view needed) {
  absl::Status status =
      ErrnoError(EOPNOTSUPP,
                 absl::StrCat("not modelled: ", what, " (needs ", needed, ")"));
  status.SetPayload(kNotModelledPayload, absl::Cord());
  return status;
}

bool IsNotModelled(const absl::Status& status) {
  return status.GetPayload(kNotModelledPayload).has_value();
}

void DmLog(Machine& machine, KernLevel level, absl::string_view prefix,
           absl::string_view text) {
  machine.log().Printk(level,
                       absl::StrCat("device-mapper: ", prefix, ": ", text));
}

}  // namespace dmdax
