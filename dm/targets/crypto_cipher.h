// SPDX-License-Identifier: Apache-2.0
//
// The ciphers of the kernel's crypto API, as targets ask for them.
//
//   absl::StatusOr<CryptoCipher> c = FindSkcipher("xts(aes)", profile);
//   c->iv_size;       // 16
//   c->KeyFits(64);   // true: AES-256 twice
//
// Debian's ciphers, by the names of algorithms and templates; drivers, which
// depend on the processor, are DmNotModelled().  Nothing is enciphered.
//   ENOENT          no such algorithm
//   ENOENT, EINVAL  a template that refuses its cipher, by kernel; the message
//                   is what the kernel logs, if it does
// Mirrors: crypto_alloc_skcipher, crypto_alloc_aead and setkey of crypto/
// (4.14 to 7.2).  Threading: none.
#ifndef DMDAX_DM_TARGETS_CRYPTO_CIPHER_H_
#define DMDAX_DM_TARGETS_CRYPTO_CIPHER_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/kernel_profile.h"

namespace dmdax {

// Lengths of keys, in bytes: min, min + step, ... max.
struct KeySizes {
  uint64_t min;
  uint64_t max;
  uint64_t step;
};

struct CryptoCipher {
  uint32_t block_size;  // bytes; 1 for a stream
  uint32_t iv_size;     // bytes; 0: takes none
  KeySizes keys;
  uint32_t twice = 1;  // how often a key of `keys` is needed (2: xts)
  uint64_t extra = 0;  // bytes of key beside that (16: lrw)
  // The innermost cipher, of which essiv makes one more: "aes".
  std::string inner;
  // essiv: the length of the key that its hash makes; 0: no essiv.
  uint64_t essiv_key = 0;
  // authenc: all but the rest of the key is for its hash.
  bool authenc = false;

  // Ciphers that authenticate: the longest tag, and if not all up to it will
  // do, those that will, as bits.
  uint32_t max_auth_size = 0;  // bytes
  uint32_t auth_sizes = 0;

  // crypto_aead_setauthsize().
  bool AuthSizeFits(uint32_t bytes) const;
  // Whether setkey takes a key of so many bytes; of authenc, the part that is
  // the cipher's.
  bool KeyFits(uint64_t bytes) const;
};

absl::StatusOr<CryptoCipher> FindSkcipher(absl::string_view name,
                                          const KernelProfile& profile);
// Ciphers that authenticate too: gcm(aes), authenc(hmac(sha256),xts(aes)).
absl::StatusOr<CryptoCipher> FindAead(absl::string_view name,
                                      const KernelProfile& profile);

// Whether the kernel has a cipher "aes" as such, and its block size and keys.
absl::StatusOr<CryptoCipher> FindBlockCipher(absl::string_view name,
                                             const KernelProfile& profile);

}  // namespace dmdax

#endif  // DMDAX_DM_TARGETS_CRYPTO_CIPHER_H_
