// SPDX-License-Identifier: Apache-2.0
#include "block/changed_devices.h"

#include <utility>

namespace dmdax {

void ChangedDevices::Device(DevT dev) {
  absl::MutexLock lock(&mu_);
  if (noted_) noted_->devices.insert(dev);
}

void ChangedDevices::Node(absl::string_view path) {
  absl::MutexLock lock(&mu_);
  if (noted_) noted_->nodes.emplace(path);
}

std::optional<ChangedDevices::Taken> ChangedDevices::Take() {
  absl::MutexLock lock(&mu_);
  return std::exchange(noted_, Taken{});
}

}  // namespace dmdax
