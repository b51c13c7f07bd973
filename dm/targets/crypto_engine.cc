// SPDX-License-Identifier: Apache-2.0
#include "dm/targets/crypto_engine.h"

#include <dlfcn.h>
#include <openssl/evp.h>
#include <openssl/provider.h>

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/synchronization/mutex.h"
#include "dm/targets/checksum.h"

namespace dmdax {
namespace {

// The functions of libcrypto, by their own names.
struct Libcrypto {
  decltype(&::EVP_get_digestbyname) EVP_get_digestbyname = nullptr;
  decltype(&::OSSL_LIB_CTX_new) OSSL_LIB_CTX_new = nullptr;
  decltype(&::OSSL_PROVIDER_load) OSSL_PROVIDER_load = nullptr;
  decltype(&::EVP_MD_fetch) EVP_MD_fetch = nullptr;
  decltype(&::EVP_MD_get_block_size) EVP_MD_get_block_size = nullptr;
  decltype(&::EVP_MD_CTX_new) EVP_MD_CTX_new = nullptr;
  decltype(&::EVP_MD_CTX_free) EVP_MD_CTX_free = nullptr;
  decltype(&::EVP_DigestInit_ex) EVP_DigestInit_ex = nullptr;
  decltype(&::EVP_DigestUpdate) EVP_DigestUpdate = nullptr;
  decltype(&::EVP_DigestFinal_ex) EVP_DigestFinal_ex = nullptr;
  decltype(&::EVP_get_cipherbyname) EVP_get_cipherbyname = nullptr;
  decltype(&::EVP_CIPHER_get_key_length) EVP_CIPHER_get_key_length = nullptr;
  decltype(&::EVP_CIPHER_CTX_new) EVP_CIPHER_CTX_new = nullptr;
  decltype(&::EVP_CIPHER_CTX_free) EVP_CIPHER_CTX_free = nullptr;
  decltype(&::EVP_CipherInit_ex) EVP_CipherInit_ex = nullptr;
  decltype(&::EVP_CipherUpdate) EVP_CipherUpdate = nullptr;
  decltype(&::EVP_CIPHER_CTX_set_padding) EVP_CIPHER_CTX_set_padding = nullptr;
};

template <typename Fn>
bool Load(void* library, const char* name, Fn* fn) {
  *fn = reinterpret_cast<Fn>(dlsym(library, name));
  return *fn != nullptr;
}

// Null: it is not installed.
const Libcrypto* Library() {
  static const Libcrypto* const lib = []() -> const Libcrypto* {
    void* so = dlopen("libcrypto.so.3", RTLD_NOW | RTLD_LOCAL);
    if (so == nullptr) return nullptr;
    auto* c = new Libcrypto;
    const bool all =
        Load(so, "EVP_get_digestbyname", &c->EVP_get_digestbyname) &&
        Load(so, "OSSL_LIB_CTX_new", &c->OSSL_LIB_CTX_new) &&
        Load(so, "OSSL_PROVIDER_load", &c->OSSL_PROVIDER_load) &&
        Load(so, "EVP_MD_fetch", &c->EVP_MD_fetch) &&
        Load(so, "EVP_MD_get_block_size", &c->EVP_MD_get_block_size) &&
        Load(so, "EVP_MD_CTX_new", &c->EVP_MD_CTX_new) &&
        Load(so, "EVP_MD_CTX_free", &c->EVP_MD_CTX_free) &&
        Load(so, "EVP_DigestInit_ex", &c->EVP_DigestInit_ex) &&
        Load(so, "EVP_DigestUpdate", &c->EVP_DigestUpdate) &&
        Load(so, "EVP_DigestFinal_ex", &c->EVP_DigestFinal_ex) &&
        Load(so, "EVP_get_cipherbyname", &c->EVP_get_cipherbyname) &&
        Load(so, "EVP_CIPHER_get_key_length", &c->EVP_CIPHER_get_key_length) &&
        Load(so, "EVP_CIPHER_CTX_new", &c->EVP_CIPHER_CTX_new) &&
        Load(so, "EVP_CIPHER_CTX_free", &c->EVP_CIPHER_CTX_free) &&
        Load(so, "EVP_CipherInit_ex", &c->EVP_CipherInit_ex) &&
        Load(so, "EVP_CipherUpdate", &c->EVP_CipherUpdate) &&
        Load(so, "EVP_CIPHER_CTX_set_padding", &c->EVP_CIPHER_CTX_set_padding);
    return all ? c : nullptr;
  }();
  return lib;
}

// The kernel's name of a hash, without that of its driver.
std::string WithoutDriver(absl::string_view name) {
  for (absl::string_view driver : {"-generic", "-lib", "-x86", "-intel"}) {
    absl::ConsumeSuffix(&name, driver);
  }
  return std::string(name);
}

// libcrypto's name for the kernel's, where it is another.
std::string DigestName(const std::string& name) {
  if (name == "rmd160") return "ripemd160";
  if (absl::StartsWith(name, "wp")) return "whirlpool";
  return name;
}

// A digest that is old has gone to a provider of its own, which is not always
// installed; it does not become that of other users of libcrypto.
const EVP_MD* FindDigest(const Libcrypto& lib, const std::string& name) {
  static OSSL_LIB_CTX* const legacy = [&lib]() -> OSSL_LIB_CTX* {
    OSSL_LIB_CTX* ctx = lib.OSSL_LIB_CTX_new();
    if (ctx == nullptr) return nullptr;
    return lib.OSSL_PROVIDER_load(ctx, "legacy") == nullptr ? nullptr : ctx;
  }();
  const EVP_MD* old = legacy == nullptr
                          ? nullptr
                          : lib.EVP_MD_fetch(legacy, name.c_str(), nullptr);
  return old != nullptr ? old : lib.EVP_get_digestbyname(name.c_str());
}

// One of libcrypto.
class EvpHash final : public HashFunction {
 public:
  // `size`: bytes of the digest that are left, 0: all.
  EvpHash(const EVP_MD* md, size_t size) : md_(md), size_(size) {}
  std::string Digest(absl::Span<const absl::string_view> parts) const override;
  size_t BlockBytes() const override;

 private:
  const EVP_MD* const md_;
  const size_t size_;
};

class OwnHash final : public HashFunction {
 public:
  explicit OwnHash(std::string name) : name_(std::move(name)) {}
  std::string Digest(absl::Span<const absl::string_view> parts) const override {
    const std::unique_ptr<Checksum> sum = NewChecksum(name_);
    for (absl::string_view part : parts) sum->Update(part);
    return sum->Final();
  }
  // The kernel's checksums take bytes.
  size_t BlockBytes() const override {
    return absl::StartsWith(name_, "blake2b") ? 128 : 1;
  }

 private:
  const std::string name_;
};

std::unique_ptr<HashFunction> NewHash(const std::string& name) {
  if (NewChecksum(name) != nullptr) return std::make_unique<OwnHash>(name);
  const Libcrypto* lib = Library();
  if (lib == nullptr) return nullptr;
  const EVP_MD* md = FindDigest(*lib, DigestName(name));
  if (md == nullptr) return nullptr;
  size_t size = 0;
  if (name == "wp384") size = 48;
  if (name == "wp256") size = 32;
  auto hash = std::make_unique<EvpHash>(md, size);
  // A digest by name may still be of a provider that is not loaded.
  if (hash->Digest({}).empty()) return nullptr;
  return hash;
}

class EvpCrypt final : public BlockCrypt {
 public:
  EvpCrypt(const EVP_CIPHER* cipher, absl::string_view key)
      : encrypt_(New(cipher, key, 1)), decrypt_(New(cipher, key, 0)) {}
  ~EvpCrypt() override {
    Library()->EVP_CIPHER_CTX_free(encrypt_);
    Library()->EVP_CIPHER_CTX_free(decrypt_);
  }
  bool ok() const { return encrypt_ != nullptr && decrypt_ != nullptr; }

  bool Encrypt(absl::string_view iv, absl::Span<const char> in,
               char* out) override {
    return Run(encrypt_, 1, iv, in, out);
  }
  bool Decrypt(absl::string_view iv, absl::Span<const char> in,
               char* out) override {
    return Run(decrypt_, 0, iv, in, out);
  }

 private:
  static const unsigned char* Unsigned(const char* p) {
    return reinterpret_cast<const unsigned char*>(p);
  }
  static EVP_CIPHER_CTX* New(const EVP_CIPHER* cipher, absl::string_view key,
                             int encrypts) {
    const Libcrypto& lib = *Library();
    EVP_CIPHER_CTX* ctx = lib.EVP_CIPHER_CTX_new();
    if (ctx == nullptr) return nullptr;
    if (lib.EVP_CipherInit_ex(ctx, cipher, nullptr, Unsigned(key.data()),
                              nullptr, encrypts) == 1) {
      return ctx;
    }
    lib.EVP_CIPHER_CTX_free(ctx);
    return nullptr;
  }
  static bool Run(EVP_CIPHER_CTX* ctx, int encrypts, absl::string_view iv,
                  absl::Span<const char> in, char* out) {
    const Libcrypto& lib = *Library();
    int written = 0;
    const int length = static_cast<int>(in.size());
    return lib.EVP_CipherInit_ex(ctx, nullptr, nullptr, nullptr,
                                 iv.empty() ? nullptr : Unsigned(iv.data()),
                                 encrypts) == 1 &&
           lib.EVP_CIPHER_CTX_set_padding(ctx, 0) == 1 &&
           lib.EVP_CipherUpdate(ctx, reinterpret_cast<unsigned char*>(out),
                                &written, Unsigned(in.data()), length) == 1 &&
           written == length;
  }

  EVP_CIPHER_CTX* const encrypt_;
  EVP_CIPHER_CTX* const decrypt_;
};

// cipher_null: what goes in comes out.
class NullCrypt final : public BlockCrypt {
 public:
  bool Encrypt(absl::string_view, absl::Span<const char> in,
               char* out) override {
    std::copy(in.begin(), in.end(), out);
    return true;
  }
  bool Decrypt(absl::string_view, absl::Span<const char> in,
               char* out) override {
    std::copy(in.begin(), in.end(), out);
    return true;
  }
};

// IEEE 1619 over a block cipher of 16 bytes, for what libcrypto has not, or
// refuses (two halves of a key that are the same), and the kernel does.
class XtsCrypt final : public BlockCrypt {
 public:
  XtsCrypt(std::unique_ptr<BlockCrypt> data, std::unique_ptr<BlockCrypt> tweak)
      : data_(std::move(data)), tweak_(std::move(tweak)) {}
  bool Encrypt(absl::string_view iv, absl::Span<const char> in,
               char* out) override {
    return Run(&BlockCrypt::Encrypt, iv, in, out);
  }
  bool Decrypt(absl::string_view iv, absl::Span<const char> in,
               char* out) override {
    return Run(&BlockCrypt::Decrypt, iv, in, out);
  }

 private:
  static constexpr size_t kBlock = 16;
  using Direction = bool (BlockCrypt::*)(absl::string_view,
                                         absl::Span<const char>, char*);

  bool Run(Direction direction, absl::string_view iv, absl::Span<const char> in,
           char* out) {
    if (iv.size() != kBlock || in.size() % kBlock != 0) return false;
    unsigned char t[kBlock];
    if (!tweak_->Encrypt("", absl::MakeConstSpan(iv.data(), kBlock),
                         reinterpret_cast<char*>(t))) {
      return false;
    }
    std::string tweaks(in.size(), '\0');
    for (size_t at = 0; at < in.size(); at += kBlock) {
      unsigned carry = 0;
      for (size_t i = 0; i < kBlock; ++i) {
        tweaks[at + i] = static_cast<char>(t[i]);
        const unsigned next = t[i] >> 7;
        t[i] = static_cast<unsigned char>(t[i] << 1 | carry);
        carry = next;
      }
      // x^128 + x^7 + x^2 + x + 1
      if (carry != 0) t[0] ^= 0x87;
    }
    std::string block(in.size(), '\0');
    for (size_t i = 0; i < in.size(); ++i) {
      block[i] = static_cast<char>(in[i] ^ tweaks[i]);
    }
    if (!((*data_).*direction)("", block, block.data())) return false;
    for (size_t i = 0; i < in.size(); ++i) {
      out[i] = static_cast<char>(block[i] ^ tweaks[i]);
    }
    return true;
  }

  const std::unique_ptr<BlockCrypt> data_, tweak_;
};

// "xts(aes)" with a key of 64 bytes: "aes-256-xts".
std::string CipherName(absl::string_view name, size_t key_bytes) {
  const size_t open = name.find('(');
  if (open == name.npos || !absl::ConsumeSuffix(&name, ")")) return "";
  const absl::string_view mode = name.substr(0, open);
  absl::string_view cipher = name.substr(open + 1);
  const size_t bits = key_bytes * 8 / (mode == "xts" ? 2 : 1);
  if (cipher == "des3_ede") return absl::StrCat("des-ede3-", mode);
  if (cipher == "sm4") return absl::StrCat("sm4-", mode);
  return absl::StrCat(cipher, "-", bits, "-", mode);
}

}  // namespace

size_t EvpHash::BlockBytes() const {
  return static_cast<size_t>(Library()->EVP_MD_get_block_size(md_));
}

std::string EvpHash::Digest(absl::Span<const absl::string_view> parts) const {
  const Libcrypto& lib = *Library();
  EVP_MD_CTX* ctx = lib.EVP_MD_CTX_new();
  bool ok = ctx != nullptr && lib.EVP_DigestInit_ex(ctx, md_, nullptr) == 1;
  for (absl::string_view part : parts) {
    ok = ok && lib.EVP_DigestUpdate(ctx, part.data(), part.size()) == 1;
  }
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  ok = ok && lib.EVP_DigestFinal_ex(ctx, digest, &size) == 1;
  lib.EVP_MD_CTX_free(ctx);
  if (!ok) return "";
  if (size_ != 0) size = std::min(size, static_cast<unsigned>(size_));
  return std::string(reinterpret_cast<const char*>(digest), size);
}

const HashFunction* FindHashFunction(absl::string_view name) {
  static auto* mu = new absl::Mutex;
  static auto* known = new std::map<std::string, std::unique_ptr<HashFunction>>;
  absl::MutexLock lock(mu);
  const std::string plain = WithoutDriver(name);
  auto [it, is_new] = known->try_emplace(plain);
  if (is_new) it->second = NewHash(plain);
  return it->second.get();
}

std::string Hmac(const HashFunction& hash, std::string key,
                 absl::Span<const absl::string_view> parts) {
  const size_t block = hash.BlockBytes();
  if (key.size() > block) key = hash.Digest({key});
  key.resize(block, 0);
  std::string inner = key, outer = key;
  for (char& c : inner) c = static_cast<char>(c ^ 0x36);
  for (char& c : outer) c = static_cast<char>(c ^ 0x5c);
  std::vector<absl::string_view> all = {inner};
  all.insert(all.end(), parts.begin(), parts.end());
  return hash.Digest({outer, hash.Digest(all)});
}

std::unique_ptr<BlockCrypt> BlockCrypt::Create(absl::string_view name,
                                               absl::string_view key) {
  if (absl::StrContains(name, "(cipher_null)")) {
    return std::make_unique<NullCrypt>();
  }
  const Libcrypto* lib = Library();
  if (lib == nullptr) return nullptr;
  const std::string evp = CipherName(name, key.size());
  const EVP_CIPHER* cipher =
      evp.empty() ? nullptr : lib->EVP_get_cipherbyname(evp.c_str());
  if (cipher != nullptr &&
      lib->EVP_CIPHER_get_key_length(cipher) == static_cast<int>(key.size())) {
    auto crypt = std::make_unique<EvpCrypt>(cipher, key);
    if (crypt->ok()) return crypt;
  }
  absl::string_view inner = name;
  if (!absl::ConsumePrefix(&inner, "xts(")) return nullptr;
  const std::string ecb = absl::StrCat("ecb(", inner);
  const size_t half = key.size() / 2;
  std::unique_ptr<BlockCrypt> data = Create(ecb, key.substr(0, half));
  std::unique_ptr<BlockCrypt> tweak = Create(ecb, key.substr(half));
  if (data == nullptr || tweak == nullptr) return nullptr;
  return std::make_unique<XtsCrypt>(std::move(data), std::move(tweak));
}

std::string BytesOfHex(absl::string_view hex) {
  return absl::HexStringToBytes(hex);
}

}  // namespace dmdax
