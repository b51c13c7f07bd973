// SPDX-License-Identifier: Apache-2.0
#include "dm/targets/crypto_aead.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "dm/targets/crypto_engine.h"

namespace dmdax {
namespace {

absl::string_view View(absl::Span<const char> bytes) {
  return {bytes.data(), bytes.size()};
}

// The tag is that of what is enciphered already.
class AuthencCrypt final : public AeadCrypt {
 public:
  AuthencCrypt(std::unique_ptr<BlockCrypt> cipher, const HashFunction& hash,
               std::string key)
      : cipher_(std::move(cipher)), hash_(hash), key_(std::move(key)) {}

  bool Encrypt(absl::string_view iv, absl::string_view header,
               absl::Span<char> data, absl::Span<char> tag) override {
    if (!cipher_->Encrypt(iv, data, data.data())) return false;
    const std::string mac = Hmac(hash_, key_, {header, View(data)});
    if (mac.size() < tag.size()) return false;
    std::copy_n(mac.begin(), tag.size(), tag.begin());
    return true;
  }
  Opened Decrypt(absl::string_view iv, absl::string_view header,
                 absl::Span<char> data, absl::string_view tag) override {
    const std::string mac = Hmac(hash_, key_, {header, View(data)});
    if (mac.size() < tag.size()) return Opened::kFailed;
    if (mac.substr(0, tag.size()) != tag) return Opened::kForged;
    return cipher_->Decrypt(iv, data, data.data()) ? Opened::kFits
                                                   : Opened::kFailed;
  }

 private:
  const std::unique_ptr<BlockCrypt> cipher_;
  const HashFunction& hash_;
  const std::string key_;
};

// NIST SP 800-38D, of a block cipher of 16 bytes, with a nonce of 12.
class GcmCrypt final : public AeadCrypt {
 public:
  static constexpr size_t kBlock = 16;
  static constexpr size_t kNonce = 12;
  using Block = std::array<unsigned char, kBlock>;

  explicit GcmCrypt(std::unique_ptr<BlockCrypt> ecb) : ecb_(std::move(ecb)) {}

  bool Encrypt(absl::string_view iv, absl::string_view header,
               absl::Span<char> data, absl::Span<char> tag) override {
    Block sum;
    if (!Xor(iv, data) || !Tag(iv, header, View(data), &sum)) return false;
    std::copy_n(sum.begin(), tag.size(), tag.begin());
    return true;
  }
  Opened Decrypt(absl::string_view iv, absl::string_view header,
                 absl::Span<char> data, absl::string_view tag) override {
    Block sum;
    if (!Tag(iv, header, View(data), &sum)) return Opened::kFailed;
    if (!std::equal(tag.begin(), tag.end(), sum.begin(),
                    [](char a, unsigned char b) {
                      return static_cast<unsigned char>(a) == b;
                    })) {
      return Opened::kForged;
    }
    return Xor(iv, data) ? Opened::kFits : Opened::kFailed;
  }

 private:
  // The cipher of counters from `first` on.
  bool KeyStream(absl::string_view iv, uint32_t first, size_t blocks,
                 std::string* out) {
    if (iv.size() != kNonce) return false;
    out->clear();
    for (size_t i = 0; i < blocks; ++i) {
      out->append(iv.data(), iv.size());
      const auto counter = static_cast<uint32_t>(first + i);
      for (int shift = 24; shift >= 0; shift -= 8) {
        out->push_back(static_cast<char>(counter >> shift & 0xff));
      }
    }
    return ecb_->Encrypt("", *out, out->data());
  }
  bool Xor(absl::string_view iv, absl::Span<char> data) {
    std::string stream;
    if (!KeyStream(iv, 2, (data.size() + kBlock - 1) / kBlock, &stream)) {
      return false;
    }
    for (size_t i = 0; i < data.size(); ++i) {
      data[i] = static_cast<char>(data[i] ^ stream[i]);
    }
    return true;
  }

  // x * h in GF(2^128), whose bits count from the left.
  static void Multiply(const Block& h, Block* x) {
    Block product = {}, v = h;
    for (size_t bit = 0; bit < 8 * kBlock; ++bit) {
      if (((*x)[bit / 8] >> (7 - bit % 8) & 1) != 0) {
        for (size_t i = 0; i < kBlock; ++i) product[i] ^= v[i];
      }
      const bool carries = (v[kBlock - 1] & 1) != 0;
      for (size_t i = kBlock; i-- > 0;) {
        const unsigned above = i == 0 ? 0 : v[i - 1] & 1u;
        v[i] = static_cast<unsigned char>(v[i] >> 1 | above << 7);
      }
      if (carries) v[0] ^= 0xe1;
    }
    *x = product;
  }
  static void Hash(const Block& h, absl::string_view bytes, Block* sum) {
    for (size_t at = 0; at < bytes.size(); at += kBlock) {
      const size_t n = std::min(kBlock, bytes.size() - at);
      for (size_t i = 0; i < n; ++i) {
        (*sum)[i] ^= static_cast<unsigned char>(bytes[at + i]);
      }
      Multiply(h, sum);
    }
  }
  bool Tag(absl::string_view iv, absl::string_view header,
           absl::string_view data, Block* sum) {
    std::string zero(kBlock, '\0'), first;
    if (!ecb_->Encrypt("", zero, zero.data()) || !KeyStream(iv, 1, 1, &first)) {
      return false;
    }
    Block h;
    std::copy_n(zero.begin(), kBlock, h.begin());
    *sum = {};
    Hash(h, header, sum);
    Hash(h, data, sum);
    std::string lengths(kBlock, '\0');
    for (size_t i = 0; i < 8; ++i) {
      lengths[7 - i] = static_cast<char>(header.size() * 8 >> (8 * i) & 0xff);
      lengths[15 - i] = static_cast<char>(data.size() * 8 >> (8 * i) & 0xff);
    }
    Hash(h, lengths, sum);
    for (size_t i = 0; i < kBlock; ++i) {
      (*sum)[i] ^= static_cast<unsigned char>(first[i]);
    }
    return true;
  }

  const std::unique_ptr<BlockCrypt> ecb_;
};

// "authenc(hmac(sha256),xts(aes))".
std::unique_ptr<AeadCrypt> CreateAuthenc(absl::string_view words,
                                         AeadCrypt::Keys keys) {
  const size_t comma = words.find("),");
  if (comma == words.npos || !absl::ConsumePrefix(&words, "hmac(")) {
    return nullptr;
  }
  const size_t end = words.find("),");
  const HashFunction* hash = FindHashFunction(words.substr(0, end));
  std::unique_ptr<BlockCrypt> cipher =
      BlockCrypt::Create(words.substr(end + 2), keys.cipher);
  if (hash == nullptr || cipher == nullptr) return nullptr;
  return std::make_unique<AuthencCrypt>(std::move(cipher), *hash,
                                        std::move(keys.mac));
}

}  // namespace

std::unique_ptr<AeadCrypt> AeadCrypt::Create(absl::string_view name, Keys keys,
                                             size_t tag_bytes) {
  if (absl::ConsumePrefix(&name, "authenc(") &&
      absl::ConsumeSuffix(&name, ")")) {
    return CreateAuthenc(name, std::move(keys));
  }
  if (!absl::ConsumePrefix(&name, "gcm(") || tag_bytes > GcmCrypt::kBlock) {
    return nullptr;
  }
  std::unique_ptr<BlockCrypt> ecb =
      BlockCrypt::Create(absl::StrCat("ecb(", name), keys.cipher);
  if (ecb == nullptr) return nullptr;
  return std::make_unique<GcmCrypt>(std::move(ecb));
}

}  // namespace dmdax
