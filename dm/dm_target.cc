// SPDX-License-Identifier: Apache-2.0
//
// The registry of target types.  Mirrors drivers/md/dm-target.c (6.1), whose
// `error` target lives in dm_error.cc.
#include <algorithm>
#include <cerrno>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "dm/device_mapper.h"

namespace dmdax {
namespace {

std::vector<const TargetType*>& Registry() {
  static auto* registry = new std::vector<const TargetType*>;
  return *registry;
}

constexpr char kNotModelledPayload[] = "dmdax/not-modelled";

bool Exists(const TargetType& type, const KernelProfile& profile) {
  return type.version(profile) != TargetVersion{};
}

}  // namespace

TargetRegistrar::TargetRegistrar(const TargetType& type) {
  Registry().push_back(&type);
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
    if (Exists(*type, profile) && type->registered != kNotLoaded) {
      types.push_back(type);
    }
  }
  // The order of static initialisers is the linker's whim; ours is not.
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
