// SPDX-License-Identifier: Apache-2.0
//
// DaxAccess: what dax_direct_access() answers.
//
//   DaxAccess access = DaxDirectAccess(dev, pgoff_t{256}, 512, mode, nullptr);
//   if (access.ret > 0) Use(access.pfn, access.ret, access.kaddr);
//
// Plain numbers like the kernel's `long` and its out-parameters, so that an
// error costs what a hit costs.
//
// Mirrors: enum dax_access_mode, and the return value, pfn and kaddr of
// dax_direct_access, of include/linux/dax.h (6.1); PFN_DEV and PFN_MAP of
// include/linux/pfn_t.h (until 6.16).
// Threading: plain values.
#ifndef DMDAX_DAX_DAX_ACCESS_H_
#define DMDAX_DAX_DAX_ACCESS_H_

#include <algorithm>
#include <cstdint>

#include "base/units.h"

namespace dmdax {

// enum dax_access_mode.
enum class DaxAccessMode { kAccess = 0, kRecoveryWrite = 1 };

// The PFN_* bits that went with a pfn_t (include/linux/pfn_t.h, until 6.16).
// Bits of our own numbering: only their presence is observable.
enum PfnFlags : uint32_t {
  PFN_DEV = 1,  // not RAM
  PFN_MAP = 2,  // has a struct page
};

// What an operation answers.  `ret` > 0: that many pages from `pfn` on;
// 0: none; < 0: -errno, the other fields are then meaningless.
struct DaxAccess {
  int64_t ret;
  pfn_t pfn;
  uint32_t pfn_flags;
  void* kaddr;  // null when the leaf has no bytes

  static constexpr DaxAccess Error(int err) { return DaxAccess{.ret = -err}; }
};

// Where the bytes of pages are, if anywhere: those of page `n` after `kaddr`.
inline void* KaddrOf(char* kaddr, uint64_t n) {
  return kaddr == nullptr ? nullptr : kaddr + (n << kPageShift);
}

// A device whose every page in [0, pages) is pfn + page, up to its end in one
// run.
struct DaxWindow {
  uint64_t pages = 0;  // below 2^63
  pfn_t pfn{};
  uint32_t pfn_flags = 0;
  char* kaddr = nullptr;  // of page 0; null when the leaf has no bytes

  // dax_direct_access() for a page of it; nr_pages >= 1.
  DaxAccess At(uint64_t page, int64_t nr_pages) const {
    return {std::min(static_cast<int64_t>(pages - page), nr_pages), pfn + page,
            pfn_flags, KaddrOf(kaddr, page)};
  }
};

}  // namespace dmdax

#endif  // DMDAX_DAX_DAX_ACCESS_H_
