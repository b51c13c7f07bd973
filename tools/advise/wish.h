// SPDX-License-Identifier: Apache-2.0
//
// AdviceWish: what somebody wants of persistent memory.
//
//   AdviceWish wish{.size = uint64_t{6} << 30, .stripes = 2};
//   WishText(wish);     // "6 GiB, 2 stripes, ext4, 2 MiB pages"
//   WishOptions(wish);  // "--size 6G --stripes 2 --fs ext4 --page 2m"
// Threading: plain values.
#ifndef DMDAX_TOOLS_ADVISE_WISH_H_
#define DMDAX_TOOLS_ADVISE_WISH_H_

#include <cstdint>
#include <string>

namespace dmdax {

enum class AdvisePage { k4K, k2M, k1G };

// What stands on the volume.  kNone: whatever maps the volume itself.
enum class AdviseFs { kExt4, kXfs, kNone };

struct AdviceWish {
  uint64_t size = 0;  // bytes; 0: as many as there is room for
  uint64_t stripes = 1;
  AdviseFs fs = AdviseFs::kExt4;
  AdvisePage page = AdvisePage::k2M;
  bool sync = false;  // MAP_SYNC
};

std::string FsName(AdviseFs fs);        // "ext4"; "none"
std::string PageName(AdvisePage page);  // "2m"
std::string PageText(AdvisePage page);  // "2 MiB pages"
std::string WishText(const AdviceWish& wish);
std::string WishOptions(const AdviceWish& wish);

// "6g", "1536m", "4k", "4097b": as LVM2 takes it, in the largest unit that
// divides it.
std::string LvmSize(uint64_t bytes);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_ADVISE_WISH_H_
