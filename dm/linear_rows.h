// SPDX-License-Identifier: Apache-2.0
//
// LinearRows: a table of nothing but linear rows, as columns.
//
//   LinearRows rows;
//   rows.devices = {"/dev/pmem0", "/dev/pmem1"};
//   rows.Add(/*length=*/2048, /*device=*/1, /*start=*/0);
//   rows.Params(0);                           // "/dev/pmem1 0"
//   ctl.TableLoad(io, std::make_shared<LinearRows>(std::move(rows)));
//
// Rows adjoin and begin at sector 0, so their starts are not kept.  A row takes
// 20 bytes here and about 200 as a DmTargetSpec: loading a million rows takes
// no longer than touching the memory of so many specs.
//
// Whoever fills the columns keeps this invariant: all three have the same size,
// and device[i] < devices.size().  Device names are not escaped (see
// DmEscapeArg()) and may contain any byte.
#ifndef DMDAX_DM_LINEAR_ROWS_H_
#define DMDAX_DM_LINEAR_ROWS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/column.h"
#include "dm/dm_split_args.h"

namespace dmdax {

struct LinearRows {
  std::vector<std::string> devices;
  Column<uint64_t> length;  // sectors
  Column<uint32_t> device;
  Column<uint64_t> start;  // sectors, on the device

  size_t size() const { return length.size(); }
  void Add(uint64_t row_length, uint32_t row_device, uint64_t row_start) {
    length.push_back(row_length);
    device.push_back(row_device);
    start.push_back(row_start);
  }
  // The row's parameters, as dmsetup takes them.
  std::string Params(size_t row) const {
    return absl::StrCat(DmEscapeArg(devices[device[row]]), " ", start[row]);
  }
};

}  // namespace dmdax

#endif  // DMDAX_DM_LINEAR_ROWS_H_
