// SPDX-License-Identifier: Apache-2.0
//
// The keys of the machine's kernel: those of type "logon", which tables name
// and no program reads. Mirrors: logon_vet_description, user_preparse of
// security/keys/user_defined.c; a key is there for all programs of the machine,
// as if they had one session.
#include <linux/keyctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/keyring.h"
#include "base/units.h"
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

// key_create_or_update(): who has a key may do all but read it, its user may
// see that it is there.
constexpr uint32_t kPermissions = 0x3d010000, kAllPermissions = 0x3f3f3f3f;

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

absl::Status Dispatch::DropKey(const std::string& description, size_t bytes) {
  const absl::Status kept = Change(
      [&](Session& session) {
        session.machine->keys().Remove(kLogon, description);
      },
      Resident::Touches::kNoted);
  if (!kept.ok()) return kept;
  const uint64_t freed = QuotaOf(description, bytes);
  if (key_bytes_) *key_bytes_ -= std::min(*key_bytes_, freed);
  return absl::OkStatus();
}

// EDQUOT, or the state's trouble.
Answer Dispatch::PutKey(const std::string& description, std::string payload) {
  if (!CountKey(description, payload.size())) return {.error = EDQUOT};
  const absl::Status kept = Change(
      [&](Session& session) {
        session.machine->keys().Add({.type = kLogon,
                                     .description = description,
                                     .bytes = payload.size(),
                                     .payload = std::move(payload)});
      },
      Resident::Touches::kNoted);
  return kept.ok() ? Answer{} : StateFailure(kept);
}

// keyctl(2) of a key that is there and may be used.
Answer Dispatch::ControlKey(const Request& request, KnownKey& known,
                            const Key& key) {
  const auto what = static_cast<int>(request.head.arg[1]);
  switch (what) {
    case KEYCTL_REVOKE:
    case KEYCTL_UNLINK:
    case KEYCTL_INVALIDATE: {
      const absl::Status kept = DropKey(key.description, key.bytes);
      return kept.ok() ? Answer{} : StateFailure(kept);
    }
    case KEYCTL_GET_KEYRING_ID:
      return {.arg0 = request.head.arg[0]};
    case KEYCTL_LINK:
      return {};
    case KEYCTL_SETPERM: {
      uint64_t perm = 0;
      memcpy(&perm, request.bytes.data(),
             std::min(sizeof(perm), request.bytes.size()));
      if ((perm & ~uint64_t{kAllPermissions}) != 0) return {.error = EINVAL};
      known.permissions = static_cast<uint32_t>(perm);
      return {};
    }
    case KEYCTL_UPDATE:
      if (request.bytes.empty() || request.bytes.size() > kPageSize) {
        return {.error = EINVAL};
      }
      return PutKey(key.description, request.bytes);
    case KEYCTL_DESCRIBE:
      return {.bytes = absl::StrFormat("%s;%d;%d;%08x;%s", kLogon, geteuid(),
                                       getegid(), known.permissions,
                                       key.description) +
                       '\0'};
    case KEYCTL_GET_SECURITY:  // there is no LSM
      return {.bytes = std::string(1, '\0')};
    case KEYCTL_READ:
    case KEYCTL_PKEY_QUERY:  // nobody reads such a key
      return {.error = EOPNOTSUPP};
    case KEYCTL_CLEAR:
      return {.error = ENOTDIR};
    case KEYCTL_INSTANTIATE:
    case KEYCTL_INSTANTIATE_IOV:
    case KEYCTL_NEGATE:
    case KEYCTL_REJECT:  // nobody has been asked to make it
      return {.error = EPERM};
    default:
      return Failure(DmNotModelled(
          absl::StrCat("keyctl(2), operation ", what, ", of a logon key"),
          "KEYCTL_REVOKE, UNLINK, UPDATE, DESCRIBE"));
  }
}

Answer Dispatch::ControlKey(const Request& request) {
  const uint64_t index = request.head.arg[0] - DMDAX_FIRST_KEY;
  if (index >= keys_.size()) return {.error = ENOKEY};
  KnownKey& known = keys_[index];
  const std::optional<Key> key =
      machine_.session().machine->keys().Find(kLogon, known.description);
  if (key) return ControlKey(request, known, *key);
  // Of one that is revoked the link is still there.
  return {.error = request.head.arg[1] == KEYCTL_UNLINK ? 0 : EKEYREVOKED};
}

Answer Dispatch::UseKey(const Request& request) {
  if (request.head.flags == DMDAX_KEY_CONTROL) {
    return ControlKey(request);
  }
  KeyWords key;
  if (!Split(request.bytes, &key) || key.type != kLogon) {
    return {.error = EINVAL};
  }
  if (request.head.flags == DMDAX_KEY_ADD) {
    if (!IsValid(key)) return {.error = EINVAL};
    if (Answer put = PutKey(key.description, key.payload); put.error != 0) {
      return put;
    }
  } else if (!machine_.session().machine->keys().Find(kLogon,
                                                      key.description)) {
    return {.error = ENOKEY};
  }
  const auto [known, is_new] =
      key_numbers_.try_emplace(key.description, keys_.size());
  if (is_new) keys_.push_back({key.description, kPermissions});
  return {.arg0 = DMDAX_FIRST_KEY + known->second};
}

}  // namespace dmdax
