// SPDX-License-Identifier: Apache-2.0
//
// What each thing takes of a machine's memory: the peak of a process that loads
// a machine of so many, less that of one that loads half as many, by what is
// more.  `message` is the same of the World alone, as Protobuf keeps it.
//
//   devices   100000  1234 bytes  message 567
//
// The bytes are malloc()'s and the allocator's, not a sum of sizeof.
#include <malloc.h>

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <string>

#include "bench/big_worlds.h"
#include "bench/child_cost.h"
#include "bench/families.h"
#include "bench/load_tables.h"
#include "formats/world_format.h"
#include "state/world_load.h"

namespace dmdax::bench {
namespace {

constexpr int kRuns = 3;

struct Kind {
  const char* name;
  size_t most;
  proto::World (*world)(size_t n);
};

constexpr Kind kKinds[] = {
    {"devices", 100000, ManyDevices}, {"disks", 100000, ManyDisks},
    {"rows", 1000000, ManyRows},      {"files", 100000, ManyFiles},
    {"extents", 100000, ManyExtents}, {"touches", 100000, ManyTouches},
};

struct Peaks {
  double machine = 0, message = 0;
};

// The World exists only as its bytes before the child begins, and what it took
// is given back: a child would fill that first, and seem to take nothing.
Peaks PeaksOf(const Kind& kind, size_t n) {
  const std::string bytes = kind.world(n).SerializeAsString();
  malloc_trim(0);
  const auto parse = [&](proto::World* world) {
    if (!world->ParseFromString(bytes)) MustLoad(absl::InternalError("parse"));
  };
  const Cost message = LeastCost(kRuns, [&] {
    proto::World world;
    parse(&world);
  });
  const Cost machine = LeastCost(kRuns, [&] {
    proto::World world;
    parse(&world);
    MustLoad(LoadWorld(world).status());
  });
  return {static_cast<double>(machine.peak_bytes),
          static_cast<double>(message.peak_bytes)};
}

}  // namespace

int ReportMemory(const Options& options) {
  for (const Kind& kind : kKinds) {
    const size_t n = std::min(kind.most, options.max_targets);
    const Peaks half = PeaksOf(kind, n / 2), all = PeaksOf(kind, n);
    const auto each = [&](double more) {
      return more / static_cast<double>(n - n / 2);
    };
    const double message = each(all.message - half.message);
    printf("%-8s %8zu  %6.0f bytes  message %6.0f\n", kind.name, n,
           each(all.machine - half.machine) - message, message);
  }
  return 0;
}

}  // namespace dmdax::bench
