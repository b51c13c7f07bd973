// SPDX-License-Identifier: Apache-2.0
//
// The inner loops of ParseLinearText(), and what they work on.
#ifndef DMDAX_FORMATS_LINEAR_TEXT_SIMD_H_
#define DMDAX_FORMATS_LINEAR_TEXT_SIMD_H_

#include <cstddef>
#include <cstdint>

#include "formats/device_cache.h"

namespace dmdax {

// How far the text has been read, and the columns that its rows go to.
struct LinearTextRows {
  const char* begin;  // of the text
  const char* at;     // of the next line
  const char* end;
  uint64_t next = 0;  // the sector that the next row begins at
  size_t count = 0, room = 0;
  uint64_t* length = nullptr;
  uint32_t* device = nullptr;
  uint64_t* start = nullptr;
  DeviceCache* devices = nullptr;

  void Add(uint64_t row_length, uint32_t row_device, uint64_t row_start) {
    length[count] = row_length;
    device[count] = row_device;
    start[count] = row_start;
    ++count;
    next += row_length;
  }
};

// Takes rows up to the first line that is anything but
// "<next> <length> linear <device> <start>\n" in 64 bytes with numbers of 1 to
// 16 digits, or that is near either end of the text.
// Needs AVX2, BMI and POPCNT.
void LinearTextAvx2(LinearTextRows& rows);

}  // namespace dmdax

#endif  // DMDAX_FORMATS_LINEAR_TEXT_SIMD_H_
