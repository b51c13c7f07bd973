// SPDX-License-Identifier: Apache-2.0
//
// crypt: its key, in the table or in the kernel's keyrings, and the messages
// about it.
//
//   <hexadecimal digits> | - | :<bytes>:<type>:<description>
//
//   key set <key>, key wipe    with the device suspended
//
// Mirrors: crypt_set_key, crypt_set_keyring_key, crypt_message of
// drivers/md/dm-crypt.c.
#include <algorithm>
#include <bit>
#include <cerrno>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/strip.h"
#include "base/errno_status.h"
#include "base/keyring.h"
#include "base/kstrtox.h"
#include "base/since.h"
#include "dm/dm_table.h"
#include "dm/mapped_device.h"
#include "dm/targets/crypt/dm_crypt.h"

namespace dmdax {
namespace {

// Debian's kernels are built without trusted keys.
constexpr WordSince kKeyTypes[] = {
    {"logon", k4_14}, {"user", k4_14}, {"encrypted", {5, 10}}};

absl::Status Invalid() { return ErrnoError(EINVAL, "key"); }

// crypt_setkey(): whether the cipher takes its share of the key.
absl::Status UseKey(CryptConfig* cc) {
  {
    absl::MutexLock lock(&cc->mu);
    cc->engine.reset();
  }
  // The kernel divides by shifting; a key that is too short for the IV wraps.
  const uint64_t share = (cc->key_size - cc->key_extra_size) & 0xffffffff;
  uint64_t bytes = share >> (std::bit_width(cc->tfms_count) - 1);
  if (cc->aead && cc->cipher.authenc) {
    if (bytes < cc->key_mac_size) return Invalid();
    bytes -= cc->key_mac_size;
  }
  return cc->cipher.KeyFits(bytes) ? absl::OkStatus() : Invalid();
}

// hex2bin(): false where a digit is none; what was before it has been stored.
bool DecodeKey(absl::string_view digits, std::string* key) {
  for (size_t i = 0; i + 1 < digits.size() && i < key->size(); i += 2) {
    if (!absl::ascii_isxdigit(digits[i]) ||
        !absl::ascii_isxdigit(digits[i + 1])) {
      return false;
    }
    (*key)[i] = absl::ascii_tolower(digits[i]);
    (*key)[i + 1] = absl::ascii_tolower(digits[i + 1]);
  }
  return true;
}

absl::Status SetKeyringKey(const DmTarget& ti, absl::string_view text,
                           CryptConfig* cc) {
  if (std::any_of(text.begin(), text.end(), KernelIsSpace)) {
    CryptLog(ti, KernLevel::kErr, "whitespace chars not allowed in key string");
    return Invalid();
  }
  const size_t colon = text.find(':');
  if (colon == text.npos || colon == 0 || colon + 1 == text.size()) {
    return Invalid();
  }
  const absl::string_view type = text.substr(0, colon);
  const bool known = std::any_of(
      std::begin(kKeyTypes), std::end(kKeyTypes), [&](const WordSince& k) {
        return type == k.word && k.In(ProfileOf(ti).release);
      });
  if (!known) return Invalid();
  std::optional<Key> key =
      MachineOf(ti).keys().Find(type, text.substr(colon + 1));
  // A table that was there already has used it, and may have outlived it.
  if (!key.has_value() && ti.table->restoring()) key = {.bytes = cc->key_size};
  if (!key.has_value()) return ErrnoError(ENOKEY, "no such key");
  if (key->bytes != cc->key_size) return Invalid();
  cc->key_valid = false;
  cc->payload = std::move(key->payload);
  if (absl::Status s = UseKey(cc); !s.ok()) return s;
  cc->key_valid = true;
  cc->key_string = std::string(text);
  // The copy of the key is wiped once it has been used.
  cc->key.assign(cc->key_size * 2, '0');
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<uint64_t> CryptKeySize(absl::string_view* key,
                                      SscanfOverflow overflow) {
  constexpr char kError[] = "Cannot parse key size";
  if (!absl::StartsWith(*key, ":")) return key->size() / 2;
  const size_t colon = key->find(':', 1);
  if (colon == key->npos) return DmError(kError);
  absl::StatusOr<uint32_t> size =
      SscanfU32(key->substr(1, colon - 1), overflow);
  if (!size.ok() || *size > 0x7fffffff) return DmError(kError);
  key->remove_prefix(colon);
  return *size;
}

absl::Status CryptSetKey(const DmTarget& ti, absl::string_view key,
                         CryptConfig* cc) {
  if (cc->key_size == 0 && key != "-") return Invalid();
  if (absl::ConsumePrefix(&key, ":")) return SetKeyringKey(ti, key, cc);
  cc->key_valid = false;
  cc->key_string.clear();
  cc->payload.clear();
  cc->key.resize(cc->key_size * 2, '0');
  if (cc->key_size > 0 && !DecodeKey(key, &cc->key)) return Invalid();
  absl::Status s = UseKey(cc);
  cc->key_valid = s.ok();
  return s;
}

void CryptWipeKey(CryptConfig* cc) {
  cc->key_valid = false;
  cc->key_string.clear();
  cc->payload.clear();
  cc->key.assign(cc->key_size * 2, '0');
}

namespace {

absl::Status KeyMessage(DmTarget& ti, absl::Span<const std::string> argv,
                        bool* known) {
  CryptConfig& cc = ti.Private<CryptConfig>();
  *known = true;
  if (argv.size() == 3 && absl::EqualsIgnoreCase(argv[1], "set")) {
    absl::string_view key = argv[2];
    absl::StatusOr<uint64_t> size =
        CryptKeySize(&key, ProfileOf(ti).sscanf_overflow);
    if (!size.ok() || *size != cc.key_size) return Invalid();
    return CryptSetKey(ti, key, &cc);
  }
  if (argv.size() == 2 && absl::EqualsIgnoreCase(argv[1], "wipe")) {
    CryptWipeKey(&cc);
    return absl::OkStatus();
  }
  *known = false;
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::string> CryptMessage(DmTarget& ti,
                                         absl::Span<const std::string> argv) {
  if (argv.size() >= 2 && absl::EqualsIgnoreCase(argv[0], "key")) {
    if (!ti.table->md().suspended()) {
      CryptLog(ti, KernLevel::kWarn, "not suspended during key manipulation.");
      return ErrnoError(EINVAL, "not suspended");
    }
    bool known;
    absl::Status s = KeyMessage(ti, argv, &known);
    if (!s.ok()) return s;
    if (known) return "";
  }
  CryptLog(ti, KernLevel::kWarn, "unrecognised message received.");
  return ErrnoError(EINVAL, "unrecognised message");
}

}  // namespace dmdax
