// SPDX-License-Identifier: Apache-2.0
//
// crypt: what becomes of the data.
//
// Every sector_size bytes are enciphered by themselves, with the IV that their
// sector gives.  Ciphers are libcrypto's (dm/targets/crypto_engine.h), IVs
// plain, plain64, plain64be, null, benbi, eboiv and essiv.  With anything else
// (keys in a keyring, whose bytes are not known; ciphers that authenticate;
// lmk, tcw, elephant, random) the table loads, and I/O is EOPNOTSUPP, with a
// line of our own in the log.
// Mirrors: crypt_convert_block_skcipher, crypt_iv_*_gen of
// drivers/md/dm-crypt.c (6.1).
#include <bit>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "dm/targets/crypt/dm_crypt.h"
#include "dm/targets/crypto_engine.h"

namespace dmdax {

// What enciphers, made of the key when it is first needed.
struct CryptEngine {
  std::vector<std::unique_ptr<BlockCrypt>> tfms;
  std::unique_ptr<BlockCrypt> iv_tfm;  // essiv, eboiv
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

// "" if all is there; else what is not.
std::string MakeEngine(const CryptConfig& cc, CryptEngine* engine) {
  if (!cc.key_string.empty() && cc.payload.empty()) return "a key in a keyring";
  if (cc.aead) return absl::StrCat("cipher ", cc.api);
  if (FindIv(cc.iv_mode) == nullptr) return absl::StrCat("IV ", cc.iv_mode);
  std::string api, hash;
  SplitEssiv(cc, &api, &hash);
  const std::string key =
      cc.key_string.empty() ? BytesOfHex(cc.key) : cc.payload;
  const size_t share = (cc.key_size - cc.key_extra_size) / cc.tfms_count;
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

// In place; 0 or the errno.
int Convert(const DmTarget& ti, sector_t at, absl::Span<char> data,
            bool encrypts) {
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
  const IvMaker make_iv = FindIv(cc.iv_mode);
  const uint64_t step = cc.sector_size >> kSectorShift;
  uint64_t sector = ti.Offset(at) + cc.iv_offset;
  if (data.size() % cc.sector_size != 0 || ti.Offset(at) % step != 0) {
    return EIO;
  }
  std::string iv(cc.iv_size, '\0');
  for (size_t done = 0; done < data.size();
       done += cc.sector_size, sector += step) {
    const auto block = data.subspan(done, cc.sector_size);
    std::fill(iv.begin(), iv.end(), '\0');
    if (cc.iv_size > 0) {
      make_iv(cc, cc.iv_large_sectors ? sector / step : sector, iv.data());
    }
    if (cc.engine->iv_tfm != nullptr &&
        !cc.engine->iv_tfm->Encrypt("", absl::MakeSpan(iv), iv.data())) {
      return EIO;
    }
    BlockCrypt& tfm = *cc.engine->tfms[sector % cc.tfms_count];
    const bool ok = encrypts ? tfm.Encrypt(iv, block, block.data())
                             : tfm.Decrypt(iv, block, block.data());
    if (!ok) return EIO;
  }
  return 0;
}

}  // namespace

int CryptEncode(const DmTarget& ti, sector_t sector,
                absl::Span<const char> data, std::vector<char>* out) {
  out->assign(data.begin(), data.end());
  return Convert(ti, sector, absl::MakeSpan(*out), true);
}

int CryptEndIo(const DmTarget& ti, const DmBio& bio) {
  if (bio.data.empty()) return 0;
  return Convert(ti, bio.sector, bio.data, false);
}

}  // namespace dmdax
