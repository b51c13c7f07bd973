// SPDX-License-Identifier: Apache-2.0
#include "import/filter_source.h"

#include <archive.h>
#include <archive_entry.h>

#include <algorithm>
#include <cerrno>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/errno_status.h"

namespace dmdax {
namespace {

struct Filter {
  absl::string_view magic, name;
  int (*support)(archive*);
};
constexpr Filter kFilters[] = {
    {absl::string_view("\xfd"
                       "7zXZ\0",
                       6),
     "xz", archive_read_support_filter_xz},
    {"BZh", "bzip2", archive_read_support_filter_bzip2},
    {"\x28\xb5\x2f\xfd", "zstd", archive_read_support_filter_zstd},
};

const Filter* FindFilter(absl::string_view bytes) {
  for (const Filter& filter : kFilters) {
    if (absl::StartsWith(bytes, filter.magic)) return &filter;
  }
  return nullptr;
}

// archive_read_callback()
la_ssize_t ReadBlock(archive* /*a*/, void* data, const void** block) {
  constexpr size_t kBlock = size_t{64} << 10;
  auto* const rest = static_cast<absl::string_view*>(data);
  const absl::string_view next = rest->substr(0, kBlock);
  rest->remove_prefix(next.size());
  *block = next.data();
  return static_cast<la_ssize_t>(next.size());
}

}  // namespace

bool FilterSource::IsPacked(absl::string_view bytes) {
  return FindFilter(bytes) != nullptr;
}

FilterSource::FilterSource(absl::string_view bytes)
    : bytes_(bytes), rest_(bytes), archive_(archive_read_new()) {
  FindFilter(bytes)->support(archive_);
  archive_read_support_format_raw(archive_);
  status_ = archive_read_open(archive_, &rest_, nullptr, ReadBlock, nullptr);
  if (status_ != ARCHIVE_OK) return;
  known_ = archive_filter_code(archive_, 0) != ARCHIVE_FILTER_NONE;
  archive_entry* entry = nullptr;
  status_ = known_ ? archive_read_next_header(archive_, &entry) : ARCHIVE_FATAL;
}

FilterSource::~FilterSource() { archive_read_free(archive_); }

absl::StatusOr<absl::string_view> FilterSource::Next() {
  while (status_ == ARCHIVE_OK || status_ == ARCHIVE_WARN) {
    const void* block = nullptr;
    size_t size = 0;
    la_int64_t offset = 0;
    status_ = archive_read_data_block(archive_, &block, &size, &offset);
    if (status_ != ARCHIVE_OK && status_ != ARCHIVE_WARN) break;
    if (size > 0) {
      return absl::string_view(static_cast<const char*>(block), size);
    }
  }
  if (status_ == ARCHIVE_EOF) return End();
  const char* why =
      known_ ? archive_error_string(archive_) : "its header is damaged";
  return ErrnoError(
      EINVAL, absl::StrCat(FindFilter(bytes_)->name, ": ",
                           why == nullptr ? "unknown error" : why, ", after ",
                           Used(), " of ", bytes_.size(),
                           " packed bytes: is it damaged, cut, or does "
                           "something else follow?"));
}

size_t FilterSource::Used() const {
  const la_int64_t used = archive_filter_bytes(archive_, -1);
  return used < 0 ? 0 : static_cast<size_t>(used);
}

// libarchive's bzip2 takes anything behind the last stream.
absl::StatusOr<absl::string_view> FilterSource::End() const {
  const absl::string_view more = bytes_.substr(std::min(bytes_.size(), Used()));
  if (more.find_first_not_of('\0') == more.npos) return absl::string_view();
  return ErrnoError(
      EINVAL, absl::StrCat("behind the end of the ", FindFilter(bytes_)->name,
                           " data there are ", more.size(), " bytes more"));
}

}  // namespace dmdax
