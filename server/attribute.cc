// SPDX-License-Identifier: Apache-2.0
#include "server/attribute.h"

#include <cerrno>
#include <cstdint>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/errno_status.h"
#include "block/queue_sysfs.h"
#include "block/read_ahead.h"

namespace dmdax {
namespace {

// sys devices virtual block NAME ... or sys devices virtual bdi MAJOR:MINOR
BlockDevice* DeviceOf(Session& session, absl::Span<const std::string> words) {
  if (words[3] == "block") return session.machine->FindBdevByName(words[4]);
  const std::optional<DevT> dev = ScanMajorMinor(words[4]);
  return dev ? session.machine->FindBdev(*dev) : nullptr;
}

}  // namespace

absl::Status StoreAttribute(Session& session, const std::string& path,
                            absl::string_view text) {
  const std::vector<std::string> words = absl::StrSplit(path, '/');
  if (words.size() < 6 || (words[3] != "block" && words[3] != "bdi")) {
    return ErrnoError(ENOTSUP, absl::StrCat("/", path, " is not modelled"));
  }
  BlockDevice* const bdev = DeviceOf(session, words);
  if (bdev == nullptr) return ErrnoError(ENODEV, "no such disk");
  session.machine->changed().Device(bdev->whole().dev());
  const std::string& name = words.back();
  // An event for udev, which nobody hears.
  if (name == "uevent") return absl::OkStatus();
  uint64_t number;
  if (!absl::SimpleAtoi(absl::StripAsciiWhitespace(text), &number)) {
    return ErrnoError(EINVAL, absl::StrCat("'", text, "' is no number"));
  }
  if (name == "read_ahead_kb") {
    SetReadAheadKb(bdev->queue(), number);
    return absl::OkStatus();
  }
  if (name == "max_sectors_kb") {
    if (number > UINT32_MAX) return ErrnoError(EINVAL, "too much");
    return QueueMaxSectorsStore(*bdev, static_cast<uint32_t>(number),
                                session.machine->profile());
  }
  return ErrnoError(ENOTSUP,
                    absl::StrCat("a write to /", path, " is not modelled"));
}

}  // namespace dmdax
