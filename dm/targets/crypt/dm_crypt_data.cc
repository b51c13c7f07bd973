// SPDX-License-Identifier: Apache-2.0
//
// crypt: what becomes of the data.
//
// Every sector_size bytes are enciphered by themselves, with the IV that their
// sector gives.  Ciphers are libcrypto's (dm/targets/crypto_engine.h), and of
// those that authenticate authenc and gcm; IVs plain, plain64, plain64be, null,
// benbi, eboiv, essiv and random.  Tags and random IVs are the payload of the
// integrity target below: of each sector the tag, and behind it the IV.  With
// anything else (keys in a keyring, whose bytes are not known; other ciphers
// that authenticate; lmk, tcw, elephant) the table loads, and I/O is
// EOPNOTSUPP, with a line of our own in the log.
// Mirrors: crypt_convert_block_aead, crypt_convert_block_skcipher,
// crypt_iv_*_gen of drivers/md/dm-crypt.c (6.1).
#include <sys/random.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/errno_status.h"
#include "dm/targets/crypt/dm_crypt.h"
#include "dm/targets/crypto_aead.h"
#include "dm/targets/crypto_engine.h"
#include "dm/targets/integrity/integrity_profile.h"

namespace dmdax {

// What enciphers, made of the key when it is first needed.
struct CryptEngine {
  std::vector<std::unique_ptr<BlockCrypt>> tfms;
  std::vector<std::unique_ptr<AeadCrypt>> aeads;  // instead of those
  std::unique_ptr<BlockCrypt> iv_tfm;             // essiv, eboiv
};

namespace {

using IvMaker = void (*)(const CryptConfig& cc, uint64_t sector, char* iv);

void PutLe(uint64_t value, size_t bytes, char* out) {
  for (size_t i = 0; i < bytes; ++i) {
    out[i] = static_cast<char>(value >> (8 * i));
  }
}

void PutBe64AtEnd(const CryptConfig& cc, uint64_t value, char* iv) {
  for (size_t i = 0; i < 8; ++i) {
    iv[cc.iv_size - 1 - i] = static_cast<char>(value >> (8 * i));
  }
}

void Benbi(const CryptConfig& cc, uint64_t sector, char* iv) {
  const int shift = kSectorShift - (std::bit_width(cc.cipher.block_size) - 1);
  PutBe64AtEnd(cc, (sector << shift) + 1, iv);
}

void Plain(const CryptConfig&, uint64_t sector, char* iv) {
  PutLe(sector, 4, iv);
}

void Plain64(const CryptConfig&, uint64_t sector, char* iv) {
  PutLe(sector, 8, iv);
}

// Of bytes, where the others are of sectors.
void Eboiv(const CryptConfig& cc, uint64_t sector, char* iv) {
  PutLe(sector * cc.sector_size, 8, iv);
}

void Null(const CryptConfig&, uint64_t, char*) {}

constexpr std::pair<absl::string_view, IvMaker> kIvs[] = {
    {"", Null},
    {"plain", Plain},
    {"plain64", Plain64},
    {"null", Null},
    {"plain64be", PutBe64AtEnd},
    {"benbi", Benbi},
    {"essiv", Plain64},
    {"random", Null},
    {"eboiv", Eboiv}};

IvMaker FindIv(absl::string_view mode) {
  for (const auto& [name, maker] : kIvs) {
    if (name == mode) return maker;
  }
  return nullptr;
}

// "essiv(cbc(aes),sha256)" is taken apart; the others are what they are.
void SplitEssiv(const CryptConfig& cc, std::string* api, std::string* hash) {
  *api = cc.api;
  if (cc.iv_mode == "essiv") *hash = cc.iv_options;
  absl::string_view inner = cc.api;
  if (!absl::ConsumePrefix(&inner, "essiv(") ||
      !absl::ConsumeSuffix(&inner, ")")) {
    return;
  }
  const size_t comma = inner.rfind(',');
  if (comma == inner.npos) return;
  *hash = std::string(inner.substr(comma + 1));
  *api = std::string(inner.substr(0, comma));
}

// crypt_copy_authenckey(): the key of the hash is behind that of the cipher.
AeadCrypt::Keys SplitKey(const CryptConfig& cc, std::string key) {
  if (!cc.cipher.authenc) return {.cipher = std::move(key)};
  const size_t cipher = key.size() - cc.key_mac_size;
  return {.cipher = key.substr(0, cipher), .mac = key.substr(cipher)};
}

size_t TagBytes(const CryptConfig& cc) {
  if (!cc.aead) return 0;
  return cc.used_tag_size - (cc.random_iv ? cc.iv_size : 0);
}

// "" if all is there; else what is not.
std::string MakeEngine(const CryptConfig& cc, CryptEngine* engine) {
  if (!cc.key_string.empty() && cc.payload.empty()) return "a key in a keyring";
  if (FindIv(cc.iv_mode) == nullptr) return absl::StrCat("IV ", cc.iv_mode);
  std::string api, hash;
  SplitEssiv(cc, &api, &hash);
  const std::string key =
      cc.key_string.empty() ? BytesOfHex(cc.key) : cc.payload;
  const size_t share = (cc.key_size - cc.key_extra_size) / cc.tfms_count;
  for (uint64_t i = 0; cc.aead && i < cc.tfms_count; ++i) {
    engine->aeads.push_back(AeadCrypt::Create(
        api, SplitKey(cc, key.substr(i * share, share)), TagBytes(cc)));
    if (engine->aeads.back() == nullptr || !hash.empty()) {
      return absl::StrCat("cipher ", cc.api);
    }
  }
  if (cc.aead) return "";
  for (uint64_t i = 0; i < cc.tfms_count; ++i) {
    engine->tfms.push_back(
        BlockCrypt::Create(api, key.substr(i * share, share)));
    if (engine->tfms.back() == nullptr) return absl::StrCat("cipher ", api);
  }
  const std::string ecb = absl::StrCat("ecb(", cc.cipher.inner, ")");
  if (!hash.empty()) {
    const HashFunction* function = FindHashFunction(hash);
    if (function == nullptr) return absl::StrCat("hash ", hash);
    engine->iv_tfm = BlockCrypt::Create(
        ecb, function->Digest({absl::string_view(key).substr(0, share)}));
  } else if (cc.iv_mode == "eboiv") {
    engine->iv_tfm = BlockCrypt::Create(ecb, key.substr(0, share));
  } else {
    return "";
  }
  return engine->iv_tfm == nullptr ? absl::StrCat("cipher ", ecb) : "";
}

enum class Way { kEncrypt, kDecrypt };

void SayForged(const DmTarget& ti, const CryptConfig& cc, uint64_t sector) {
  const absl::string_view lead =
      ProfileOf(ti).crypt_logs_as_trusted_key ? "trusted_key: " : "";
  MachineOf(ti).log().PrintkRatelimited(
      "crypt aead error", KernLevel::kErr,
      absl::StrCat(lead, "device-mapper: crypt: ", cc.dev->bdev->name(),
                   ": INTEGRITY AEAD ERROR, sector ", sector));
}

// One sector, with the payload that it has, or gets; 0 or the errno.
int ConvertBlock(const DmTarget& ti, CryptConfig& cc, uint64_t sector, Way way,
                 absl::Span<char> block, absl::Span<char> payload)
    ABSL_EXCLUSIVE_LOCKS_REQUIRED(cc.mu) {
  const uint64_t step = cc.sector_size >> kSectorShift;
  std::string iv(cc.iv_size, '\0');
  const auto stored_iv =
      cc.random_iv ? payload.subspan(TagBytes(cc), cc.iv_size) : payload;
  if (cc.random_iv && way == Way::kDecrypt) {
    iv.assign(stored_iv.begin(), stored_iv.end());
  } else if (cc.random_iv) {
    if (getrandom(iv.data(), iv.size(), 0) < 0) return EIO;
    std::copy(iv.begin(), iv.end(), stored_iv.begin());
  } else if (cc.iv_size > 0) {
    FindIv(cc.iv_mode)(cc, cc.iv_large_sectors ? sector / step : sector,
                       iv.data());
  }
  CryptEngine& engine = *cc.engine;
  if (engine.iv_tfm != nullptr &&
      !engine.iv_tfm->Encrypt("", absl::MakeSpan(iv), iv.data())) {
    return EIO;
  }
  const bool encrypts = way == Way::kEncrypt;
  if (engine.aeads.empty()) {
    BlockCrypt& tfm = *engine.tfms[sector % cc.tfms_count];
    const bool ok = encrypts ? tfm.Encrypt(iv, block, block.data())
                             : tfm.Decrypt(iv, block, block.data());
    return ok ? 0 : EIO;
  }
  AeadCrypt& aead = *engine.aeads[sector % cc.tfms_count];
  std::string header(8, '\0');
  PutLe(sector - cc.iv_offset, header.size(), header.data());
  header += iv;
  const auto tag = payload.first(TagBytes(cc));
  if (encrypts) return aead.Encrypt(iv, header, block, tag) ? 0 : EIO;
  switch (aead.Decrypt(iv, header, block, {tag.data(), tag.size()})) {
    case AeadCrypt::Opened::kFits:
      return 0;
    case AeadCrypt::Opened::kForged:
      SayForged(ti, cc, sector - cc.iv_offset);
      return EILSEQ;
    default:
      return EIO;
  }
}

// In place, with the payload of all sectors, where they have one; 0 or the
// errno.
int Convert(const DmTarget& ti, sector_t at, Way way, absl::Span<char> data,
            absl::Span<char> payload) {
  CryptConfig& cc = ti.Private<CryptConfig>();
  absl::MutexLock lock(&cc.mu);
  if (!cc.key_valid) return EIO;
  if (cc.engine == nullptr) {
    auto engine = std::make_shared<CryptEngine>();
    const std::string missing = MakeEngine(cc, engine.get());
    if (!missing.empty()) {
      MachineOf(ti).log().Printk(
          KernLevel::kErr,
          absl::StrCat("dmdax: crypt: data is not modelled with ", missing));
      return EOPNOTSUPP;
    }
    cc.engine = std::move(engine);
  }
  const uint64_t step = cc.sector_size >> kSectorShift;
  uint64_t sector = ti.Offset(at) + cc.iv_offset;
  if (data.size() % cc.sector_size != 0 || ti.Offset(at) % step != 0) {
    return EIO;
  }
  const size_t blocks = data.size() / cc.sector_size;
  const size_t share = payload.size() / std::max<size_t>(blocks, 1);
  for (size_t i = 0; i < blocks; ++i, sector += step) {
    const int err = ConvertBlock(
        ti, cc, sector, way, data.subspan(i * cc.sector_size, cc.sector_size),
        payload.subspan(i * share, share));
    if (err != 0) return err;
  }
  return 0;
}

bool HasPayload(const CryptConfig& cc) { return cc.aead || cc.random_iv; }

sector_t Below(const DmTarget& ti, const CryptConfig& cc, sector_t sector) {
  return cc.start + ti.Offset(sector);
}

}  // namespace

int CryptEncode(const DmTarget& ti, sector_t sector,
                absl::Span<const char> data, std::vector<char>* out) {
  const CryptConfig& cc = ti.Private<CryptConfig>();
  out->assign(data.begin(), data.end());
  if (!HasPayload(cc)) {
    return Convert(ti, sector, Way::kEncrypt, absl::MakeSpan(*out), {});
  }
  const BlockDevice& bdev = *cc.dev->bdev;
  const uint64_t blocks = data.size() / cc.sector_size;
  std::string payload(blocks * bdev.queue().limits().integrity_metadata_size,
                      '\0');
  const int err = Convert(ti, sector, Way::kEncrypt, absl::MakeSpan(*out),
                          absl::MakeSpan(payload.data(), payload.size()));
  if (err != 0) return err;
  return ErrnoOf(WriteIntegrityPayload(bdev, Below(ti, cc, sector), payload));
}

int CryptEndIo(const DmTarget& ti, const DmBio& bio) {
  if (bio.data.empty()) return 0;
  const CryptConfig& cc = ti.Private<CryptConfig>();
  if (!HasPayload(cc)) {
    return Convert(ti, bio.sector, Way::kDecrypt, bio.data, {});
  }
  absl::StatusOr<std::string> payload =
      ReadIntegrityPayload(*cc.dev->bdev, Below(ti, cc, bio.sector),
                           bio.data.size() / cc.sector_size);
  if (!payload.ok()) return ErrnoOf(payload.status());
  return Convert(ti, bio.sector, Way::kDecrypt, bio.data,
                 absl::MakeSpan(payload->data(), payload->size()));
}

}  // namespace dmdax
