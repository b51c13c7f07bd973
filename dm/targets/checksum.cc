// SPDX-License-Identifier: Apache-2.0
#include "dm/targets/checksum.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace dmdax {
namespace {

uint64_t LoadLe64(const char* at) {
  uint64_t value = 0;
  for (size_t i = 8; i-- > 0;) {
    value = value << 8 | static_cast<unsigned char>(at[i]);
  }
  return value;
}

std::string Le(uint64_t value, size_t bytes) {
  std::string out;
  for (size_t i = 0; i < bytes; ++i) {
    out.push_back(static_cast<char>(value >> (8 * i)));
  }
  return out;
}

// CRCs of 32 bits, the lowest bit first.
class Crc32 final : public Checksum {
 public:
  Crc32(uint32_t polynomial, uint32_t first, uint32_t last)
      : crc_(first), last_(last) {
    for (uint32_t i = 0; i < table_.size(); ++i) {
      uint32_t crc = i;
      for (int bit = 0; bit < 8; ++bit) {
        crc = crc >> 1 ^ ((crc & 1) != 0 ? polynomial : 0);
      }
      table_[i] = crc;
    }
  }
  void Update(absl::string_view bytes) override {
    for (char c : bytes) {
      crc_ = crc_ >> 8 ^ table_[(crc_ ^ static_cast<unsigned char>(c)) & 0xff];
    }
  }
  std::string Final() override { return Le(crc_ ^ last_, 4); }

 private:
  std::array<uint32_t, 256> table_;
  uint32_t crc_;
  const uint32_t last_;
};

// The CRC of 16 bits of T10's data integrity field, the highest bit first.
class CrcT10 final : public Checksum {
 public:
  void Update(absl::string_view bytes) override {
    constexpr unsigned kPolynomial = 0x8bb7;
    for (char c : bytes) {
      crc_ ^= static_cast<unsigned>(static_cast<unsigned char>(c)) << 8;
      for (int bit = 0; bit < 8; ++bit) {
        crc_ = crc_ << 1 ^ ((crc_ & 0x8000) != 0 ? kPolynomial : 0);
      }
      crc_ &= 0xffff;
    }
  }
  std::string Final() override { return Le(crc_, 2); }

 private:
  unsigned crc_ = 0;
};

class XxHash64 final : public Checksum {
 public:
  void Update(absl::string_view bytes) override {
    total_ += bytes.size();
    absl::StrAppend(&rest_, bytes);
    size_t at = 0;
    for (; at + kStripe <= rest_.size(); at += kStripe) {
      for (size_t i = 0; i < v_.size(); ++i) {
        v_[i] = Round(v_[i], LoadLe64(&rest_[at + 8 * i]));
      }
    }
    rest_.erase(0, at);
  }
  std::string Final() override {
    uint64_t h = k5;
    if (total_ >= kStripe) {
      h = std::rotl(v_[0], 1) + std::rotl(v_[1], 7) + std::rotl(v_[2], 12) +
          std::rotl(v_[3], 18);
      for (uint64_t v : v_) h = (h ^ Round(0, v)) * k1 + k4;
    }
    h += total_;
    size_t at = 0;
    for (; at + 8 <= rest_.size(); at += 8) {
      h = std::rotl(h ^ Round(0, LoadLe64(&rest_[at])), 27) * k1 + k4;
    }
    if (at + 4 <= rest_.size()) {
      std::string four = rest_.substr(at, 4);
      four.resize(8);
      h = std::rotl(h ^ LoadLe64(four.data()) * k1, 23) * k2 + k3;
      at += 4;
    }
    for (; at < rest_.size(); ++at) {
      h = std::rotl(h ^ static_cast<unsigned char>(rest_[at]) * k5, 11) * k1;
    }
    h = (h ^ h >> 33) * k2;
    h = (h ^ h >> 29) * k3;
    return Le(h ^ h >> 32, 8);
  }

 private:
  static constexpr uint64_t k1 = 0x9e3779b185ebca87, k2 = 0xc2b2ae3d27d4eb4f,
                            k3 = 0x165667b19e3779f9, k4 = 0x85ebca77c2b2ae63,
                            k5 = 0x27d4eb2f165667c5;
  static constexpr size_t kStripe = 32;
  static uint64_t Round(uint64_t acc, uint64_t lane) {
    return std::rotl(acc + lane * k2, 31) * k1;
  }

  std::array<uint64_t, 4> v_ = {k1 + k2, k2, 0, 0 - k1};
  uint64_t total_ = 0;
  std::string rest_;
};

class Blake2b final : public Checksum {
 public:
  explicit Blake2b(size_t bytes) : bytes_(bytes), h_(kIv) {
    h_[0] ^= 0x01010000 ^ bytes;
  }
  void Update(absl::string_view bytes) override {
    absl::StrAppend(&rest_, bytes);
    size_t at = 0;
    // The last block, though it may be whole, is for Final().
    for (; at + kBlock < rest_.size(); at += kBlock) {
      total_ += kBlock;
      Compress(&rest_[at], 0);
    }
    rest_.erase(0, at);
  }
  std::string Final() override {
    total_ += rest_.size();
    rest_.resize(kBlock);
    Compress(rest_.data(), ~uint64_t{0});
    std::string out;
    for (uint64_t word : h_) out += Le(word, 8);
    return out.substr(0, bytes_);
  }

 private:
  static constexpr size_t kBlock = 128;
  static constexpr std::array<uint64_t, 8> kIv = {
      0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b,
      0xa54ff53a5f1d36f1, 0x510e527fade682d1, 0x9b05688c2b3e6c1f,
      0x1f83d9abfb41bd6b, 0x5be0cd19137e2179};
  static constexpr uint8_t kSigma[10][16] = {
      {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
      {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
      {11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4},
      {7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8},
      {9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13},
      {2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9},
      {12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11},
      {13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10},
      {6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5},
      {10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0}};

  static void Mix(std::array<uint64_t, 16>& v, size_t a, size_t b, size_t c,
                  size_t d, uint64_t x, uint64_t y) {
    v[a] += v[b] + x;
    v[d] = std::rotr(v[d] ^ v[a], 32);
    v[c] += v[d];
    v[b] = std::rotr(v[b] ^ v[c], 24);
    v[a] += v[b] + y;
    v[d] = std::rotr(v[d] ^ v[a], 16);
    v[c] += v[d];
    v[b] = std::rotr(v[b] ^ v[c], 63);
  }

  void Compress(const char* block, uint64_t last) {
    std::array<uint64_t, 16> m, v;
    for (size_t i = 0; i < m.size(); ++i) m[i] = LoadLe64(block + 8 * i);
    std::copy(h_.begin(), h_.end(), v.begin());
    std::copy(kIv.begin(), kIv.end(), v.begin() + 8);
    v[12] ^= total_;
    v[14] ^= last;
    for (size_t round = 0; round < 12; ++round) {
      const uint8_t* s = kSigma[round % 10];
      for (size_t i = 0; i < 4; ++i) {
        Mix(v, i, 4 + i, 8 + i, 12 + i, m[s[2 * i]], m[s[2 * i + 1]]);
      }
      for (size_t i = 0; i < 4; ++i) {
        Mix(v, i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4,
            m[s[8 + 2 * i]], m[s[9 + 2 * i]]);
      }
    }
    for (size_t i = 0; i < h_.size(); ++i) h_[i] ^= v[i] ^ v[i + 8];
  }

  const size_t bytes_;
  std::array<uint64_t, 8> h_;
  uint64_t total_ = 0;
  std::string rest_;
};

}  // namespace

std::unique_ptr<Checksum> NewChecksum(absl::string_view name) {
  constexpr uint32_t kIeee = 0xedb88320, kCastagnoli = 0x82f63b78;
  if (name == "crc32") return std::make_unique<Crc32>(kIeee, 0, 0);
  if (name == "crc32c") {
    return std::make_unique<Crc32>(kCastagnoli, ~uint32_t{0}, ~uint32_t{0});
  }
  if (name == "crct10dif") return std::make_unique<CrcT10>();
  if (name == "xxhash64") return std::make_unique<XxHash64>();
  uint32_t bits = 0;
  if (absl::ConsumePrefix(&name, "blake2b-") && absl::SimpleAtoi(name, &bits) &&
      bits % 8 == 0 && bits >= 8 && bits <= 512) {
    return std::make_unique<Blake2b>(bits / 8);
  }
  return nullptr;
}

}  // namespace dmdax
