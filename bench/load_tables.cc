// SPDX-License-Identifier: Apache-2.0
#include "bench/load_tables.h"

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <random>

#include "absl/strings/str_cat.h"
#include "formats/linear_text.h"

namespace dmdax::bench {
namespace {

constexpr double kMaxPages = 1024;
constexpr char kName[] = "loaded";

}  // namespace

void MustLoad(const absl::Status& s) {
  if (s.ok()) return;
  fprintf(stderr, "load_bench: %s\n", std::string(s.message()).c_str());
  exit(1);
}

uint64_t LoadTable::Base(size_t device) { return (device + 1) << 42; }

std::string LoadTable::Path(size_t device) {
  return absl::StrCat("/dev/pmem", device);
}

LoadTable LoadTable::Random(size_t rows) {
  LoadTable table{.rows = rows, .used = std::vector<uint64_t>(kDevices)};
  auto columns = std::make_shared<LinearRows>();
  for (size_t d = 0; d < kDevices; ++d) columns->devices.push_back(Path(d));
  std::mt19937_64 rng(rows);
  std::uniform_real_distribution<double> exponent(0, std::log2(kMaxPages));
  for (size_t i = 0; i < rows; ++i) {
    const uint64_t length =
        static_cast<uint64_t>(std::exp2(exponent(rng))) * kPageSectors;
    const size_t device = rng() % kDevices;
    absl::StrAppend(&table.text, table.sectors, " ", length, " linear ",
                    Path(device), " ", table.used[device], "\n");
    columns->Add(length, static_cast<uint32_t>(device), table.used[device]);
    table.sectors += length;
    table.used[device] += length;
  }
  table.columns = std::move(columns);
  return table;
}

std::unique_ptr<LoadMachine> LoadMachine::For(const LoadTable& table) {
  std::unique_ptr<LoadMachine> made(new LoadMachine);
  for (size_t d = 0; d < LoadTable::kDevices; ++d) {
    const uint64_t sectors = std::max(table.used[d], kPageSectors);
    MustLoad(made->machine_
                 .AddPmem({.name = absl::StrCat("pmem", d),
                           .base = LoadTable::Base(d),
                           .size = sectors * kSectorSize})
                 .status());
  }
  DmIoctl io{.name = kName};
  MustLoad(made->ctl_.DevCreate(io));
  made->md_ = made->ctl_.FindDevice(kName);
  return made;
}

void LoadMachine::Load(std::string_view text) {
  auto rows = ParseLinearText(absl::string_view(text.data(), text.size()));
  if (rows == nullptr) MustLoad(absl::InvalidArgumentError("no linear rows"));
  Load(std::move(rows));
}

void LoadMachine::Load(std::shared_ptr<const LinearRows> rows) {
  DmIoctl io{.name = kName};
  MustLoad(ctl_.TableLoad(io, std::move(rows)));
  io = DmIoctl{.name = kName};
  MustLoad(ctl_.DevSuspend(io));
}

}  // namespace dmdax::bench
