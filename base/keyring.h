// SPDX-License-Identifier: Apache-2.0
//
// Keyring: the keys of the kernel that a table may name.
//
//   Keyring keys;
//   keys.Add({.type = "logon", .description = "disk:1", .bytes = 32});
//   keys.Find("logon", "disk:1")->bytes;  // 32
//
// What a key consists of is never shown.  It is known of one that a program of
// `dmdax run` has added, and of no other.
// Mirrors: add_key(2), request_key of security/keys (6.1), as far as a program
// meets it that may use every key.
// Threading: thread-safe.
#ifndef DMDAX_BASE_KEYRING_H_
#define DMDAX_BASE_KEYRING_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"

namespace dmdax {

struct Key {
  std::string type;         // "user", "logon", "encrypted"
  std::string description;  // of logon: "class:name"
  uint64_t bytes = 0;
  std::string payload = "";  // these bytes, or "": not known
};

class Keyring {
 public:
  // add_key(2): a key of that type and description is replaced.
  void Add(Key key) {
    absl::MutexLock lock(&mu_);
    std::pair<std::string, std::string> name(key.type, key.description);
    keys_.insert_or_assign(std::move(name), std::move(key));
  }
  // request_key(): nothing is ENOKEY.
  std::optional<Key> Find(absl::string_view type,
                          absl::string_view description) const {
    absl::MutexLock lock(&mu_);
    auto it = keys_.find({std::string(type), std::string(description)});
    if (it == keys_.end()) return std::nullopt;
    return it->second;
  }
  // keyctl(KEYCTL_REVOKE), keyctl(KEYCTL_UNLINK).
  void Remove(absl::string_view type, absl::string_view description) {
    absl::MutexLock lock(&mu_);
    keys_.erase({std::string(type), std::string(description)});
  }
  std::vector<Key> All() const {
    absl::MutexLock lock(&mu_);
    std::vector<Key> keys;
    for (const auto& [name, key] : keys_) keys.push_back(key);
    return keys;
  }

 private:
  mutable absl::Mutex mu_;
  std::map<std::pair<std::string, std::string>, Key> keys_ ABSL_GUARDED_BY(mu_);
};

}  // namespace dmdax

#endif  // DMDAX_BASE_KEYRING_H_
