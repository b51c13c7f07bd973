// SPDX-License-Identifier: Apache-2.0
#include <benchmark/benchmark.h>

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "bench/families.h"
#include "bench/flatten_stack.h"
#include "bench/load_baseline.h"
#include "bench/load_tables.h"
#include "dm/compiled_map_build.h"
#include "formats/linear_text.h"
#include "formats/table_text.h"
#include "formats/world_format.h"
#include "state/packed_table.h"
#include "state/world_load.h"

namespace dmdax::bench {
namespace {

// A table with all who load it.  Lives as long as the program.
struct Loads {
  LoadTable table;
  std::unique_ptr<LoadMachine> machine;
  LoadBaseline baseline;
};

void Disagree(const std::string& what) {
  fprintf(stderr, "load_bench: contenders disagree: %s\n", what.c_str());
  exit(1);
}

// --- text -> queryable ---

void Reload(benchmark::State& state, Loads* loads) {
  while (state.KeepRunningBatch(static_cast<int64_t>(loads->table.rows))) {
    loads->machine->Load(loads->table.text);
  }
}

void ReloadColumns(benchmark::State& state, Loads* loads) {
  while (state.KeepRunningBatch(static_cast<int64_t>(loads->table.rows))) {
    loads->machine->Load(loads->table.columns);
  }
}

void ReloadBaseline(benchmark::State& state, Loads* loads) {
  while (state.KeepRunningBatch(static_cast<int64_t>(loads->table.rows))) {
    if (!loads->baseline.Load(loads->table.text)) Disagree("baseline's load");
  }
}

// Both loaded tables answer alike at the first, a middle and the last sector
// of every page run that a random walk meets.
void CheckReload(Loads& loads) {
  loads.machine->Load(loads.table.text);
  if (!loads.baseline.Load(loads.table.text)) Disagree("baseline's load");
  const uint64_t pages = loads.table.sectors / kPageSectors;
  const uint64_t step = std::max<uint64_t>(1, pages / 100000);
  for (uint64_t page = 0; page < pages; page += step) {
    const DaxAccess access =
        DaxDirectAccess(&loads.machine->dax(), pgoff_t{page}, 1,
                        DaxAccessMode::kAccess, nullptr);
    LoadBaseline::Place place;
    const bool found = loads.baseline.Find(page * kPageSectors, &place);
    const uint64_t pfn =
        LoadTable::Base(place.device) / kPageSize + place.sector / kPageSectors;
    if (!found || access.ret != 1 || access.pfn.value() != pfn) {
      Disagree(absl::StrCat("page ", page));
    }
  }
}

// --- the text alone ---

template <SimdLevel kSimd>
void Parse(benchmark::State& state, Loads* loads) {
  while (state.KeepRunningBatch(static_cast<int64_t>(loads->table.rows))) {
    const auto rows = ParseLinearText(loads->table.text, kSimd);
    benchmark::DoNotOptimize(rows.get());
  }
}

// The judge: every table, and the place of an error.
void ParseJudge(benchmark::State& state, Loads* loads) {
  while (state.KeepRunningBatch(static_cast<int64_t>(loads->table.rows))) {
    const TableText text = ParseTableText(loads->table.text, "");
    benchmark::DoNotOptimize(text.rows.data());
  }
}

void CopyText(benchmark::State& state, Loads* loads) {
  std::string copy(loads->table.text.size(), '\0');
  while (state.KeepRunningBatch(static_cast<int64_t>(loads->table.rows))) {
    memcpy(copy.data(), loads->table.text.data(), copy.size());
    benchmark::ClobberMemory();
  }
}

// For orientation: the same numbers out of the same text, unchecked.
uint64_t SumFromChars(std::string_view text) {
  uint64_t sum = 0;
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at < end) {
    uint64_t begin = 0, length = 0, start = 0;
    at = std::from_chars(at, end, begin).ptr + 1;
    at = std::from_chars(at, end, length).ptr + 1;
    at = static_cast<const char*>(memchr(at, ' ', 8)) + 1;
    at = static_cast<const char*>(memchr(at, ' ', 32)) + 1;
    at = std::from_chars(at, end, start).ptr + 1;
    sum += begin ^ length ^ start;
  }
  return sum;
}

uint64_t SumStream(const std::string& text) {
  std::istringstream in(text);
  uint64_t sum = 0, begin, length, start;
  std::string type, device;
  while (in >> begin >> length >> type >> device >> start) {
    sum += begin ^ length ^ start;
  }
  return sum;
}

void FromChars(benchmark::State& state, Loads* loads) {
  while (state.KeepRunningBatch(static_cast<int64_t>(loads->table.rows))) {
    benchmark::DoNotOptimize(SumFromChars(loads->table.text));
  }
}

void Stream(benchmark::State& state, Loads* loads) {
  while (state.KeepRunningBatch(static_cast<int64_t>(loads->table.rows))) {
    benchmark::DoNotOptimize(SumStream(loads->table.text));
  }
}

void Register(const std::string& name, void (*run)(benchmark::State&, Loads*),
              Loads* loads) {
  benchmark::RegisterBenchmark(
      name.c_str(), [=](benchmark::State& state) { run(state, loads); });
}

void RegisterText(size_t rows) {
  auto* loads = new Loads{.table = LoadTable::Random(rows)};
  loads->machine = LoadMachine::For(loads->table);
  for (size_t d = 0; d < LoadTable::kDevices; ++d) {
    loads->baseline.AddDevice(LoadTable::Path(d), loads->table.used[d]);
  }
  CheckReload(*loads);
  if (SumFromChars(loads->table.text) != SumStream(loads->table.text)) {
    Disagree("from_chars and istringstream");
  }
  const std::string stack = absl::StrCat("load:", rows);
  Register(stack + "/reload/dmdax", Reload, loads);
  Register(stack + "/reload/columns", ReloadColumns, loads);
  Register(stack + "/reload/baseline", ReloadBaseline, loads);
  Register(stack + "/parse/dmdax_plain", Parse<SimdLevel::kPlain>, loads);
  if (BestSimd() >= SimdLevel::kAvx2) {
    Register(stack + "/parse/dmdax", Parse<SimdLevel::kAvx2>, loads);
  }
  Register(stack + "/parse/judge", ParseJudge, loads);
  Register(stack + "/parse/memcpy", CopyText, loads);
  Register(stack + "/parse/from_chars", FromChars, loads);
  Register(stack + "/parse/istringstream", Stream, loads);
}

// --- messages ---

// The table in a World with its devices, as bytes.
std::string WorldBytes(const LoadTable& table, bool packed) {
  proto::World world;
  for (size_t d = 0; d < LoadTable::kDevices; ++d) {
    proto::Pmem& pmem = *world.add_pmem();
    pmem.set_name(absl::StrCat("pmem", d));
    pmem.set_base(LoadTable::Base(d));
    pmem.set_size(std::max(table.used[d], kPageSectors) * kSectorSize);
  }
  proto::MappedDevice& d = *world.add_mapped_device();
  d.set_name("loaded");
  uint64_t begin = 0;
  const LinearRows& rows = *table.columns;
  for (size_t i = 0; i < rows.size(); ++i) {
    proto::Target& target = *d.mutable_table()->add_target();
    target.set_start(begin);
    target.set_length(rows.length[i]);
    target.mutable_linear()->set_device(rows.devices[rows.device[i]]);
    target.mutable_linear()->set_start(rows.start[i]);
    begin += rows.length[i];
  }
  if (packed) PackWorld(&world);
  absl::StatusOr<std::string> bytes = PrintWorld(world, kBinaryFormat);
  MustLoad(bytes.status());
  return *std::move(bytes);
}

void ParseBytes(benchmark::State& state, const std::string& bytes,
                size_t rows) {
  while (state.KeepRunningBatch(static_cast<int64_t>(rows))) {
    absl::StatusOr<ParsedWorld> world = ParseWorld(bytes, "w");
    MustLoad(world.status());
  }
}

void LoadBytes(benchmark::State& state, const std::string& bytes, size_t rows) {
  while (state.KeepRunningBatch(static_cast<int64_t>(rows))) {
    absl::StatusOr<ParsedWorld> world = ParseWorld(bytes, "w");
    MustLoad(world.status());
    MustLoad(LoadWorld(world->world, world->source).status());
  }
}

// Both Worlds have the same table.
void CheckWorlds(const std::string& nested, const std::string& packed) {
  absl::StatusOr<ParsedWorld> a = ParseWorld(nested, "nested");
  absl::StatusOr<ParsedWorld> b = ParseWorld(packed, "packed");
  MustLoad(a.status());
  MustLoad(b.status());
  MustLoad(UnpackWorld(&b->world));
  if (a->world.SerializeAsString() != b->world.SerializeAsString()) {
    Disagree("nested and packed");
  }
}

void RegisterMessage(size_t rows) {
  const LoadTable table = LoadTable::Random(rows);
  auto* nested = new std::string(WorldBytes(table, false));
  auto* packed = new std::string(WorldBytes(table, true));
  CheckWorlds(*nested, *packed);
  const auto add =
      [&](const char* name, const std::string* bytes,
          void (*run)(benchmark::State&, const std::string&, size_t)) {
        benchmark::RegisterBenchmark(absl::StrCat("proto:", rows, name).c_str(),
                                     [=](benchmark::State& state) {
                                       run(state, *bytes, rows);
                                       state.counters["bytes_per_row"] =
                                           static_cast<double>(bytes->size()) /
                                           static_cast<double>(rows);
                                     });
      };
  add("/parse/nested", nested, ParseBytes);
  add("/parse/packed", packed, ParseBytes);
  add("/load/nested", nested, LoadBytes);
  add("/load/packed", packed, LoadBytes);
}

// --- flattening ---

void Flatten(benchmark::State& state, size_t rows, int levels) {
  FlattenStack stack(rows, levels);
  auto map = BuildCompiledMap(stack.top(), *stack.top().live_table());
  stack.Check(*map);
  const size_t extents = map->nr_extents();
  state.counters["extents"] = static_cast<double>(extents);
  state.counters["bytes_per_extent"] =
      static_cast<double>(map->MemoryBytes()) / static_cast<double>(extents);
  while (state.KeepRunningBatch(static_cast<int64_t>(extents))) {
    map = BuildCompiledMap(stack.top(), *stack.top().live_table());
  }
}

}  // namespace

void RegisterLoad(const Options& options) {
  for (size_t rows : {1024, 32768, 1048576}) {
    if (rows <= options.max_targets) RegisterText(rows);
  }
}

void RegisterMessages(const Options& options) {
  for (size_t rows : {1024, 1048576}) {
    if (rows <= options.max_targets) RegisterMessage(rows);
  }
}

void RegisterFlatten(const Options& options) {
  for (size_t rows : {1024, 32768, 1048576}) {
    if (rows > options.max_targets) continue;
    for (int levels : {1, 2, 4, 16}) {
      // Sixteen levels of a million rows fill 2 GB and take a minute.
      if (rows > 100000 && levels > 4) continue;
      benchmark::RegisterBenchmark(
          absl::StrCat("flatten:", rows, "x", levels, "/build/dmdax").c_str(),
          [=](benchmark::State& state) { Flatten(state, rows, levels); });
    }
  }
}

}  // namespace dmdax::bench
