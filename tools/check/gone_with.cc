// SPDX-License-Identifier: Apache-2.0
#include "tools/check/gone_with.h"

#include <algorithm>
#include <utility>

namespace dmdax {

void TellGone(const std::vector<Obstacle>& beside, const Obstacle& cured,
              Patient& p, std::vector<Obstacle>& told) {
  for (const Obstacle& before : beside) {
    const auto is_it = [&](const Obstacle& o) {
      return KeyOf(o) == KeyOf(before);
    };
    if (is_it(cured) || p.met.contains(KeyOf(before)) ||
        std::any_of(p.look.obstacles.begin(), p.look.obstacles.end(), is_it)) {
      continue;
    }
    p.met[KeyOf(before)] = before.bytes;
    Obstacle gone = before;
    gone.cure = cured.cure;
    gone.tried = true;
    gone.after = cured.after;
    told.push_back(std::move(gone));
  }
}

}  // namespace dmdax
