// SPDX-License-Identifier: Apache-2.0
//
// TargetVersions: which version a dm target has in which kernel.
//
// A target writes its history once.  Each entry says since which release a
// version holds; a release that changed nothing is not listed:
//
//   {{k4_14, 1, 4, 0}, {k7_2, 1, 5, 0}}    1.4.0, and 1.5.0 from 7.2 on
//   {{k5_10, 1, 0, 0}}                     kernels before 5.10 lack it
//   {{k4_14, 1, 0, 0}, GoneSince(k5_10)}   and these have had it
//
// Any release will do, such as {KernelRelease{6, 18}, 1, 6, 0}.
//
// Mirrors: target_type::version of include/linux/device-mapper.h.
// Threading: constants.
#ifndef DMDAX_DM_TARGET_VERSIONS_H_
#define DMDAX_DM_TARGET_VERSIONS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>

#include "base/kernel_release.h"

namespace dmdax {

using TargetVersion = std::array<uint32_t, 3>;

// The version that a target has from a release on.
struct VersionSince {
  KernelRelease since;
  TargetVersion version;
};

// From that release on a kernel has no such target, or has another TargetType
// of the same name.
constexpr VersionSince GoneSince(KernelRelease since) { return {since, {}}; }

// A history that is not in order calls this, which the compiler refuses.
void VersionsAreNotInOrder();

// The history, oldest first; the compiler refuses another order.
class TargetVersions {
 public:
  constexpr TargetVersions() = default;
  consteval TargetVersions(std::initializer_list<VersionSince> history) {
    for (const VersionSince& next : history) {
      if (nr_ > 0 && next.since <= history_[nr_ - 1].since) {
        VersionsAreNotInOrder();
      }
      history_[nr_++] = next;
    }
  }

  // {0,0,0}: a kernel of this release has no such target.
  constexpr TargetVersion At(KernelRelease release) const {
    TargetVersion version{};
    for (size_t i = 0; i < nr_ && history_[i].since <= release; ++i) {
      version = history_[i].version;
    }
    return version;
  }

 private:
  std::array<VersionSince, 8> history_{};
  size_t nr_ = 0;
};

// The same version in every kernel.
consteval TargetVersions DmVersion(uint32_t a, uint32_t b, uint32_t c) {
  return {{KernelRelease{}, a, b, c}};
}

}  // namespace dmdax

#endif  // DMDAX_DM_TARGET_VERSIONS_H_
