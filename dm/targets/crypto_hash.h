// SPDX-License-Identifier: Apache-2.0
//
// The hash functions of the kernel's crypto API, as targets ask for them.
//
//   const CryptoHash* hash = FindCryptoHash("sha256", profile);
//   hash->digest_size;  // 32
//   hash->driver;       // "sha256-generic"; of 6.16, "sha256-lib"
//
// Which hashes and drivers a machine has depends on its modules and its
// processor; these are Debian's, without accelerated drivers.  Nothing is
// hashed.
// Mirrors: crypto_alloc_ahash, crypto_alloc_shash of crypto/ (4.14 to 7.2).
// Threading: none.
#ifndef DMDAX_DM_TARGETS_CRYPTO_HASH_H_
#define DMDAX_DM_TARGETS_CRYPTO_HASH_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "base/kernel_profile.h"

namespace dmdax {

struct CryptoHash {
  uint32_t digest_size;  // bytes
  std::string driver;
  bool needs_key = false;  // hmac(...): a digest without one is ENOKEY

  // setkey: 0, or the errno.
  int SetKeyError(uint64_t bytes) const;
};

// Null: no such hash, which the kernel says as ENOENT.  `name` is an
// algorithm's, a driver's, or a template's such as "hmac(sha256)".
std::optional<CryptoHash> FindCryptoHash(absl::string_view name,
                                         const KernelProfile& profile);

}  // namespace dmdax

#endif  // DMDAX_DM_TARGETS_CRYPTO_HASH_H_
