// SPDX-License-Identifier: Apache-2.0
#include "tools/dmsetup/table_arg.h"

#include <cerrno>
#include <fstream>
#include <sstream>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "formats/proto_text.h"
#include "formats/table_text.h"

namespace dmdax {
namespace {

// A line of dmsetup begins with a number or a comment; what a Table begins
// with (a field name, '{', a tag byte) never does.
bool LooksLikeMessage(absl::string_view bytes) {
  if (DetectMessageFormat(bytes) != MessageFormat::kTextproto) return true;
  for (absl::string_view field : {"target", "readonly"}) {
    const absl::string_view text = absl::StripLeadingAsciiWhitespace(bytes);
    if (text.substr(0, field.size()) == field) return true;
  }
  return false;
}

std::optional<std::vector<DmTargetSpec>> FromMessage(DmsetupContext& ctx,
                                                     absl::string_view bytes,
                                                     const std::string& where) {
  proto::Table table;
  absl::Status s = ParseMessage(bytes, where, &table);
  if (!s.ok()) {
    absl::StrAppend(&ctx.err, s.message(), "\n");
    return std::nullopt;
  }
  std::vector<DmTargetSpec> specs;
  specs.reserve(static_cast<size_t>(table.target_size()));
  for (const proto::Target& target : table.target()) {
    specs.push_back(SpecFromTarget(target));
  }
  return specs;
}

}  // namespace

std::optional<std::vector<DmTargetSpec>> ReadTableArg(DmsetupContext& ctx,
                                                      const std::string& file) {
  std::string bytes = ctx.input;
  std::string where = "on stdin";
  if (ctx.options.table) {
    bytes = *ctx.options.table;
    where = "";
  } else if (!file.empty()) {
    std::ifstream stream(file, std::ios::binary);
    std::ostringstream all;
    if (!stream || !(all << stream.rdbuf())) {
      // An empty file is no failure: it is an empty table.
      if (!stream.is_open()) {
        absl::StrAppend(&ctx.err, "Couldn't open '", file, "' for reading.\n");
        return std::nullopt;
      }
    }
    bytes = all.str();
    where = file;
  }
  if (LooksLikeMessage(bytes)) {
    return FromMessage(ctx, bytes, where.empty() ? "--table" : where);
  }
  TableText text = ParseTableText(bytes, where);
  if (text.ok()) return text.Specs();
  absl::StrAppend(&ctx.err, text.error.dmsetup, "\n");
  const std::string source =
      ctx.options.table ? "--table" : (file.empty() ? "<stdin>" : file);
  ctx.hints.push_back(absl::StrCat(source, ":", text.error.line, ":",
                                   text.error.column, ": ", text.error.cause));
  return std::nullopt;
}

}  // namespace dmdax
