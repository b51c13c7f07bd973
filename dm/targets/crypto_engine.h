// SPDX-License-Identifier: Apache-2.0
//
// What targets hash and encipher with: libcrypto, which is looked for when it
// is first needed, so that a program that needs none pays nothing, and for what
// it has not dm/targets/checksum.h.
//
//   const HashFunction* sha = FindHashFunction("sha256");
//   std::string digest = sha->Digest({salt, block});
//   std::unique_ptr<BlockCrypt> aes = BlockCrypt::Create("xts(aes)", key);
//   aes->Encrypt(iv, in, out);
//
// Not all that the kernel has is there (see crypto_hash.h, crypto_cipher.h):
// null is what can be named, but not computed.
// Threading: a HashFunction may be used by several threads at once, a
// BlockCrypt by one at a time.
#ifndef DMDAX_DM_TARGETS_CRYPTO_ENGINE_H_
#define DMDAX_DM_TARGETS_CRYPTO_ENGINE_H_

#include <cstddef>
#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace dmdax {

class HashFunction {
 public:
  virtual ~HashFunction() = default;
  // Of the parts, one after the other; "": libcrypto has failed.
  virtual std::string Digest(
      absl::Span<const absl::string_view> parts) const = 0;
  // How many bytes it takes at once.
  virtual size_t BlockBytes() const = 0;
};

// By the kernel's name, or a driver's ("sha256-generic").
const HashFunction* FindHashFunction(absl::string_view name);

// hmac(hash) with a key of bytes (RFC 2104).
std::string Hmac(const HashFunction& hash, std::string key,
                 absl::Span<const absl::string_view> parts);

// A cipher in a mode, with a key: "xts(aes)", "cbc(aes)", "ecb(aes)",
// "ctr(aes)", and the same of camellia, aria, sm4, des3_ede where libcrypto has
// them.
class BlockCrypt {
 public:
  // `key`: bytes.  Null: no such cipher, or the key does not fit.
  static std::unique_ptr<BlockCrypt> Create(absl::string_view name,
                                            absl::string_view key);
  virtual ~BlockCrypt() = default;
  // `in` and `out` have the same length, whole blocks of the cipher; `out` may
  // be `in`.  False: libcrypto has failed.
  virtual bool Encrypt(absl::string_view iv, absl::Span<const char> in,
                       char* out) = 0;
  virtual bool Decrypt(absl::string_view iv, absl::Span<const char> in,
                       char* out) = 0;
};

// "0aff" as bytes.
std::string BytesOfHex(absl::string_view hex);

}  // namespace dmdax

#endif  // DMDAX_DM_TARGETS_CRYPTO_ENGINE_H_
