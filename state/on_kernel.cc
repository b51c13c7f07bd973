// SPDX-License-Identifier: Apache-2.0
#include "state/on_kernel.h"

#include <map>
#include <utility>

#include "base/kernel_profile.h"

namespace dmdax {
namespace {

// The profile's own name where there is such a profile.
std::string ProfileName(const std::string& kernel) {
  const absl::StatusOr<const KernelProfile*> found = FindKernelProfile(kernel);
  return found.ok() ? std::string((*found)->name) : kernel;
}

}  // namespace

proto::World OnKernel(proto::World world, const std::string& kernel) {
  if (kernel.empty()) return world;
  world.set_kernel(kernel);
  world.clear_release();
  const std::string name = ProfileName(kernel);
  std::map<std::string, std::string> options;  // by mount
  proto::World kept;
  for (proto::Guess& guess : *world.mutable_guess()) {
    if (guess.refused_by().empty() || guess.refused_by() == name) {
      *kept.add_guess() = std::move(guess);
    } else {
      options[guess.name()] = guess.options();
    }
  }
  world.mutable_guess()->Swap(kept.mutable_guess());
  for (proto::Mount& mount : *world.mutable_mount()) {
    const auto shown = options.find(mount.path());
    if (shown != options.end()) mount.set_options(shown->second);
  }
  return world;
}

}  // namespace dmdax
