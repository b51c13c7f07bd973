// SPDX-License-Identifier: Apache-2.0
#include "tools/facts_json.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace dmdax {
namespace {

using Json = nlohmann::ordered_json;

std::string VersionText(const std::array<uint32_t, 3>& v) {
  return absl::StrCat(v[0], ".", v[1], ".", v[2]);
}

Json NumberToJson(DevT dev) {
  return {{"major", dev.major_nr}, {"minor", dev.minor_nr}};
}

void AddInfo(const DmIoctl& io, Json& j) {
  j["uuid"] = io.uuid;
  j["suspended"] = (io.flags & DM_SUSPEND_FLAG) != 0;
  j["readonly"] = (io.flags & DM_READONLY_FLAG) != 0;
  j["deferred_remove"] = (io.flags & DM_DEFERRED_REMOVE) != 0;
  j["live_table"] = (io.flags & DM_ACTIVE_PRESENT_FLAG) != 0;
  j["inactive_table"] = (io.flags & DM_INACTIVE_PRESENT_FLAG) != 0;
  j["open_count"] = io.open_count;
  j["event_nr"] = io.event_nr;
  j["target_count"] = io.target_count;
}

Json DeviceToJson(const DeviceFacts& device) {
  Json j = {{"name", device.name}};
  j.update(NumberToJson(device.dev));
  if (device.info) AddInfo(*device.info, j);
  if (device.read_ahead) j["read_ahead"] = *device.read_ahead;
  if (device.rows) {
    Json rows = Json::array();
    for (const DmTargetSpec& row : *device.rows) {
      rows.push_back({{"start", row.sector_start.value()},
                      {"length", row.length},
                      {"type", row.target_type},
                      {"params", row.params}});
    }
    j["rows"] = std::move(rows);
  }
  if (device.deps) {
    Json deps = Json::array();
    for (const DevT& dev : *device.deps) deps.push_back(NumberToJson(dev));
    j["deps"] = std::move(deps);
  }
  return j;
}

}  // namespace

Json FactsToJson(const DmsetupFacts& facts) {
  Json j = Json::object();
  Json devices = Json::array();
  for (const DeviceFacts& device : facts.devices) {
    devices.push_back(DeviceToJson(device));
  }
  j["devices"] = std::move(devices);
  if (!facts.targets.empty()) {
    Json targets = Json::array();
    for (const TargetFacts& target : facts.targets) {
      targets.push_back(
          {{"name", target.name}, {"version", VersionText(target.version)}});
    }
    j["targets"] = std::move(targets);
  }
  if (facts.driver_version) {
    j["driver_version"] = VersionText(*facts.driver_version);
  }
  return j;
}

}  // namespace dmdax
