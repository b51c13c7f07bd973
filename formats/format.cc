// SPDX-License-Identifier: Apache-2.0
#include "formats/format.h"

#include <algorithm>
#include <cerrno>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/errno_status.h"
#include "state/proto_utf8.h"

namespace dmdax {
namespace {

constexpr absl::string_view kByteOrderMark = "\xef\xbb\xbf";

bool IsControl(char c) {
  const unsigned char u = static_cast<unsigned char>(c);
  return (u < 0x20 && !absl::ascii_isspace(u)) || u == 0x7f;
}

}  // namespace

absl::string_view SignificantText(absl::string_view bytes) {
  absl::ConsumePrefix(&bytes, kByteOrderMark);
  while (true) {
    bytes = absl::StripLeadingAsciiWhitespace(bytes);
    if (!absl::StartsWith(bytes, "#")) return bytes;
    bytes.remove_prefix(std::min(bytes.find('\n'), bytes.size()));
  }
}

const Format* FindFormat(absl::string_view name) {
  for (const Format* format : kFormats) {
    if (format->name == name) return format;
  }
  return nullptr;
}

const Format& DetectFormat(absl::string_view bytes,
                           const google::protobuf::Descriptor& type) {
  const FormatProbe probe{bytes, SignificantText(bytes),
                          std::any_of(bytes.begin(), bytes.end(), IsControl),
                          type};
  const Format* best = nullptr;
  Likeness most = Likeness::kNot;
  for (const Format* format : kFormats) {
    const Likeness likeness = format->detect(probe);
    if (best != nullptr && likeness <= most) continue;
    best = format;
    most = likeness;
  }
  return *best;
}

std::shared_ptr<const std::string> WithoutByteOrderMark(std::string bytes) {
  if (absl::StartsWith(bytes, kByteOrderMark)) {
    bytes.erase(0, kByteOrderMark.size());
  }
  return std::make_shared<const std::string>(std::move(bytes));
}

absl::Status CheckUtf8(const google::protobuf::Message& message,
                       const Format& format) {
  const std::string path = FindNonUtf8(message);
  if (path.empty()) return absl::OkStatus();
  return ErrnoError(EINVAL, absl::StrCat(path, " is not UTF-8: ", format.name,
                                         " can not say it"));
}

}  // namespace dmdax
