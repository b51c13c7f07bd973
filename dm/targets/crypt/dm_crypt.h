// SPDX-License-Identifier: Apache-2.0
//
// What the files of the crypt target share: one row, and the steps of its
// constructor.
// Mirrors: struct crypt_config of drivers/md/dm-crypt.c (4.14 to 7.2).
// Threading: messages change the key, with the device suspended.
#ifndef DMDAX_DM_TARGETS_CRYPT_DM_CRYPT_H_
#define DMDAX_DM_TARGETS_CRYPT_DM_CRYPT_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/span.h"
#include "dm/device_mapper.h"
#include "dm/targets/crypto_cipher.h"

namespace dmdax {

struct CryptEngine;

struct CryptConfig : DmTargetPrivate {
  const DmDev* dev = nullptr;
  sector_t start;
  uint64_t iv_offset = 0;

  // --- the key ---
  uint64_t key_size = 0;  // bytes
  std::string key;        // key_size * 2 hexadecimal digits
  // "logon:name" of the key's own place; "" for one in the table.
  std::string key_string;
  std::string payload;  // the bytes of that one, or "": not known
  bool key_valid = false;
  uint64_t key_parts = 1, key_extra_size = 0, key_mac_size = 0;

  // --- the cipher ---
  std::string cipher_string;
  CryptoCipher cipher;
  std::string api;         // "xts(aes)"
  std::string iv_options;  // of essiv: the hash
  uint64_t tfms_count = 1;
  uint32_t iv_size = 0;
  std::string iv_mode;  // "": none
  bool random_iv = false;

  // --- options ---
  bool allow_discards = false;
  std::vector<absl::string_view> flags;  // each once
  uint32_t used_tag_size = 0;
  std::string cipher_auth;
  bool aead = false;
  bool key_mac_size_set = false;
  uint32_t sector_size = 512;  // bytes
  bool iv_large_sectors = false;

  // Made of the key; null: not yet.
  absl::Mutex mu;
  std::shared_ptr<CryptEngine> engine ABSL_GUARDED_BY(mu);

  bool Has(absl::string_view flag) const;
};

// The flags that this kernel knows, in the order in which tables show them.
std::vector<absl::string_view> CryptFlags(const KernelProfile& profile);

// crypt_ctr_optional(): the words behind the start sector.
absl::Status ParseCryptOptions(const DmTarget& ti,
                               absl::Span<const std::string> argv,
                               CryptConfig* cc);

// get_key_size(): bytes; of ":32:logon:name", 32, and *key becomes
// ":logon:name".
absl::StatusOr<uint64_t> CryptKeySize(absl::string_view* key,
                                      SscanfOverflow overflow);

// crypt_set_key().  On failure the device may have lost the key it had.
absl::Status CryptSetKey(const DmTarget& ti, absl::string_view key,
                         CryptConfig* cc);
// crypt_wipe_key().
void CryptWipeKey(CryptConfig* cc);

// crypt_ctr_cipher(): finds the cipher, chooses the IV, sets the key.
absl::Status CryptCtrCipher(const DmTarget& ti, const std::string& cipher_in,
                            absl::string_view key, CryptConfig* cc);

// ->encode, ->end_io: writes are enciphered, and what reads find deciphered.
int CryptEncode(const DmTarget& ti, sector_t sector,
                absl::Span<const char> data, std::vector<char>* out);
int CryptEndIo(const DmTarget& ti, const DmBio& bio);

// ->status, ->message.
void CryptStatus(const DmTarget& ti, StatusType type, uint32_t status_flags,
                 std::string* out);
absl::StatusOr<std::string> CryptMessage(DmTarget& ti,
                                         absl::Span<const std::string> argv);

// DMERR and its like, with what this kernel puts before them.
void CryptLog(const DmTarget& ti, KernLevel level, absl::string_view text);

}  // namespace dmdax

#endif  // DMDAX_DM_TARGETS_CRYPT_DM_CRYPT_H_
