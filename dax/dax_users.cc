// SPDX-License-Identifier: Apache-2.0
#include "dax/dax_users.h"

#include <algorithm>
#include <mutex>
#include <set>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"

namespace dmdax {
namespace {

struct Uses {
  // Recursive: Compile() runs inside a change and names what it uses.
  std::recursive_mutex mu;
  absl::flat_hash_map<DaxUser*, std::vector<const DaxDevice*>> below;
  absl::flat_hash_map<const DaxDevice*, absl::flat_hash_set<DaxUser*>> above;
};

Uses& AllUses() {
  static Uses* uses = new Uses;
  return *uses;
}

thread_local DaxStackChange* current_change = nullptr;

}  // namespace

void SetDaxUses(DaxUser& user, std::vector<const DaxDevice*> below) {
  Uses& uses = AllUses();
  std::lock_guard<std::recursive_mutex> lock(uses.mu);
  std::sort(below.begin(), below.end());
  below.erase(std::unique(below.begin(), below.end()), below.end());
  if (const auto before = uses.below.find(&user); before != uses.below.end()) {
    if (before->second == below) return;
    for (const DaxDevice* dev : before->second) {
      auto above = uses.above.find(dev);
      above->second.erase(&user);
      if (above->second.empty()) uses.above.erase(above);
    }
    uses.below.erase(before);
  }
  if (below.empty()) return;
  for (const DaxDevice* dev : below) uses.above[dev].insert(&user);
  uses.below[&user] = std::move(below);
}

DaxStackChange::DaxStackChange(const DaxDevice& dev, DaxUser* self)
    : outer_(current_change) {
  // Held until the change ends, so changes come one after the other.
  AllUses().mu.lock();
  current_change = this;
  Affect(dev, self);
  for (DaxUser* user : affected_) user->DropCompiled();
}

// Depth first, without recursion, because stacks may be deep.  A user comes
// after all users above it, so the reverse is an order to compile in.  A device
// that is stacked on itself comes once.
void DaxStackChange::Affect(const DaxDevice& dev, DaxUser* self) {
  // Most devices have nobody above them.
  if (!AllUses().above.contains(self != nullptr ? &self->dax_dev() : &dev)) {
    if (self != nullptr) affected_.push_back(self);
    return;
  }
  std::set<DaxUser*> entered;
  std::set<DaxUser*> done;
  std::vector<DaxUser*> open;
  const auto push_users_of = [&](const DaxDevice& device) {
    auto above = AllUses().above.find(&device);
    if (above == AllUses().above.end()) return;
    for (DaxUser* user : above->second) {
      if (entered.count(user) == 0) open.push_back(user);
    }
  };
  if (self != nullptr) {
    open.push_back(self);
  } else {
    push_users_of(dev);
  }
  while (!open.empty()) {
    DaxUser* user = open.back();
    if (entered.insert(user).second) {
      push_users_of(user->dax_dev());
      continue;
    }
    open.pop_back();
    if (done.insert(user).second) affected_.push_back(user);
  }
}

DaxStackChange::~DaxStackChange() {
  current_change = outer_;
  // An outer change that covers this one compiles once, at its own end.
  for (auto user = affected_.rbegin(); user != affected_.rend(); ++user) {
    const bool later =
        outer_ != nullptr &&
        std::find(outer_->affected_.begin(), outer_->affected_.end(), *user) !=
            outer_->affected_.end();
    if (!later) (*user)->Compile();
  }
  AllUses().mu.unlock();
}

}  // namespace dmdax
