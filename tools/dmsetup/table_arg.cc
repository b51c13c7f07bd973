// SPDX-License-Identifier: Apache-2.0
#include "tools/dmsetup/table_arg.h"

#include <cerrno>
#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "formats/table_text.h"
#include "formats/world_format.h"

namespace dmdax {
namespace {

std::optional<std::vector<DmTargetSpec>> FromMessage(DmsetupContext& ctx,
                                                     std::string bytes,
                                                     const std::string& where) {
  const absl::StatusOr<ParsedTable> parsed =
      ParseTable(std::move(bytes), where);
  if (!parsed.ok()) {
    absl::StrAppend(&ctx.err, parsed.status().message(), "\n");
    return std::nullopt;
  }
  std::vector<DmTargetSpec> specs;
  specs.reserve(static_cast<size_t>(parsed->table.target_size()));
  for (const proto::Target& target : parsed->table.target()) {
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
  const std::string source =
      ctx.options.table ? "--table" : (file.empty() ? "<stdin>" : file);
  if (DetectTableFormat(bytes) != Format::kDmsetup) {
    return FromMessage(ctx, std::move(bytes), source);
  }
  TableText text = ParseTableText(bytes, where);
  if (text.ok()) return text.Specs();
  absl::StrAppend(&ctx.err, text.error.dmsetup, "\n");
  ctx.hints.push_back(absl::StrCat(source, ":", text.error.line, ":",
                                   text.error.column, ": ", text.error.cause));
  return std::nullopt;
}

}  // namespace dmdax
