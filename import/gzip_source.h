// SPDX-License-Identifier: Apache-2.0
//
// GzipSource: the bytes of a gzip file, a block at a time, and whether they are
// what was packed.
//
//   GzipSource source(packed);
//   absl::StatusOr<absl::string_view> block = source.Next();
//   block->size();  // 6
//
// libarchive unpacks gzip as well, but compares no checksum and takes anything
// behind the last one.
// Mirrors: RFC 1952; zeros behind the end are padding, as to gzip(1).
// Threading: thread-compatible.
#ifndef DMDAX_IMPORT_GZIP_SOURCE_H_
#define DMDAX_IMPORT_GZIP_SOURCE_H_

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

struct z_stream_s;

namespace dmdax {

class GzipSource {
 public:
  static bool IsGzip(absl::string_view bytes);

  // `bytes` must outlive it.
  explicit GzipSource(absl::string_view bytes);
  ~GzipSource();
  GzipSource(const GzipSource&) = delete;
  GzipSource& operator=(const GzipSource&) = delete;

  // Valid until the next call.  EINVAL: damaged, cut, or followed by what is
  // no gzip.
  absl::StatusOr<absl::string_view> Next();

 private:
  // Between two files in one.
  absl::Status EndFile();

  absl::string_view rest_;
  std::unique_ptr<z_stream_s> stream_;
  std::vector<char> block_;
  bool inside_ = true;
};

}  // namespace dmdax

#endif  // DMDAX_IMPORT_GZIP_SOURCE_H_
