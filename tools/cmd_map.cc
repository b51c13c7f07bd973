// SPDX-License-Identifier: Apache-2.0
//
// dmdax map: where a sector of a device goes, DAX or not.
#include <cerrno>
#include <iostream>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/errno_status.h"
#include "dm/bio_map.h"
#include "nlohmann/json.hpp"
#include "state/find_device.h"
#include "tools/app.h"
#include "tools/byte_count.h"
#include "tools/check/too_deep.h"
#include "tools/dax_query.h"

namespace dmdax {
namespace {

struct MapOptions {
  std::string device;
  std::vector<uint64_t> sectors;
  bool write = false;
};

// What the sector gets in the end: "259:0 4104", "zeros", "-EIO".
std::string EndText(const BioRoute& route) {
  const BioHop& last = route.hops.back();
  switch (route.kind) {
    case BioMap::Kind::kRemapped:
      return absl::StrCat(last.bdev->name(), " ", last.sector.value());
    case BioMap::Kind::kZeroes:
      return "zeros";
    case BioMap::Kind::kDropped:
      return "dropped";
    case BioMap::Kind::kError:
      return absl::StrCat("-", ErrnoName(route.err));
    case BioMap::Kind::kWaits:
      return "waits";
  }
  return "";
}

void PrintText(const BioRoute& route) {
  std::cout << route.hops.front().sector.value() << " " << EndText(route);
  // What lies between the device asked for and the end.
  const bool remapped = route.kind == BioMap::Kind::kRemapped;
  std::vector<std::string> via;
  for (size_t i = 1; i + (remapped ? 1 : 0) < route.hops.size(); ++i) {
    via.push_back(absl::StrCat(route.hops[i].bdev->name(), " ",
                               route.hops[i].sector.value()));
  }
  if (!via.empty()) std::cout << " via " << absl::StrJoin(via, ", ");
  std::cout << "\n";
  for (const BioRoute& other : route.also) {
    std::cout << "  and " << EndText(other) << "\n";
  }
}

nlohmann::ordered_json ToJson(const BioRoute& route) {
  constexpr const char* kKinds[] = {"remapped", "zeros", "dropped", "error"};
  nlohmann::ordered_json hops = nlohmann::ordered_json::array();
  for (const BioHop& hop : route.hops) {
    hops.push_back({{"device", hop.bdev->name()},
                    {"dev", hop.bdev->dev().ToString()},
                    {"sector", hop.sector.value()}});
  }
  nlohmann::ordered_json j = {{"sector", route.hops.front().sector.value()},
                              {"kind", kKinds[static_cast<int>(route.kind)]}};
  if (route.kind == BioMap::Kind::kError) j["errno"] = ErrnoName(route.err);
  j["hops"] = std::move(hops);
  for (const BioRoute& other : route.also) j["also"].push_back(ToJson(other));
  return j;
}

void Map(App& app, const MapOptions& o) {
  absl::StatusOr<Session> session = app.Ask(
      [&](Session& asked) { return FindDevice(asked, o.device).status(); });
  if (!session.ok()) return app.Report(session.status());
  absl::StatusOr<BlockDevice*> bdev = FindDevice(*session, o.device);
  if (!bdev.ok()) return app.Report(bdev.status());
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  bool too_deep = false;
  for (const uint64_t sector : o.sectors) {
    const BioRoute route = RouteBio(**bdev, sector_t(sector),
                                    o.write ? ReqOp::kWrite : ReqOp::kRead);
    if (route.kind == BioMap::Kind::kError) app.exit_code = 1;
    too_deep = too_deep || route.err == ELOOP;
    if (app.json) {
      all.push_back(ToJson(route));
    } else {
      PrintText(route);
    }
  }
  if (app.json) app.Answer("map", {{"sectors", std::move(all)}});
  if (too_deep) app.Report(StackTooDeep());
}

}  // namespace

void RegisterMap(CLI::App& cli, App& app) {
  auto o = std::make_shared<MapOptions>();
  CLI::App* verb = cli.add_subcommand(
      "map",
      "Where sectors of a device go, for any target, DAX or not.\n\n"
      "  dmdax map home 0 8 2047\n"
      "  dmdax map home 0 --write\n\n"
      "Each answer is one line: the sector, then the disk and the sector of\n"
      "it, or zeros, dropped (a write that goes nowhere) or the error; then\n"
      "the devices in between.  A line `  and ...` is another disk that the\n"
      "same write goes to.  Exit 1 if any sector is an error.");
  verb->add_option("DEVICE", o->device, "Name, path or major:minor")
      ->required();
  verb->add_option("SECTOR", o->sectors, "512-byte sectors")
      ->required()
      ->transform(Number());
  verb->add_flag("--write", o->write, "A write, not a read");
  verb->callback([o, &app] { Map(app, *o); });
}

}  // namespace dmdax
