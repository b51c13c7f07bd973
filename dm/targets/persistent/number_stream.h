// SPDX-License-Identifier: Apache-2.0
//
// NumberWriter, NumberReader: numbers as bytes (LEB128), for what a target
// keeps on its metadata device.
//
//   NumberWriter out;
//   out.Put(300);
//   NumberReader in(out.bytes());
//   in.Get();  // 300
//   in.ok();   // true
//
// Threading: thread-compatible.
#ifndef DMDAX_DM_TARGETS_PERSISTENT_NUMBER_STREAM_H_
#define DMDAX_DM_TARGETS_PERSISTENT_NUMBER_STREAM_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace dmdax {

class NumberWriter {
 public:
  void Put(uint64_t number) {
    for (; number >= 0x80; number >>= 7) {
      bytes_.push_back(static_cast<char>(number | 0x80));
    }
    bytes_.push_back(static_cast<char>(number));
  }
  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

class NumberReader {
 public:
  explicit NumberReader(absl::string_view bytes) : rest_(bytes) {}
  // 0 when there is none, and ok() is false from then on.
  uint64_t Get() {
    uint64_t number = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (rest_.empty()) break;
      const auto byte = static_cast<unsigned char>(rest_.front());
      rest_.remove_prefix(1);
      number |= uint64_t{byte & 0x7fu} << shift;
      if (byte < 0x80) return number;
    }
    ok_ = false;
    return 0;
  }
  bool ok() const { return ok_; }
  bool at_end() const { return rest_.empty(); }
  // Bytes.
  size_t left() const { return rest_.size(); }

 private:
  absl::string_view rest_;
  bool ok_ = true;
};

}  // namespace dmdax

#endif  // DMDAX_DM_TARGETS_PERSISTENT_NUMBER_STREAM_H_
