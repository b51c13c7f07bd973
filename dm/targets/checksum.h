// SPDX-License-Identifier: Apache-2.0
//
// The hash functions of the kernel's crypto API that libcrypto has not, as the
// kernel computes them: checksums, and BLAKE2b of any length.
//
//   std::unique_ptr<Checksum> sum = NewChecksum("crc32c");
//   sum->Update(salt);
//   sum->Update(block);
//   std::string digest = sum->Final();  // 4 bytes
//
// The kernel's crc32 begins with 0 and is not turned over in the end, unlike
// that of zlib.
// Mirrors: crypto/crc32.c, crc32c.c, crct10dif_common.c, xxhash_generic.c,
// blake2b_generic.c (6.1), by their public descriptions: RFC 3720, T10 SBC-3,
// the xxHash specification 0.1.1, RFC 7693.
// Threading: thread-compatible.
#ifndef DMDAX_DM_TARGETS_CHECKSUM_H_
#define DMDAX_DM_TARGETS_CHECKSUM_H_

#include <memory>
#include <string>

#include "absl/strings/string_view.h"

namespace dmdax {

class Checksum {
 public:
  virtual ~Checksum() = default;
  virtual void Update(absl::string_view bytes) = 0;
  // Once, at the end.
  virtual std::string Final() = 0;
};

// Null: it is none of "crc32", "crc32c", "crct10dif", "xxhash64", "blake2b-N".
std::unique_ptr<Checksum> NewChecksum(absl::string_view name);

}  // namespace dmdax

#endif  // DMDAX_DM_TARGETS_CHECKSUM_H_
