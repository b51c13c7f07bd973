// SPDX-License-Identifier: Apache-2.0
//
// Ciphers that authenticate: authenc(hmac(hash),cipher) and gcm(cipher).
//
//   std::unique_ptr<AeadCrypt> gcm =
//       AeadCrypt::Create("gcm(aes)", {.cipher = key}, 16);
//   gcm->Encrypt(nonce, header, data, tag);
//   gcm->Decrypt(nonce, header, data, tag);  // AeadCrypt::Opened::kFits
//
// Mirrors: crypto/authenc.c, crypto/gcm.c (6.1).
// Threading: one thread at a time.
#ifndef DMDAX_DM_TARGETS_CRYPTO_AEAD_H_
#define DMDAX_DM_TARGETS_CRYPTO_AEAD_H_

#include <cstddef>
#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace dmdax {

class AeadCrypt {
 public:
  // Bytes; `mac` is authenc's.
  struct Keys {
    std::string cipher;
    std::string mac;
  };
  enum class Opened { kFits, kForged, kFailed };

  // Null: no such cipher, or the keys do not fit.
  static std::unique_ptr<AeadCrypt> Create(absl::string_view name, Keys keys,
                                           size_t tag_bytes);
  virtual ~AeadCrypt() = default;
  // `data` in place; `header` is authenticated alone; `tag` has tag_bytes.
  // False: libcrypto has failed.
  virtual bool Encrypt(absl::string_view iv, absl::string_view header,
                       absl::Span<char> data, absl::Span<char> tag) = 0;
  // What is forged is left as it was.
  virtual Opened Decrypt(absl::string_view iv, absl::string_view header,
                         absl::Span<char> data, absl::string_view tag) = 0;
};

}  // namespace dmdax

#endif  // DMDAX_DM_TARGETS_CRYPTO_AEAD_H_
