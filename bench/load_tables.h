// SPDX-License-Identifier: Apache-2.0
//
// The tables that the load family loads: rows of linear on a few devices, as
// dmsetup's text, and a machine that has the devices.
//
//   LoadTable table = LoadTable::Random(1 << 20);
//   std::unique_ptr<LoadMachine> machine = LoadMachine::For(table);
//   machine->Load(table.text);
//   machine->dax();                     // queries
//
// Lengths are log-uniform over three decades of pages; each row lies on a
// random device, behind the rows that are there already.  Everything follows
// from fixed seeds.
#ifndef DMDAX_BENCH_LOAD_TABLES_H_
#define DMDAX_BENCH_LOAD_TABLES_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "block/machine.h"
#include "dm/dm_ioctl.h"
#include "dm/linear_rows.h"

namespace dmdax::bench {

struct LoadTable {
  static constexpr size_t kDevices = 16;

  static LoadTable Random(size_t rows);
  // The address of a device's first byte.
  static uint64_t Base(size_t device);
  static std::string Path(size_t device);

  size_t rows = 0;
  uint64_t sectors = 0;        // of the table
  std::vector<uint64_t> used;  // sectors of each device
  std::string text;
  std::shared_ptr<const LinearRows> columns;
};

class LoadMachine {
 public:
  static std::unique_ptr<LoadMachine> For(const LoadTable& table);

  // Makes the text the live table of the one mapped device; ends the program
  // if that fails.
  void Load(std::string_view text);
  void Load(std::shared_ptr<const LinearRows> rows);
  DaxDevice& dax() { return md_->dax_dev(); }

 private:
  LoadMachine() : machine_(DefaultKernelProfile()), ctl_(machine_) {}

  Machine machine_;
  DmCtl ctl_;
  std::shared_ptr<MappedDevice> md_;
};

// Ends the program with the status' words unless it is OK.
void MustLoad(const absl::Status& s);

}  // namespace dmdax::bench

#endif  // DMDAX_BENCH_LOAD_TABLES_H_
