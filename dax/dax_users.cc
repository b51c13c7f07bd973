// SPDX-License-Identifier: Apache-2.0
#include "dax/dax_users.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <set>
#include <utility>

namespace dmdax {
namespace {

struct Uses {
  // Recursive: Compile() runs inside a change and names what it uses.
  std::recursive_mutex mu;
  std::map<DaxUser*, std::vector<const DaxDevice*>> below;
  std::map<const DaxDevice*, std::set<DaxUser*>> above;
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
  for (const DaxDevice* dev : uses.below[&user]) {
    auto above = uses.above.find(dev);
    above->second.erase(&user);
    if (above->second.empty()) uses.above.erase(above);
  }
  uses.below.erase(&user);
  if (below.empty()) return;
  std::sort(below.begin(), below.end());
  below.erase(std::unique(below.begin(), below.end()), below.end());
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
