// SPDX-License-Identifier: Apache-2.0
#include "formats/world_format.h"

#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/errno_status.h"

namespace dmdax {
namespace {

absl::Status Read(std::string bytes, const std::string& file,
                  const Format& format, google::protobuf::Message* message,
                  SourceMap* map) {
  if (bytes.size() > kMaxInputBytes) {
    return ErrnoError(EFBIG, absl::StrCat(file, ": ", bytes.size(),
                                          " bytes; at most ", kMaxInputBytes));
  }
  return format.read(std::move(bytes), file, message, map);
}

}  // namespace

const Format& DetectTableFormat(absl::string_view bytes) {
  return DetectFormat(bytes, *proto::Table::descriptor());
}

const Format& DetectWorldFormat(absl::string_view bytes) {
  return DetectFormat(bytes, *proto::World::descriptor());
}

absl::StatusOr<ParsedTable> ParseTable(std::string bytes,
                                       const std::string& file) {
  ParsedTable parsed{{}, &DetectTableFormat(bytes), {}};
  absl::Status s = Read(std::move(bytes), file, *parsed.format, &parsed.table,
                        &parsed.source);
  if (!s.ok()) return s;
  return parsed;
}

absl::StatusOr<ParsedWorld> ParseWorld(std::string bytes,
                                       const std::string& file) {
  ParsedWorld parsed{{}, &DetectWorldFormat(bytes), {}};
  absl::Status s = Read(std::move(bytes), file, *parsed.format, &parsed.world,
                        &parsed.source);
  if (!s.ok()) return s;
  return parsed;
}

absl::StatusOr<std::string> PrintTable(const proto::Table& table,
                                       const Format& format) {
  return format.print(table);
}

absl::StatusOr<std::string> PrintWorld(const proto::World& world,
                                       const Format& format) {
  return format.print(world);
}

}  // namespace dmdax
