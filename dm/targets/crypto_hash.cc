// SPDX-License-Identifier: Apache-2.0
#include "dm/targets/crypto_hash.h"

#include <cerrno>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/since.h"

namespace dmdax {
namespace {

struct Algorithm {
  WordSince name;
  uint32_t digest_size;
  // Since when the driver is the kernel's library instead of "-generic".
  KernelRelease lib{~0u, ~0u};
  // Between the two: since when it is the processor's own.
  KernelRelease x86{~0u, ~0u};
  absl::string_view early = "-generic";
};

constexpr KernelRelease k5_4{5, 4}, k5_5{5, 5}, k5_14{5, 14};
constexpr KernelRelease k6_17{6, 17};

constexpr Algorithm kAlgorithms[] = {
    {{"sha1", {}}, 20, k6_17},
    {{"sha224", {}}, 28, k6_17, k6_16},
    {{"sha256", {}}, 32, k6_17, k6_16},
    {{"sha384", {}}, 48, k6_17},
    {{"sha512", {}}, 64, k6_17},
    {{"sha3-224", {}}, 28, k7_2},
    {{"sha3-256", {}}, 32, k7_2},
    {{"sha3-384", {}}, 48, k7_2},
    {{"sha3-512", {}}, 64, k7_2},
    {{"md4", {}}, 16},
    {{"md5", {}}, 16, k6_18},
    {{"rmd128", {}, k5_14}, 16},
    {{"rmd160", {}}, 20},
    {{"rmd256", {}, k5_14}, 32},
    {{"rmd320", {}, k5_14}, 40},
    {{"tgr128", {}, k5_14}, 16},
    {{"tgr160", {}, k5_14}, 20},
    {{"tgr192", {}, k5_14}, 24},
    {{"wp256", {}}, 32},
    {{"wp384", {}}, 48},
    {{"wp512", {}}, 64},
    {{"sm3", {}}, 32},
    {{"streebog256", {5, 0}}, 32},
    {{"streebog512", {5, 0}}, 64},
    {{"blake2b-160", k5_5}, 20, k7_2},
    {{"blake2b-256", k5_5}, 32, k7_2},
    {{"blake2b-384", k5_5}, 48, k7_2},
    {{"blake2b-512", k5_5}, 64, k7_2},
    {{"crc32", {}}, 4, k6_16},
    {{"crc32c", {}}, 4, k6_16, {~0u, ~0u}, "-intel"},
    {{"crct10dif", {}, {6, 15}}, 2},
    {{"xxhash64", k5_4}, 8},
};

std::optional<CryptoHash> FindPlain(absl::string_view name,
                                    KernelRelease release) {
  for (const Algorithm& a : kAlgorithms) {
    if (!a.name.In(release)) continue;
    const std::string driver =
        absl::StrCat(a.name.word, release >= a.lib   ? "-lib"
                                  : release >= a.x86 ? "-x86"
                                                     : a.early);
    if (name != a.name.word && name != driver) continue;
    return CryptoHash{.digest_size = a.digest_size, .driver = driver};
  }
  return std::nullopt;
}

}  // namespace

int CryptoHash::SetKeyError(uint64_t bytes) const {
  if (needs_key) return 0;
  // A checksum takes its first value as a key; a hash has no key at all, but
  // for blake2, where one is optional.
  constexpr uint64_t kBlake2Key = 64;
  if (absl::StartsWith(driver, "crc32") || absl::StartsWith(driver, "xxhash")) {
    return bytes == digest_size ? 0 : EINVAL;
  }
  if (absl::StartsWith(driver, "blake2")) {
    return bytes >= 1 && bytes <= kBlake2Key ? 0 : EINVAL;
  }
  return ENOSYS;
}

std::optional<CryptoHash> FindCryptoHash(absl::string_view name,
                                         const KernelProfile& profile) {
  if (!absl::ConsumePrefix(&name, "hmac(")) {
    return FindPlain(name, profile.release);
  }
  if (!absl::ConsumeSuffix(&name, ")")) return std::nullopt;
  std::optional<CryptoHash> hash = FindPlain(name, profile.release);
  // A checksum has no block, so there is no hmac of it.
  if (!hash.has_value() || hash->digest_size <= 8) return std::nullopt;
  hash->driver = absl::StrCat("hmac(", hash->driver, ")");
  hash->needs_key = true;
  return hash;
}

}  // namespace dmdax
