// SPDX-License-Identifier: Apache-2.0
//
// AddPmemBuses: whether memory is a virtual machine's of virtio.  Its host must
// be asked to flush it, and MAP_SYNC is refused there.
//
// Mirrors: drivers/nvdimm/virtio_pmem.c, whose bus has the provider
// "virtio-pmem" and whose regions are ND_REGION_ASYNC; nfit and e820 have
// neither (6.1).
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "block/nd_name.h"
#include "import/build_world.h"
#include "import/guess.h"

namespace dmdax {
namespace {

const Namespace* SpaceOf(const Facts& facts, const Disk& disk) {
  std::string name = disk.space ? disk.space->value : "";
  if (name.empty()) name = NdName("namespace", disk.name);
  const auto it = facts.namespaces.find(name);
  return it == facts.namespaces.end() ? nullptr : &it->second;
}

// Nothing: no input says so.
std::optional<bool> IsVirtio(const Facts& facts, const Disk& disk,
                             const Namespace* space, uint64_t base) {
  if (disk.virtio) return disk.virtio->value;
  if (space != nullptr) {
    if (space->provider == "virtio-pmem") return true;
    // Without a provider the bus has its own name.
    if (!space->provider.empty() &&
        !absl::StartsWith(space->provider, "ndbus")) {
      return false;
    }
    if (space->persistence_domain == "cpu_cache" ||
        space->persistence_domain == "memory_controller") {
      return false;
    }
  }
  // Memory that the firmware or the boot line says is persistent.
  for (const IomemRange& r : facts.iomem) {
    if (absl::StartsWith(r.name, "Persistent Memory") && r.start <= base &&
        base <= r.end) {
      return false;
    }
  }
  return std::nullopt;
}

}  // namespace

void AddPmemBuses(Facts* facts, proto::World* world) {
  for (proto::Pmem& pmem : *world->mutable_pmem()) {
    const auto at = facts->disks.find(pmem.name());
    if (at == facts->disks.end()) continue;
    const Namespace* const space = SpaceOf(*facts, at->second);
    const std::optional<bool> is_virtio =
        IsVirtio(*facts, at->second, space, pmem.base());
    if (is_virtio.has_value()) {
      pmem.set_asynchronous(*is_virtio);
    } else if (space != nullptr && space->persistence_domain == "unknown") {
      // What ndctl shows of virtio, though of others too.
      facts->Guess(
          space->place,
          MakeGuess(proto::Guess::SYNC, pmem.name(),
                    absl::StrCat("no input says whether ", pmem.name(),
                                 " is virtio-pmem, which has no MAP_SYNC"),
                    "another bus", "ndctl list -BRN, lsblk -o +SUBSYSTEMS"));
    }
  }
}

}  // namespace dmdax
