// SPDX-License-Identifier: Apache-2.0
//
// Site: the devices of a machine on which a new volume can lie, and what must
// go from them first.
//
//   absl::StatusOr<Site> site = FindSite(world, {.devices = {"pmem0"}});
//   for (const LayoutLeg& leg : site->legs) Use(leg.path, leg.bytes);
//   for (const std::string& name : site->goes) std::cout << name << "\n";
//
// Devices are pmem disks and their partitions.  Those that are named are taken
// as they will be when nothing stands on them any more; without names all are
// taken on which nothing stands.
// Threading: pure functions.
#ifndef DMDAX_TOOLS_ADVISE_SITE_H_
#define DMDAX_TOOLS_ADVISE_SITE_H_

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "state/source_map.h"
#include "state/world.pb.h"
#include "tools/advise/layout.h"

namespace dmdax {

struct SiteRequest {
  std::vector<std::string> devices;  // as FindDevice() takes them
  // Whole disks, DAX or not: their namespaces are made anew.
  enum Use { kVolume, kNamespace } use = kVolume;
  SourceMap map = {};
};

struct Site {
  // The hardware of the legs and nothing else, each with its number; no
  // kernel is said.
  proto::World world;
  std::vector<LayoutLeg> legs;
  std::vector<std::string> disks;  // of each leg: "pmem0"
  std::vector<int> pmems;          // where `world` has them
  // What stands on the legs now: "/mnt", "vg-home", "pmem0p1", "dax3.0",
  // "pmem1 (swap, in use)".
  std::vector<std::string> goes;
  // What takes that away, if all of it can be: lines for a shell.
  std::vector<std::string> removal;
  // Devices that were not named and cannot be used, each with why.
  std::vector<std::string> left_out;
  // What an import could not take and may lie on the legs, or had to take of
  // them; "": nothing.
  std::string may_go;
  // Of those that were named, and not all legs: why the first is none, and
  // what to type.  What goes is then what goes with that.
  std::string unmet, text;
  std::vector<std::string> cure;

  // What is free when all of that is gone.
  uint32_t minor = 0;
  std::string vg;     // "vg", or "vg1" ...
  std::string mount;  // "/mnt", or "/mnt1" ...
  // What is not: mapped devices, LVM2's groups and mounts that stay.
  std::set<std::string> names, groups, mounts;
};

// ENXIO: no such device; EINVAL: it is neither persistent memory nor a
// partition of it; what LoadWorld() says of the World.
absl::StatusOr<Site> FindSite(const proto::World& world,
                              const SiteRequest& request);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_ADVISE_SITE_H_
