// SPDX-License-Identifier: Apache-2.0
#include "tools/world_losses.h"

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "state/dm_snapshot.h"
#include "state/target_spec.h"
#include "state/world_load.h"

namespace dmdax {
namespace {

using Losses = std::vector<std::string>;

void Add(const proto::MappedDevice& device, absl::string_view what,
         Losses& losses) {
  losses.push_back(
      absl::StrCat("not in the World: ", device.name(), ": ", what));
}

void CompareTables(const proto::MappedDevice& device, const proto::Table& is,
                   const proto::Table& said, Losses& losses) {
  const auto& states = said.runtime().target_state();
  for (int row = 0; row < is.target_size(); ++row) {
    const auto key = static_cast<uint32_t>(row);
    const auto has = is.runtime().target_state().find(key);
    if (has == is.runtime().target_state().end()) continue;
    const auto other = states.find(key);
    if (other != states.end() && other->second == has->second) continue;
    const DmTargetSpec spec = SpecFromTarget(is.target(row));
    Add(device,
        absl::StrCat("what messages, I/O or time have done to the ",
                     spec.target_type, " target at sector ",
                     is.target(row).start()),
        losses);
  }
}

void CompareDevices(const proto::MappedDevice& is,
                    const proto::MappedDevice& said, Losses& losses) {
  CompareTables(is, is.table(), said.table(), losses);
  CompareTables(is, is.inactive_table(), said.inactive_table(), losses);
  const proto::MappedDeviceRuntime& a = is.runtime();
  const proto::MappedDeviceRuntime& b = said.runtime();
  if (a.deferred_remove() != b.deferred_remove()) {
    Add(is, "that it is removed when it is closed", losses);
  }
  if (a.has_ra_pages() != b.has_ra_pages() || a.ra_pages() != b.ra_pages()) {
    Add(is, "its readahead", losses);
  }
  if (a.stats_region_size() != b.stats_region_size()) {
    Add(is, absl::StrCat(a.stats_region_size(), " regions of statistics"),
        losses);
  }
}

}  // namespace

std::vector<std::string> WorldLosses(const Session& session,
                                     const proto::World& world) {
  if (world.mapped_device_size() == 0 && world.mount_size() == 0 &&
      world.process_size() == 0) {
    return {};
  }
  absl::StatusOr<Session> again = LoadWorld(world);
  if (!again.ok()) {
    return {absl::StrCat("the World of this machine can not be loaded: ",
                         again.status().message())};
  }
  proto::World is, said;
  DmSnapshotter(*session.ctl).Save(&is);
  DmSnapshotter(*again->ctl).Save(&said);
  absl::flat_hash_map<std::string, const proto::MappedDevice*> by_name;
  for (const proto::MappedDevice& d : said.mapped_device()) {
    by_name[d.name()] = &d;
  }
  Losses losses;
  for (const proto::MappedDevice& d : is.mapped_device()) {
    if (auto it = by_name.find(d.name()); it != by_name.end()) {
      CompareDevices(d, *it->second, losses);
    }
  }
  return losses;
}

}  // namespace dmdax
