// SPDX-License-Identifier: Apache-2.0
//
// The keys of the machine's kernel: those of type "logon", which tables name
// and no program reads. Mirrors: logon_vet_description, user_preparse of
// security/keys/user_defined.c; a key is there for all programs of the machine,
// as if they had one session.
#include <linux/keyctl.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <optional>
#include <string>

#include "base/keyring.h"
#include "server/dispatch.h"
#include "server/failure.h"

namespace dmdax {
namespace {

constexpr char kLogon[] = "logon";

struct KeyWords {
  std::string type, description, payload;
};

// False: a NUL is missing.
bool Split(const std::string& bytes, KeyWords* key) {
  const size_t first = bytes.find('\0');
  if (first == bytes.npos) return false;
  const size_t second = bytes.find('\0', first + 1);
  if (second == bytes.npos) return false;
  *key = {bytes.substr(0, first), bytes.substr(first + 1, second - first - 1),
          bytes.substr(second + 1)};
  return true;
}

bool IsValid(const KeyWords& key) {
  constexpr size_t kMost = 32767;
  const size_t colon = key.description.find(':');
  return colon != key.description.npos && colon != 0 && !key.payload.empty() &&
         key.payload.size() <= kMost;
}

// key_alloc(): of the user who has the machine, root (key_quota_root_maxbytes).
constexpr uint64_t kMostBytes = 25'000'000;

uint64_t QuotaOf(const std::string& description, size_t bytes) {
  return description.size() + 1 + bytes;
}

}  // namespace

bool Dispatch::CountKey(const std::string& description, size_t bytes) {
  const Keyring& keys = machine_.session().machine->keys();
  if (!key_bytes_) {
    key_bytes_ = 0;
    for (const Key& key : keys.All()) {
      *key_bytes_ += QuotaOf(key.description, key.bytes);
    }
  }
  uint64_t counted = *key_bytes_;
  if (const std::optional<Key> old = keys.Find(kLogon, description)) {
    counted -= std::min(counted, QuotaOf(description, old->bytes));
  }
  counted += QuotaOf(description, bytes);
  if (counted > kMostBytes) return false;
  key_bytes_ = counted;
  return true;
}

// What a program that has such a key does with it: it drops it.
Answer Dispatch::ControlKey(uint64_t number, uint64_t what) {
  if (what != KEYCTL_REVOKE && what != KEYCTL_UNLINK &&
      what != KEYCTL_INVALIDATE) {
    return {.error = EOPNOTSUPP};
  }
  const uint64_t index = number - DMDAX_FIRST_KEY;
  if (index >= keys_.size()) return {.error = ENOKEY};
  const std::string& description = keys_[index];
  const std::optional<Key> key =
      machine_.session().machine->keys().Find(kLogon, description);
  if (!key) {
    // Of one that is revoked the link is still there.
    return {.error = what == KEYCTL_UNLINK ? 0 : EKEYREVOKED};
  }
  const absl::Status kept = Change([&](Session& session) {
    session.machine->keys().Remove(kLogon, description);
  });
  if (!kept.ok()) return StateFailure(kept);
  const uint64_t freed = QuotaOf(description, key->bytes);
  if (key_bytes_) *key_bytes_ -= std::min(*key_bytes_, freed);
  return {};
}

Answer Dispatch::UseKey(const Request& request) {
  if (request.head.flags == DMDAX_KEY_CONTROL) {
    return ControlKey(request.head.arg[0], request.head.arg[1]);
  }
  KeyWords key;
  if (!Split(request.bytes, &key) || key.type != kLogon) {
    return {.error = EINVAL};
  }
  if (request.head.flags == DMDAX_KEY_ADD) {
    if (!IsValid(key)) return {.error = EINVAL};
    if (!CountKey(key.description, key.payload.size())) {
      return {.error = EDQUOT};
    }
    const absl::Status kept = Change([&](Session& session) {
      session.machine->keys().Add({.type = kLogon,
                                   .description = key.description,
                                   .bytes = key.payload.size(),
                                   .payload = key.payload});
    });
    if (!kept.ok()) return StateFailure(kept);
  } else if (!machine_.session().machine->keys().Find(kLogon,
                                                      key.description)) {
    return {.error = ENOKEY};
  }
  auto known = std::find(keys_.begin(), keys_.end(), key.description);
  if (known == keys_.end()) known = keys_.insert(known, key.description);
  return {.arg0 =
              DMDAX_FIRST_KEY + static_cast<uint64_t>(known - keys_.begin())};
}

}  // namespace dmdax
