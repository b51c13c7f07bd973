// SPDX-License-Identifier: Apache-2.0
//
// get_user_pages(): a driver takes the pages behind a user address.  It waits
// for a verb: no command asks for it yet, only tests/seeds and tests/mm do.
//
//   absl::StatusOr<std::vector<pfn_t>> pages =
//       GetUserPages(mm, addr, 1, FOLL_GET | FOLL_WRITE);
//   PutUserPages(mm, *pages, FOLL_GET);
//
// Until 6.14 a DAX entry is no normal page: the walk takes a reference on the
// memory's dev_pagemap first.  GetDevPagemap() is null when no range holds the
// frame or its reference count is dying; at PTE level the walk then says "no
// page", the fault finds the entry present and changes nothing, and the
// kernel goes round until the entry is gone or a fatal signal comes.  At PMD
// level it is -EFAULT at once.  Since 6.15 the page itself is counted.
//
// Mirrors: mm/gup.c follow_page_pte, follow_devmap_pmd, check_vma_flags,
// __get_user_pages (6.1; 4.14, 6.15 by profile).
#ifndef DMDAX_MM_GUP_H_
#define DMDAX_MM_GUP_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "mm/mm_struct.h"

namespace dmdax {

// FOLL_*: what the caller wants.  A set of bits.
enum FollFlags : unsigned {
  FOLL_WRITE = 1 << 0,
  FOLL_GET = 1 << 1,
  FOLL_DUMP = 1 << 2,
  FOLL_HWPOISON = 1 << 3,
  FOLL_LONGTERM = 1 << 4,
  FOLL_PIN = 1 << 5,
};

// References one pin of a small page is worth (GUP_PIN_COUNTING_BIAS).
inline constexpr int kGupPinCountingBias = 1024;

// What follow_page_mask() answers: a page, an error, or neither ("NULL": the
// caller faults and asks again).
struct FollowedPage {
  bool found = false;
  pfn_t pfn{};
  int err = 0;  // -errno
  bool null() const { return !found && err == 0; }
};

// One look at the page tables, without a fault.  A page found holds its
// reference; *pgmap (may be null on entry) keeps the pagemap's.
FollowedPage FollowPage(MmStruct& mm, VmAreaStruct& vma, uint64_t addr,
                        unsigned flags, DevPagemap** pgmap);

// The pages of [addr, addr + nr pages).  Errors: EFAULT (no such mapping,
// VM_IO or VM_PFNMAP, no rights, SIGBUS, a dying PMD), EOPNOTSUPP
// (FOLL_LONGTERM on file-system DAX), EEXIST (a frame without a page), EINVAL
// (GET and PIN), ENOMEM, EHWPOISON, EINTR (the endless loop above).
absl::StatusOr<std::vector<pfn_t>> GetUserPages(MmStruct& mm, uint64_t addr,
                                                uint64_t nr, unsigned flags);
void PutUserPages(MmStruct& mm, absl::Span<const pfn_t> pages, unsigned flags);

}  // namespace dmdax

#endif  // DMDAX_MM_GUP_H_
