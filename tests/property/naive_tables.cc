// SPDX-License-Identifier: Apache-2.0
//
// NaiveWorld's tables: reading the text, and what load and resume change.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <utility>

#include "tests/property/naive_walker.h"

namespace dmdax::property {
namespace {

struct Row {
  uint64_t begin = 0, len = 0;
  std::string type;
  std::vector<std::string> words;  // after the type
};

std::vector<Row> ReadRows(const std::string& text) {
  std::vector<Row> rows;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream in(line);
    Row row;
    in >> row.begin >> row.len >> row.type;
    for (std::string word; in >> word;) row.words.push_back(word);
    rows.push_back(row);
  }
  return rows;
}

// Appends the sectors of one row, in order.
class RowSpreader {
 public:
  RowSpreader(const Row& row, NaiveTable* table) : row_(row), table_(table) {}

  void Linear() {
    const uint64_t start = std::stoull(row_.words[1]);
    for (uint64_t i = 0; i < row_.len; ++i) {
      Add({NaiveSector::Kind::kMapped, row_.words[0], start + i, row_.len - i,
           false});
    }
    Leg(row_.words[0], start, row_.len);
  }

  // Deals chunks to the legs in turn, each leg taking them one behind the
  // other, until the row is full.
  void Striped() {
    const uint64_t legs = std::stoull(row_.words[0]);
    const uint64_t chunk = std::stoull(row_.words[1]);
    std::vector<uint64_t> next(legs);
    for (uint64_t leg = 0; leg < legs; ++leg) {
      next[leg] = std::stoull(row_.words[3 + 2 * leg]);
      Leg(row_.words[2 + 2 * leg], next[leg], row_.len / legs);
    }
    uint64_t leg = 0;
    for (uint64_t filled = 0; filled < row_.len; filled += chunk) {
      for (uint64_t i = 0; i < chunk; ++i) {
        Add({NaiveSector::Kind::kMapped, row_.words[2 + 2 * leg], next[leg]++,
             chunk - i, true});
      }
      leg = leg + 1 == legs ? 0 : leg + 1;
    }
  }

  // The sector on the device is the sector on the mapped device.
  void LogWrites(bool has_dax) {
    for (uint64_t i = 0; i < row_.len; ++i) {
      Add({has_dax ? NaiveSector::Kind::kMapped : NaiveSector::Kind::kEio,
           row_.words[0], row_.begin + i, row_.len - i, false});
    }
    Leg(row_.words[0], 0, row_.len);
    Open(row_.words[1]);
    if (!has_dax) table_->all_rows_can_dax = false;
  }

  void Error(bool takes_device) {
    Eio();
    if (takes_device && row_.words.size() == 2) {
      Leg(row_.words[0], std::stoull(row_.words[1]), row_.len);
    }
  }

  void Eio() {
    table_->sectors.resize(table_->sectors.size() + row_.len);
    table_->all_rows_can_dax = false;
  }

 private:
  void Add(NaiveSector sector) { table_->sectors.push_back(std::move(sector)); }
  void Open(const std::string& device) {
    auto& opened = table_->opened;
    if (std::find(opened.begin(), opened.end(), device) == opened.end()) {
      opened.push_back(device);
    }
  }
  void Leg(const std::string& device, uint64_t start, uint64_t len) {
    Open(device);
    table_->legs.push_back({device, start, len});
  }

  const Row& row_;
  NaiveTable* table_;
};

}  // namespace

void NaiveWorld::AddPmem(const std::string& name, const NaivePmem& pmem) {
  Device& device = devices_[name];
  device.kind = DeviceKind::kPmem;
  device.sectors = pmem.sectors;
  device.pmem = pmem;
}

void NaiveWorld::AddDisk(const std::string& name, uint64_t sectors) {
  Device& device = devices_[name];
  device.kind = DeviceKind::kDisk;
  device.sectors = sectors;
}

void NaiveWorld::AddPartition(const std::string& name, const std::string& whole,
                              uint64_t start, uint64_t sectors) {
  Device& device = devices_[name];
  device.kind = DeviceKind::kPartition;
  device.sectors = sectors;
  device.whole = whole;
  device.start = start;
}

void NaiveWorld::CreateMapped(const std::string& name) { devices_[name]; }

std::unique_ptr<NaiveTable> NaiveWorld::Parse(const std::string& text) const {
  auto table = std::make_unique<NaiveTable>();
  for (const Row& row : ReadRows(text)) {
    RowSpreader spread(row, table.get());
    if (row.type == "linear") {
      spread.Linear();
    } else if (row.type == "striped") {
      spread.Striped();
    } else if (row.type == "log-writes") {
      spread.LogWrites(log_writes_has_dax_);
    } else if (row.type == "error") {
      spread.Error(error_row_takes_device_);
    } else if (row.type == "zero") {
      spread.Eio();
    } else {
      fprintf(stderr, "NaiveWorld: no target '%s'\n", row.type.c_str());
      abort();
    }
  }
  return table;
}

bool NaiveWorld::LegsFit(const NaiveTable& table) const {
  return std::all_of(table.legs.begin(), table.legs.end(),
                     [&](const NaiveLeg& leg) {
                       const uint64_t size = devices_.at(leg.device).sectors;
                       // A device without a size yet is not checked.
                       return size == 0 || leg.start + leg.len <= size;
                     });
}

bool NaiveWorld::BdevHasDax(const std::string& name) const {
  const Device& device = devices_.at(name);
  const Device& whole =
      device.whole.empty() ? device : devices_.at(device.whole);
  if (whole.kind == DeviceKind::kDisk) return false;
  if (!partition_must_be_aligned_) return true;
  const bool flag =
      whole.kind == DeviceKind::kPmem ? whole.pmem.has_pages : whole.dax_flag;
  return flag && device.start % 8 == 0 && device.sectors % 8 == 0;
}

bool NaiveWorld::TableIsDax(const Device& md, const NaiveTable& table) const {
  return table.all_rows_can_dax &&
         std::all_of(table.legs.begin(), table.legs.end(),
                     [&](const NaiveLeg& leg) {
                       return md.handles.at(leg.device).has_dax;
                     });
}

// A device is opened once for all tables of the mapped device, and what it
// could do at that moment counts for as long as any of them holds it.
void NaiveWorld::OpenAll(Device& md, const NaiveTable& table) {
  for (const std::string& name : table.opened) {
    auto it = md.handles.find(name);
    if (it == md.handles.end()) {
      md.handles[name] = {BdevHasDax(name), 1};
    } else {
      ++it->second.users;
    }
  }
}

void NaiveWorld::CloseAll(Device& md, const NaiveTable& table) {
  for (const std::string& name : table.opened) {
    auto it = md.handles.find(name);
    if (--it->second.users == 0) md.handles.erase(it);
  }
}

bool NaiveWorld::RefusesType(const std::string& name, const std::string& text) {
  Device& md = devices_.at(name);
  const std::unique_ptr<NaiveTable> table = Parse(text);
  OpenAll(md, *table);
  const bool dax = TableIsDax(md, *table);
  CloseAll(md, *table);
  // A table that names no device takes the type there is.
  return md.dax_type && !dax && !table->opened.empty();
}

bool NaiveWorld::Load(const std::string& name, const std::string& text) {
  Device& md = devices_.at(name);
  std::unique_ptr<NaiveTable> table = Parse(text);
  OpenAll(md, *table);
  if (!md.typed) {
    // Only the first load looks at the legs' sizes; later ones leave it to
    // the resume.
    if (!LegsFit(*table)) {
      CloseAll(md, *table);
      return false;
    }
    md.typed = true;
    md.dax_type = md.dax_flag = TableIsDax(md, *table);
  }
  if (md.inactive != nullptr) CloseAll(md, *md.inactive);
  md.inactive = std::move(table);
  return true;
}

bool NaiveWorld::Resume(const std::string& name) {
  Device& md = devices_.at(name);
  std::unique_ptr<NaiveTable> table = std::move(md.inactive);
  if (table == nullptr) return md.live != nullptr;
  if (!LegsFit(*table)) {
    CloseAll(md, *table);
    return false;
  }
  md.sectors = table->sectors.size();
  md.dax_flag = TableIsDax(md, *table);
  if (md.live != nullptr) CloseAll(md, *md.live);
  md.live = std::move(table);
  return true;
}

void NaiveWorld::SetMaxSectors(const std::string& name, uint64_t max_sectors) {
  devices_.at(name).max_sectors = max_sectors;
}

uint64_t NaiveWorld::Size(const std::string& name) const {
  return devices_.at(name).sectors;
}

}  // namespace dmdax::property
