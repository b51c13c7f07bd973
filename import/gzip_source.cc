// SPDX-License-Identifier: Apache-2.0
#include "import/gzip_source.h"

#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/errno_status.h"

namespace dmdax {
namespace {

constexpr size_t kBlock = size_t{256} << 10;
constexpr int kGzipOnly = 16 + MAX_WBITS;

}  // namespace

bool GzipSource::IsGzip(absl::string_view bytes) {
  return absl::StartsWith(bytes, "\x1f\x8b");
}

GzipSource::GzipSource(absl::string_view bytes)
    : rest_(bytes), stream_(std::make_unique<z_stream_s>()), block_(kBlock) {
  *stream_ = {};
  inflateInit2(stream_.get(), kGzipOnly);
}

GzipSource::~GzipSource() { inflateEnd(stream_.get()); }

absl::Status GzipSource::EndFile() {
  inside_ = false;
  if (IsGzip(rest_)) {
    inflateReset(stream_.get());
    inside_ = true;
  } else if (rest_.find_first_not_of('\0') != rest_.npos) {
    return ErrnoError(EINVAL,
                      absl::StrCat("behind the end of the gzip data there are ",
                                   rest_.size(), " bytes more"));
  }
  return absl::OkStatus();
}

absl::StatusOr<absl::string_view> GzipSource::Next() {
  // A file in one may be empty.
  while (inside_) {
    // Its counts are of 32 bits.
    const size_t given = std::min(rest_.size(), kBlock);
    stream_->next_in =
        reinterpret_cast<Bytef*>(const_cast<char*>(rest_.data()));
    stream_->avail_in = static_cast<uInt>(given);
    stream_->next_out = reinterpret_cast<Bytef*>(block_.data());
    stream_->avail_out = static_cast<uInt>(block_.size());
    const int rc = inflate(stream_.get(), Z_NO_FLUSH);
    rest_.remove_prefix(given - stream_->avail_in);
    const size_t size = block_.size() - stream_->avail_out;
    if (rc == Z_STREAM_END) {
      if (absl::Status s = EndFile(); !s.ok()) return s;
    } else if (rc == Z_BUF_ERROR && rest_.empty()) {
      return ErrnoError(EINVAL, "the gzip data end too early: is it cut?");
    } else if (rc != Z_OK && rc != Z_BUF_ERROR) {
      return ErrnoError(EINVAL, absl::StrCat("gzip: ", stream_->msg == nullptr
                                                           ? "damaged"
                                                           : stream_->msg));
    }
    if (size > 0) return absl::string_view(block_.data(), size);
  }
  return absl::string_view();
}

}  // namespace dmdax
