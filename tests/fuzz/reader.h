// SPDX-License-Identifier: Apache-2.0
//
// Reader: a fuzzer's bytes as numbers and texts; zeros when they run out.
#ifndef DMDAX_TESTS_FUZZ_READER_H_
#define DMDAX_TESTS_FUZZ_READER_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

namespace dmdax::fuzz {

class Reader {
 public:
  Reader(const uint8_t* data, size_t size) : data_(data), left_(size) {}

  bool empty() const { return left_ == 0; }

  uint64_t Number(size_t bytes) {
    uint64_t value = 0;
    for (size_t i = 0; i < bytes && left_ > 0; ++i, --left_) {
      value |= uint64_t{*data_++} << (8 * i);
    }
    return value;
  }
  uint8_t U8() { return static_cast<uint8_t>(Number(1)); }
  uint32_t U32() { return static_cast<uint32_t>(Number(4)); }

  std::string Text(size_t size) {
    const size_t n = std::min(size, left_);
    std::string text(reinterpret_cast<const char*>(data_), n);
    data_ += n;
    left_ -= n;
    return text;
  }
  std::string Rest() { return Text(left_); }

 private:
  const uint8_t* data_;
  size_t left_;
};

}  // namespace dmdax::fuzz

#endif  // DMDAX_TESTS_FUZZ_READER_H_
