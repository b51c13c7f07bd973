// SPDX-License-Identifier: Apache-2.0
#include "block/changed_devices.h"

#include <utility>

namespace dmdax {

void ChangedDevices::Device(DevT dev) {
  absl::MutexLock lock(&mu_);
  if (tree_) tree_->devices.insert(dev);
  if (state_) state_->devices.insert(dev);
}

void ChangedDevices::Node(absl::string_view path) {
  absl::MutexLock lock(&mu_);
  if (tree_) tree_->nodes.emplace(path);
  if (state_) state_->nodes.emplace(path);
}

void ChangedDevices::Inside(DevT dev) {
  absl::MutexLock lock(&mu_);
  if (state_) state_->devices.insert(dev);
}

void ChangedDevices::Disks() {
  absl::MutexLock lock(&mu_);
  if (tree_) tree_->disks = true;
  if (state_) state_->disks = true;
}

void ChangedDevices::Above() {
  absl::MutexLock lock(&mu_);
  if (state_) state_->above = true;
}

std::optional<ChangedDevices::Taken> ChangedDevices::Take(Reader reader) {
  absl::MutexLock lock(&mu_);
  return std::exchange(reader == Reader::kTree ? tree_ : state_, Taken{});
}

}  // namespace dmdax
