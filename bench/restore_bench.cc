// SPDX-License-Identifier: Apache-2.0
//
// restore:KIND, a machine from the bytes of its World, next to a plain parse of
// them: KIND is devices, files, extents or touches, and a time is that of one.
// `touch` is what the touches of such a World cost where they are made.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "bench/big_worlds.h"
#include "bench/families.h"
#include "bench/load_tables.h"
#include "formats/world_format.h"
#include "state/world_load.h"

namespace dmdax::bench {
namespace {

template <typename T>
T Must(absl::StatusOr<T> made) {
  MustLoad(made.status());
  return *std::move(made);
}

void Parse(benchmark::State& state, const std::string& bytes, size_t n) {
  while (state.KeepRunningBatch(static_cast<int64_t>(n))) {
    proto::World world;
    if (!world.ParseFromString(bytes)) abort();
  }
}

void Load(benchmark::State& state, const std::string& bytes, size_t n) {
  while (state.KeepRunningBatch(static_cast<int64_t>(n))) {
    const ParsedWorld world = Must(ParseWorld(bytes, "w"));
    Must(LoadWorld(world.world, world.source));
  }
}

// The touches of the only process, made again where nothing was touched.
void Touch(benchmark::State& state, proto::World world, size_t n) {
  std::vector<proto::Touch> touches(world.process(0).touch().begin(),
                                    world.process(0).touch().end());
  world.mutable_process(0)->clear_touch();
  while (state.KeepRunningBatch(static_cast<int64_t>(n))) {
    state.PauseTiming();
    Session session = Must(LoadWorld(world));
    MmStruct& mm = session.user->FindTask(world.process(0).pid())->mm();
    mm.set_recorder(nullptr);
    mm.reasons = FaultReasons::kNone;
    state.ResumeTiming();
    for (const proto::Touch& touch : touches) {
      benchmark::DoNotOptimize(mm.Touch(touch.address(), touch.write()));
    }
    state.PauseTiming();
    session = Must(LoadWorld(proto::World()));
    state.ResumeTiming();
  }
}

constexpr struct {
  const char* name;
  size_t most;
  proto::World (*world)(size_t n);
} kKinds[] = {
    {"devices", 100000, ManyDevices},
    {"files", 1000000, ManyFiles},
    {"extents", 1000000, ManyExtents},
    {"touches", 1000000, ManyTouches},
};

}  // namespace

void RegisterRestore(const Options& options) {
  for (const auto& kind : kKinds) {
    const size_t n = std::min(kind.most, options.max_targets);
    const auto add = [&](const char* line, auto run) {
      benchmark::RegisterBenchmark(
          absl::StrCat("restore:", kind.name, "/", line).c_str(),
          [=, make = kind.world](benchmark::State& state) {
            run(state, make(n));
          });
    };
    add("parse", [=](benchmark::State& state, const proto::World& world) {
      Parse(state, world.SerializeAsString(), n);
    });
    add("load", [=](benchmark::State& state, const proto::World& world) {
      Load(state, world.SerializeAsString(), n);
    });
    if (kind.world != ManyTouches) continue;
    add("touch", [=](benchmark::State& state, const proto::World& world) {
      Touch(state, world, n);
    });
  }
}

}  // namespace dmdax::bench
