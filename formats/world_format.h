// SPDX-License-Identifier: Apache-2.0
//
// Tables and worlds in any format, told apart by content.
//
//   absl::StatusOr<ParsedWorld> w = ParseWorld(bytes, "w.json");
//   if (!w.ok()) std::cerr << w.status().message();  // "w.json:12:9: ..."
//   LoadWorld(w->world, w->source);
//   PrintWorld(w->world, kTextprotoFormat);
//
// What the bytes are:
//   JSON       the first character is '{' or '['
//   textproto  a field's name comes first
//   dmsetup    a digit or a sign does; also a table of only blanks and
//              comments, and a table that looks like nothing
//   binary     control characters, in what Protobuf's wire format fits or
//              which begins with one
// Blanks, '#' lines and a byte order mark in front do not count.
//
// Errors are EINVAL (EFBIG: too large), "<file>:<line>:<column>: <what>", for
// binary "<file>: byte <n>: <what>".  Refused, and not silently dropped, are
// fields that the schema does not have, a JSON key given twice, and bytes
// left over.  Bounds: 1 GiB of input, 8 Mi messages in it, 64 levels.
// Threading: pure functions.
#ifndef DMDAX_FORMATS_WORLD_FORMAT_H_
#define DMDAX_FORMATS_WORLD_FORMAT_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "formats/format.h"
#include "state/source_map.h"
#include "state/world.pb.h"

namespace dmdax {

struct ParsedTable {
  proto::Table table;
  const Format* format = nullptr;
  SourceMap source;  // its paths begin in the table: "target[5]"
};

struct ParsedWorld {
  proto::World world;
  const Format* format = nullptr;
  SourceMap source;
};

// What `bytes` look like; never fails.  A binary message that has no control
// characters and looks like a text, which takes names of just the right
// lengths, is taken for a text.
const Format& DetectTableFormat(absl::string_view bytes);
const Format& DetectWorldFormat(absl::string_view bytes);

// `file` is how messages call the input; it is not opened.
absl::StatusOr<ParsedTable> ParseTable(std::string bytes,
                                       const std::string& file);
// dmsetup text is EINVAL: it is a table, and a world is asked for.
absl::StatusOr<ParsedWorld> ParseWorld(std::string bytes,
                                       const std::string& file);

// JSON has the field names of state/world.proto and, as Protobuf's JSON does,
// 64-bit numbers in quotes.  EINVAL: what the format has no way to say (see
// PrintTableText(); a read-only table or a World as kDmsetupFormat; in JSON and
// binary a string that is not UTF-8).
absl::StatusOr<std::string> PrintTable(const proto::Table& table,
                                       const Format& format);
absl::StatusOr<std::string> PrintWorld(const proto::World& world,
                                       const Format& format);

}  // namespace dmdax

#endif  // DMDAX_FORMATS_WORLD_FORMAT_H_
