// SPDX-License-Identifier: Apache-2.0
#include "dm/targets/dm_crypt_cipher.h"

#include <algorithm>
#include <cerrno>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/errno_status.h"
#include "dm/device_mapper.h"

namespace dmdax {
namespace {

// Ciphers that some kernel has, perhaps as a module.
constexpr absl::string_view kCiphers[] = {
    "aes",       "anubis",    "arc4",        "aria", "blowfish", "camellia",
    "cast5",     "cast6",     "cipher_null", "des",  "des3_ede", "fcrypt",
    "khazad",    "seed",      "serpent",     "sm4",  "tea",      "twofish",
    "xchacha12", "xchacha20", "xeta",        "xtea"};

constexpr char kCryptoModules[] = "the kernel's crypto modules";

}  // namespace

absl::StatusOr<CipherSpec> ParseCipher(const std::string& text,
                                       SscanfOverflow overflow) {
  if (absl::StartsWith(text, "capi:")) {
    return DmNotModelled("capi: ciphers", kCryptoModules);
  }
  if (absl::StrContains(text, "(")) return DmError("Bad cipher specification");
  const std::vector<std::string> parts =
      absl::StrSplit(text, absl::MaxSplits('-', 2));
  const std::vector<std::string> first =
      absl::StrSplit(parts[0], absl::MaxSplits(':', 1));
  CipherSpec spec{.cipher = first[0]};
  if (first.size() == 2) {
    absl::StatusOr<uint32_t> count = SscanfU32(first[1], overflow);
    if (!count.ok() || *count == 0 || (*count & (*count - 1)) != 0) {
      return DmError("Bad cipher key count specification");
    }
    spec.key_parts = *count;
  }
  if (parts.size() > 2) {
    const std::vector<std::string> iv =
        absl::StrSplit(parts[2], absl::MaxSplits(':', 1));
    spec.iv = iv[0];
    if (iv.size() == 2) spec.iv_opts = iv[1];
  }
  // The form of long ago: a cipher alone is cbc-plain.
  if (parts.size() < 2 || (parts[1] == "plain" && !spec.iv)) {
    spec.mode = "cbc";
    spec.iv = "plain";
  } else {
    spec.mode = parts[1];
  }
  if (spec.mode != "ecb" && !spec.iv) return DmError("IV mechanism required");
  if (spec.iv == "essiv" && !spec.iv_opts) {
    return DmError("Digest algorithm missing for ESSIV mode");
  }
  return spec;
}

absl::Status CheckCipher(const CipherSpec& spec) {
  if (std::find(std::begin(kCiphers), std::end(kCiphers), spec.cipher) ==
      std::end(kCiphers)) {
    return ErrnoError(ENOENT, "Error allocating crypto tfm");
  }
  const bool mode_known =
      spec.mode == "xts" || spec.mode == "cbc" || spec.mode == "ecb";
  if (spec.cipher != "aes" || !mode_known) {
    return DmNotModelled(
        absl::StrCat("cipher ", spec.mode, "(", spec.cipher, ")"),
        kCryptoModules);
  }
  if (!spec.iv) return absl::OkStatus();
  for (absl::string_view iv : {"plain", "plain64", "plain64be", "essiv",
                               "benbi", "null", "eboiv", "random"}) {
    if (*spec.iv == iv) return absl::OkStatus();
  }
  for (absl::string_view iv : {"lmk", "tcw", "elephant"}) {
    if (*spec.iv == iv) {
      return DmNotModelled(absl::StrCat("IV mode ", iv), kCryptoModules);
    }
  }
  return DmError("Invalid IV mode");
}

bool KeyFits(const CipherSpec& spec, uint64_t bytes) {
  if (bytes % spec.key_parts != 0) return false;
  uint64_t each = bytes / spec.key_parts;
  if (spec.mode == "xts") {
    if (each % 2 != 0) return false;
    each /= 2;
  }
  return each == 16 || each == 24 || each == 32;
}

}  // namespace dmdax
