// SPDX-License-Identifier: Apache-2.0
#include "dm/targets/crypto_cipher.h"

#include <algorithm>
#include <cerrno>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/errno_status.h"
#include "base/since.h"
#include "dm/device_mapper.h"
#include "dm/targets/crypto_hash.h"

namespace dmdax {
namespace {

struct BlockCipher {
  WordSince name;
  uint32_t block_size;
  KeySizes keys;
};

constexpr KernelRelease kAlways{}, k6_0{6, 0};

constexpr BlockCipher kBlockCiphers[] = {
    {{"aes", kAlways}, 16, {16, 32, 8}},
    {{"anubis", kAlways}, 16, {16, 40, 4}},
    {{"aria", {6, 1}}, 16, {16, 32, 8}},
    {{"blowfish", kAlways}, 8, {4, 56, 1}},
    {{"camellia", kAlways}, 16, {16, 32, 8}},
    {{"cast5", kAlways}, 8, {5, 16, 1}},
    {{"cast6", kAlways}, 16, {16, 32, 4}},
    // From 6.16 on it is a module of its own, which the recorded guests lack.
    {{"cipher_null", kAlways, k6_16}, 1, {0, 0, 1}},
    {{"des", kAlways}, 8, {8, 8, 1}},
    {{"des3_ede", kAlways}, 8, {24, 24, 1}},
    {{"fcrypt", kAlways}, 8, {8, 8, 1}},
    {{"khazad", kAlways}, 8, {16, 16, 1}},
    {{"seed", kAlways}, 16, {16, 16, 1}},
    {{"serpent", kAlways}, 16, {0, 32, 1}},
    {{"sm4", {4, 18}}, 16, {16, 16, 1}},
    {{"tea", kAlways}, 8, {16, 16, 1}},
    {{"twofish", kAlways}, 16, {16, 32, 8}},
    {{"xeta", kAlways}, 8, {16, 16, 1}},
    {{"xtea", kAlways}, 8, {16, 16, 1}},
};

struct StreamCipher {
  WordSince name;
  uint32_t iv_size;
  KeySizes keys;
};

constexpr StreamCipher kStreamCiphers[] = {
    {{"chacha20", kAlways}, 16, {32, 32, 1}},
    {{"xchacha20", {5, 0}}, 32, {32, 32, 1}},
    {{"xchacha12", {5, 0}}, 32, {32, 32, 1}},
    {{"adiantum(xchacha12,aes)", {5, 0}}, 32, {32, 32, 1}},
    {{"adiantum(xchacha20,aes)", {5, 0}}, 32, {32, 32, 1}},
    {{"hctr2(aes)", k6_0}, 32, {16, 32, 8}},
};

absl::Status NoSuchAlgorithm() { return ErrnoError(ENOENT, ""); }

// What a template says of a cipher that it refuses, or of being asked for what
// it does not make.  Older kernels do not pass it on.
constexpr Since<int> kRefusal[] = {{kAlways, ENOENT}, {k6_12, EINVAL}};

absl::Status Refused(const KernelProfile& profile, absl::string_view log = "") {
  return ErrnoError(ValueAt<int>(kRefusal, profile.release), log);
}

constexpr absl::string_view kSkcipherModes[] = {"ecb", "cbc", "cts", "pcbc",
                                                "ctr", "xts", "lrw", "essiv"};
constexpr absl::string_view kAeadTemplates[] = {
    "gcm", "ccm", "rfc4106", "rfc4543", "rfc4309", "authenc", "essiv"};

bool Contains(absl::Span<const absl::string_view> names,
              absl::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// "name(argument)": true, and both.
bool SplitTemplate(absl::string_view text, absl::string_view* name,
                   absl::string_view* argument) {
  const size_t open = text.find('(');
  if (open == text.npos || !absl::ConsumeSuffix(&text, ")")) return false;
  *name = text.substr(0, open);
  *argument = text.substr(open + 1);
  return true;
}

// Cuts "a,b" at the comma that is in no parentheses.
bool SplitPair(absl::string_view text, absl::string_view* first,
               absl::string_view* second) {
  int depth = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '(') ++depth;
    if (text[i] == ')') --depth;
    if (text[i] != ',' || depth != 0) continue;
    *first = text.substr(0, i);
    *second = text.substr(i + 1);
    return true;
  }
  return false;
}

// The driver of an algorithm rather than its name: "xts-aes-aesni".
bool IsDriver(absl::string_view name) {
  for (absl::string_view end : {"-generic", "-aesni", "-avx", "-avx2", "-asm",
                                "-lib", "-avx512", "-simd"}) {
    if (absl::EndsWith(name, end)) return true;
  }
  return false;
}

// What a mode of operation makes of a cipher with blocks.
absl::StatusOr<CryptoCipher> ApplyMode(absl::string_view mode,
                                       const KernelProfile& profile,
                                       CryptoCipher cipher) {
  const uint32_t block = cipher.block_size;
  const bool wide = block == 16;
  if (mode == "ecb") return cipher;
  if (mode == "cbc" || mode == "pcbc") {
    cipher.iv_size = block;
    // A block of one byte has no chain.
    return cipher;
  }
  if (mode == "ctr") {
    if (block < 4) return Refused(profile);
    cipher.iv_size = block;
    cipher.block_size = 1;
    return cipher;
  }
  if (!wide) return Refused(profile);
  cipher.iv_size = block;
  if (mode == "xts") cipher.twice = 2;
  if (mode == "lrw") cipher.extra = block;
  return cipher;
}

absl::StatusOr<CryptoCipher> FindEssiv(absl::string_view arguments,
                                       const KernelProfile& profile,
                                       bool aead) {
  absl::string_view name, hash_name;
  if (!SplitPair(arguments, &name, &hash_name)) return Refused(profile);
  absl::StatusOr<CryptoCipher> cipher =
      aead ? FindAead(name, profile) : FindSkcipher(name, profile);
  if (!cipher.ok()) return cipher;
  if (aead && !cipher->authenc) return Refused(profile);
  const std::optional<CryptoHash> hash = FindCryptoHash(hash_name, profile);
  if (!hash.has_value()) return NoSuchAlgorithm();
  absl::StatusOr<CryptoCipher> inner = FindBlockCipher(cipher->inner, profile);
  if (!inner.ok() || hash->digest_size < inner->keys.min ||
      hash->digest_size > inner->keys.max ||
      cipher->iv_size != inner->block_size || hash->needs_key) {
    return Refused(profile, absl::StrCat("Unsupported essiv instantiation: ",
                                         "essiv(", name, ",", hash_name, ")"));
  }
  cipher->essiv_key = hash->digest_size;
  return cipher;
}

bool IsOne(const KeySizes& sizes, uint64_t bytes) {
  return bytes >= sizes.min && bytes <= sizes.max &&
         (bytes - sizes.min) % sizes.step == 0;
}

// gcm(aes) and its like: a mode, its IV and the key beside the cipher's.
struct AeadMode {
  absl::string_view name;
  uint32_t iv_size;
  uint64_t extra;
  uint32_t auth_sizes;  // bit N: a tag of N bytes
};
constexpr AeadMode kAeadModes[] = {{"gcm", 12, 0, 0x1f110},
                                   {"ccm", 16, 0, 0x15550},
                                   {"rfc4106", 8, 4, 0x11100},
                                   {"rfc4543", 8, 4, 0x10000},
                                   {"rfc4309", 8, 3, 0x11100}};
constexpr uint32_t kLongestTag = 16;

absl::StatusOr<CryptoCipher> FindAuthenc(absl::string_view arguments,
                                         const KernelProfile& profile) {
  absl::string_view hash, name;
  if (!SplitPair(arguments, &hash, &name)) return Refused(profile);
  const std::optional<CryptoHash> mac = FindCryptoHash(hash, profile);
  if (!mac.has_value()) return NoSuchAlgorithm();
  absl::StatusOr<CryptoCipher> cipher = FindSkcipher(name, profile);
  if (!cipher.ok()) return cipher;
  cipher->authenc = true;
  cipher->max_auth_size = mac->digest_size;
  return cipher;
}

}  // namespace

bool CryptoCipher::AuthSizeFits(uint32_t bytes) const {
  if (bytes == 0 || bytes > max_auth_size) return false;
  return auth_sizes == 0 || (auth_sizes >> bytes & 1) != 0;
}

bool CryptoCipher::KeyFits(uint64_t bytes) const {
  if (bytes < extra || (bytes - extra) % twice != 0) return false;
  if (!IsOne(keys, (bytes - extra) / twice)) return false;
  return essiv_key == 0 || IsOne(keys, essiv_key);
}

absl::StatusOr<CryptoCipher> FindBlockCipher(absl::string_view name,
                                             const KernelProfile& profile) {
  for (const BlockCipher& c : kBlockCiphers) {
    if (name != c.name.word || !c.name.In(profile.release)) continue;
    return CryptoCipher{.block_size = c.block_size,
                        .iv_size = 0,
                        .keys = c.keys,
                        .inner = std::string(name)};
  }
  return NoSuchAlgorithm();
}

absl::StatusOr<CryptoCipher> FindSkcipher(absl::string_view name,
                                          const KernelProfile& profile) {
  for (const StreamCipher& c : kStreamCiphers) {
    if (name != c.name.word || !c.name.In(profile.release)) continue;
    return CryptoCipher{.block_size = 1,
                        .iv_size = c.iv_size,
                        .keys = c.keys,
                        .inner = std::string(name)};
  }
  absl::string_view mode, argument;
  if (!SplitTemplate(name, &mode, &argument)) {
    if (!IsDriver(name)) return NoSuchAlgorithm();
    return DmNotModelled(absl::StrCat("cipher driver ", name),
                         "the machine's crypto drivers");
  }
  constexpr WordSince kEssiv{"essiv", {5, 4}};
  if (mode == kEssiv.word && kEssiv.In(profile.release)) {
    return FindEssiv(argument, profile, /*aead=*/false);
  }
  if (!Contains(kSkcipherModes, mode)) {
    return Contains(kAeadTemplates, mode) ? Refused(profile)
                                          : NoSuchAlgorithm();
  }
  // cts lies over another mode, cbc.  What xts and lrw make of "ecb(aes)" they
  // call "xts(aes)" and "lrw(aes)", so that the name asked for stays unknown.
  if (mode == "cts") {
    if (!absl::ConsumePrefix(&argument, "cbc(") ||
        !absl::ConsumeSuffix(&argument, ")")) {
      return NoSuchAlgorithm();
    }
    mode = "cbc";
  }
  absl::StatusOr<CryptoCipher> cipher = FindBlockCipher(argument, profile);
  if (!cipher.ok()) return cipher;
  return ApplyMode(mode, profile, *std::move(cipher));
}

absl::StatusOr<CryptoCipher> FindAead(absl::string_view name,
                                      const KernelProfile& profile) {
  constexpr WordSince kAegis128{"aegis128", {4, 18}};
  if (name == kAegis128.word && kAegis128.In(profile.release)) {
    return CryptoCipher{.block_size = 1,
                        .iv_size = 16,
                        .keys = {16, 16, 1},
                        .inner = "aes",
                        .max_auth_size = kLongestTag,
                        .auth_sizes = 0x1ff00};
  }
  if (name == "rfc7539(chacha20,poly1305)") {
    return CryptoCipher{.block_size = 1,
                        .iv_size = 12,
                        .keys = {32, 32, 1},
                        .inner = "chacha",
                        .max_auth_size = kLongestTag,
                        .auth_sizes = 0x10000};
  }
  absl::string_view mode, argument;
  if (!SplitTemplate(name, &mode, &argument)) {
    if (!IsDriver(name)) return NoSuchAlgorithm();
    return DmNotModelled(absl::StrCat("cipher driver ", name),
                         "the machine's crypto drivers");
  }
  if (mode == "authenc") return FindAuthenc(argument, profile);
  if (mode == "essiv") return FindEssiv(argument, profile, /*aead=*/true);
  for (const AeadMode& m : kAeadModes) {
    if (mode != m.name) continue;
    absl::string_view outer, inner = argument;
    // rfc4106(gcm(aes))
    if (m.extra > 0 && !SplitTemplate(argument, &outer, &inner)) {
      return NoSuchAlgorithm();
    }
    absl::StatusOr<CryptoCipher> cipher = FindBlockCipher(inner, profile);
    if (!cipher.ok()) return cipher;
    if (cipher->block_size != 16) return Refused(profile);
    cipher->iv_size = m.iv_size;
    cipher->block_size = 1;
    cipher->extra = m.extra;
    cipher->max_auth_size = kLongestTag;
    cipher->auth_sizes = m.auth_sizes;
    return cipher;
  }
  return Contains(kSkcipherModes, mode) ? Refused(profile) : NoSuchAlgorithm();
}

}  // namespace dmdax
