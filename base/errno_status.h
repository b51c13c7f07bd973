// SPDX-License-Identifier: Apache-2.0
//
// absl::Status that carries a kernel errno.
//
// Every failure that the kernel would report has the errno as a payload, so
// that the layer at the edge (a command, an ioctl reply) can print
// "Invalid argument" or return -EINVAL without guessing from the status code.
//
//   absl::Status s = ErrnoError(EINVAL, "Invalid device sector");
//   ErrnoOf(s);            // EINVAL
//   ErrnoName(ErrnoOf(s)); // "EINVAL"
//   s.message();           // "Invalid device sector"
//
// Mirrors: errno values of include/uapi/asm-generic/errno*.h; they are the
// host's <cerrno>, which on Linux are the same numbers.
#ifndef DMDAX_BASE_ERRNO_STATUS_H_
#define DMDAX_BASE_ERRNO_STATUS_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace dmdax {

// A status for the positive errno `err` (EINVAL, not -EINVAL).  Its code is
// absl::ErrnoToStatusCode(err); an empty `message` becomes the errno's name.
// err == 0 gives OkStatus().
absl::Status ErrnoError(int err, absl::string_view message);

// The errno that `status` carries: 0 for OK.  A status made elsewhere, which
// carries none, answers EINVAL (a caller's mistake is the likeliest cause).
int ErrnoOf(const absl::Status& status);

// "EINVAL" for EINVAL; the decimal number for one that has no name.  What the
// kernel's %pe prints, without the sign.
std::string ErrnoName(int err);

// "Invalid argument" for EINVAL: the C library's text, as libdevmapper
// prints it.
std::string ErrnoText(int err);

}  // namespace dmdax

#endif  // DMDAX_BASE_ERRNO_STATUS_H_
