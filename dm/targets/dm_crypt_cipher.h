// SPDX-License-Identifier: Apache-2.0
//
// The first word of a crypt line: which cipher, in which mode, with which IV.
//
//   absl::StatusOr<CipherSpec> spec =
//       ParseCipher("aes-xts-plain64", profile.sscanf_overflow);
//   CheckCipher(*spec);         // OK
//   KeyFits(*spec, 64);         // true: AES-256 twice
//
// Which ciphers there are depends on a kernel's crypto modules: aes is judged,
// others (and capi: strings) are refused with a text that says so.
//
// Errors are those of the constructor: EINVAL with the kernel's text, ENOENT
// for a cipher that no kernel has.  Threading: none.
// Mirrors: crypt_ctr_cipher_old, crypt_ctr_ivmode of drivers/md/dm-crypt.c.
#ifndef DMDAX_DM_TARGETS_DM_CRYPT_CIPHER_H_
#define DMDAX_DM_TARGETS_DM_CRYPT_CIPHER_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/kstrtox.h"

namespace dmdax {

// cipher[:keycount]-mode-iv[:opts], split as the kernel's strsep() does.
struct CipherSpec {
  std::string cipher, mode;
  std::optional<std::string> iv, iv_opts;
  uint32_t key_parts = 1;  // a power of two
};

absl::StatusOr<CipherSpec> ParseCipher(const std::string& text,
                                       SscanfOverflow overflow);

// Whether the crypto API of any kernel we know has it.
absl::Status CheckCipher(const CipherSpec& spec);

// Whether a key of so many bytes is one of the cipher's.
bool KeyFits(const CipherSpec& spec, uint64_t bytes);

}  // namespace dmdax

#endif  // DMDAX_DM_TARGETS_DM_CRYPT_CIPHER_H_
