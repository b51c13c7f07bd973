// SPDX-License-Identifier: Apache-2.0
//
// crypt: the first word of its line, in the old form and the new.
//
//   <cipher>[:<keycount>]-<mode>-<iv>[:<options>]     aes-xts-plain64
//   capi:<name of the crypto API>-<iv>[:<options>]    capi:xts(aes)-plain64
//
// Mirrors: crypt_ctr_cipher and what it calls, crypt_iv_*_ctr of
// drivers/md/dm-crypt.c.
#include <bit>
#include <cerrno>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/errno_status.h"
#include "base/kstrtox.h"
#include "base/since.h"
#include "dm/targets/crypt/dm_crypt.h"
#include "dm/targets/crypto_hash.h"

namespace dmdax {
namespace {

constexpr size_t kMaxAlgName = 128;  // CRYPTO_MAX_ALG_NAME
constexpr uint64_t kLmkKeys = 64;

// Names of IVs, and since when there are such.
constexpr WordSince kIvModes[] = {
    {"plain", k4_14},  {"plain64", k4_14},  {"plain64be", {4, 17}},
    {"essiv", k4_14},  {"benbi", k4_14},    {"null", k4_14},
    {"eboiv", {5, 3}}, {"lmk", k4_14},      {"tcw", k4_14},
    {"random", k4_14}, {"elephant", {5, 6}}};

// essiv is a template of the crypto API; before, crypt's own.
constexpr Since<bool> kEssivIsTemplate[] = {{{5, 4}, true}};
// The new form refuses lmk with a cipher that authenticates.
constexpr Since<bool> kChecksLmkAead[] = {{{5, 17}, true}};

// What the first word says.
struct CipherWords {
  std::string api;
  std::optional<std::string> iv, iv_options;
};

// strsep(): what is before `sep`, which *rest loses; all of it if there is no
// `sep`.  Nothing is left: no word.
std::optional<std::string> Strsep(std::optional<std::string>* rest, char sep) {
  if (!rest->has_value()) return std::nullopt;
  const size_t at = (*rest)->find(sep);
  std::string word = (*rest)->substr(0, at);
  if (at == std::string::npos) {
    rest->reset();
  } else {
    (*rest)->erase(0, at + 1);
  }
  return word;
}

absl::StatusOr<CipherWords> ParseOld(const DmTarget& ti,
                                     const std::string& text, CryptConfig* cc) {
  if (absl::StrContains(text, "(") || cc->aead) {
    return DmError("Bad cipher specification");
  }
  std::optional<std::string> rest = text;
  std::optional<std::string> keycount = Strsep(&rest, '-');
  const std::string cipher = *Strsep(&keycount, ':');
  if (keycount.has_value()) {
    absl::StatusOr<uint32_t> count =
        SscanfU32(*keycount, ProfileOf(ti).sscanf_overflow);
    if (!count.ok() || !std::has_single_bit(*count)) {
      return DmError("Bad cipher key count specification");
    }
    cc->tfms_count = *count;
  }
  CipherWords words;
  std::optional<std::string> mode = Strsep(&rest, '-');
  words.iv = Strsep(&rest, ':');
  words.iv_options = rest;
  // An old form: a cipher without a mode means cbc-plain.
  if (!mode || (*mode == "plain" && !words.iv)) {
    mode = "cbc";
    words.iv = "plain";
  }
  if (*mode != "ecb" && !words.iv) return DmError("IV mechanism required");
  words.api = absl::StrCat(*mode, "(", cipher, ")");
  return words;
}

// "authenc(<hash>,...": the length of its key.
absl::Status ParseAuthenc(const DmTarget& ti, const std::string& api,
                          CryptConfig* cc) {
  constexpr char kInvalid[] = "Invalid AEAD cipher spec";
  if (!absl::StartsWith(api, "authenc(")) return absl::OkStatus();
  const size_t start = api.find('(') + 1;
  const size_t end = api.find(',');
  if (end == std::string::npos || start > end) return DmError(kInvalid);
  const std::optional<CryptoHash> mac =
      FindCryptoHash(api.substr(start, end - start), ProfileOf(ti));
  if (!mac.has_value()) return ErrnoError(ENOENT, kInvalid);
  if (!cc->key_mac_size_set) cc->key_mac_size = mac->digest_size;
  return absl::OkStatus();
}

absl::StatusOr<CipherWords> ParseNew(const DmTarget& ti,
                                     const std::string& text, CryptConfig* cc) {
  CipherWords words;
  words.api = text.substr(strlen("capi:"));
  // The IV's options may contain another '-'.
  if (size_t at = words.api.rfind(':'); at != std::string::npos) {
    words.iv_options = words.api.substr(at + 1);
    words.api.resize(at);
  }
  if (size_t at = words.api.rfind('-'); at != std::string::npos) {
    words.iv = words.api.substr(at + 1);
    words.api.resize(at);
  }
  if (cc->aead) {
    absl::Status s = ParseAuthenc(ti, words.api, cc);
    if (!s.ok()) return s;
  }
  if (words.iv == "lmk") {
    if (cc->aead && ValueAt<bool>(kChecksLmkAead, ProfileOf(ti).release)) {
      return DmError("AEAD transforms not supported for LMK");
    }
    cc->tfms_count = kLmkKeys;
  }
  return words;
}

absl::Status FindCipher(const DmTarget& ti, CipherWords words, bool is_new,
                        CryptConfig* cc) {
  const KernelProfile& profile = ProfileOf(ti);
  cc->api = words.api;
  cc->iv_options = words.iv_options.value_or("");
  const bool wrap = ValueAt<bool>(kEssivIsTemplate, profile.release);
  if (words.iv == "essiv") {
    if (!words.iv_options) {
      return DmError("Digest algorithm missing for ESSIV mode");
    }
    if (wrap) {
      words.api =
          absl::StrCat("essiv(", words.api, ",", *words.iv_options, ")");
    }
  }
  if (words.api.size() >= kMaxAlgName) {
    return ErrnoError(ENOMEM, is_new ? "Cannot allocate cipher string"
                                     : "Cannot allocate cipher strings");
  }
  absl::StatusOr<CryptoCipher> cipher = cc->aead
                                            ? FindAead(words.api, profile)
                                            : FindSkcipher(words.api, profile);
  if (!cipher.ok()) {
    if (IsNotModelled(cipher.status())) return cipher.status();
    if (absl::StartsWith(cipher.status().message(), "Unsupported ")) {
      MachineOf(ti).log().Printk(KernLevel::kWarn, cipher.status().message());
    }
    return ErrnoError(ErrnoOf(cipher.status()), "Error allocating crypto tfm");
  }
  cc->cipher = *std::move(cipher);
  return absl::OkStatus();
}

bool KnowsIv(const DmTarget& ti, absl::string_view mode) {
  for (const WordSince& known : kIvModes) {
    if (mode == known.word) return known.In(ProfileOf(ti).release);
  }
  return false;
}

// crypt_ctr_ivmode(): how much of the key is the IV's.
absl::Status ChooseIv(const DmTarget& ti, std::optional<std::string> mode,
                      CryptConfig* cc) {
  constexpr uint64_t kSectorNumber = 8, kElephantMaxKey = 32, kWhitening = 16;
  cc->iv_size = cc->cipher.iv_size;
  if (cc->iv_size > 0) {
    cc->iv_size = std::max<uint32_t>(cc->iv_size, kSectorNumber);
  } else if (mode.has_value()) {
    CryptLog(ti, KernLevel::kWarn, "Selected cipher does not support IVs");
    mode.reset();
  }
  cc->key_parts = cc->tfms_count;
  if (!mode.has_value()) return absl::OkStatus();
  if (!KnowsIv(ti, *mode)) return DmError("Invalid IV mode");
  cc->iv_mode = *mode;
  if (*mode == "elephant") {
    cc->key_parts = 2;
    cc->key_extra_size = cc->key_size / 2;
    if (cc->key_extra_size > kElephantMaxKey) return DmError("Unknown error");
  } else if (*mode == "lmk" && cc->key_size % cc->key_parts != 0) {
    ++cc->key_parts;
    cc->key_extra_size = cc->key_size / cc->key_parts;
  } else if (*mode == "tcw") {
    cc->key_parts += 2;
    cc->key_extra_size = cc->iv_size + kWhitening;
  } else if (*mode == "random") {
    cc->random_iv = true;
  }
  return absl::OkStatus();
}

// crypt_iv_*_ctr(): the errno, or 0.
int CreateIv(const DmTarget& ti, const CipherWords& words,
             const CryptConfig& cc) {
  const std::string& mode = cc.iv_mode;
  if (mode == "essiv" &&
      !ValueAt<bool>(kEssivIsTemplate, ProfileOf(ti).release)) {
    return FindCryptoHash(*words.iv_options, ProfileOf(ti)).has_value()
               ? 0
               : ENOENT;
  }
  if (mode == "eboiv" || mode == "elephant") {
    return cc.aead || cc.cipher.block_size != cc.iv_size ? EINVAL : 0;
  }
  if (mode == "lmk") return cc.sector_size != 512 ? EINVAL : 0;
  if (mode == "tcw") {
    return cc.sector_size != 512 || cc.key_size <= cc.key_extra_size ? EINVAL
                                                                     : 0;
  }
  if (mode == "benbi") {
    return std::has_single_bit(cc.cipher.block_size) ? 0 : EINVAL;
  }
  return 0;
}

// crypt_iv_*_init(): what of them can fail.
bool InitIv(const DmTarget& ti, const CryptConfig& cc) {
  if (cc.iv_mode != "elephant") return true;
  absl::StatusOr<CryptoCipher> aes = FindBlockCipher("aes", ProfileOf(ti));
  return aes.ok() && aes->KeyFits(cc.key_extra_size);
}

}  // namespace

absl::Status CryptCtrCipher(const DmTarget& ti, const std::string& cipher_in,
                            absl::string_view key, CryptConfig* cc) {
  cc->cipher_string = cipher_in;
  const bool is_new = absl::StartsWith(cipher_in, "capi:");
  absl::StatusOr<CipherWords> words =
      is_new ? ParseNew(ti, cipher_in, cc) : ParseOld(ti, cipher_in, cc);
  if (!words.ok()) return words.status();
  if (absl::Status s = FindCipher(ti, *words, is_new, cc); !s.ok()) return s;
  if (absl::Status s = ChooseIv(ti, words->iv, cc); !s.ok()) return s;
  if (absl::Status s = CryptSetKey(ti, key, cc); !s.ok()) {
    if (IsNotModelled(s)) return s;
    return ErrnoError(ErrnoOf(s), "Error decoding and setting key");
  }
  if (const int err = CreateIv(ti, *words, *cc); err != 0) {
    return ErrnoError(err, "Error creating IV");
  }
  if (!InitIv(ti, *cc)) return DmError("Error initialising IV");
  return absl::OkStatus();
}

}  // namespace dmdax
