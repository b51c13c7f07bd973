// SPDX-License-Identifier: Apache-2.0
#include "tools/dmsetup/facts.h"

#include <utility>

namespace dmdax {

void DmsetupFacts::Add(DeviceFacts device) {
  if (devices.empty() || devices.back().dev != device.dev) {
    devices.push_back(std::move(device));
    return;
  }
  DeviceFacts& known = devices.back();
  if (device.info) known.info = std::move(device.info);
  if (device.read_ahead) known.read_ahead = device.read_ahead;
  if (device.rows) known.rows = std::move(device.rows);
  if (device.deps) known.deps = std::move(device.deps);
}

}  // namespace dmdax
