// SPDX-License-Identifier: Apache-2.0
#include "tools/dmsetup/table_arg.h"

#include <fcntl.h>

#include <cerrno>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/fd.h"
#include "base/read_input.h"
#include "formats/linear_text.h"
#include "formats/table_text.h"
#include "formats/world_format.h"
#include "state/packed_table.h"
#include "state/target_spec.h"

namespace dmdax {
namespace {

// The bytes of a file; nothing, and the reason in ctx.err, if it has none.
std::optional<std::string> ReadTableFile(DmsetupContext& ctx,
                                         const std::string& file) {
  if (ctx.files != nullptr) {
    auto known = ctx.files->find(file);
    if (known != ctx.files->end()) return known->second;
  }
  const Fd fd(open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.ok()) {
    absl::StrAppend(&ctx.err, "Couldn't open '", file, "' for reading.\n");
    return std::nullopt;
  }
  // An empty file is an empty table.
  absl::StatusOr<std::string> all = ReadFd(fd.get(), file);
  if (!all.ok()) {
    absl::StrAppend(&ctx.err, all.status().message(), "\n");
    return std::nullopt;
  }
  if (ctx.files != nullptr) (*ctx.files)[file] = *all;
  return *std::move(all);
}

std::optional<TableArg> FromMessage(DmsetupContext& ctx, std::string bytes,
                                    const std::string& where) {
  const absl::StatusOr<ParsedTable> parsed =
      ParseTable(std::move(bytes), where);
  if (!parsed.ok()) {
    absl::StrAppend(&ctx.err, parsed.status().message(), "\n");
    return std::nullopt;
  }
  proto::Table table = parsed->table;
  if (absl::Status s = UnpackTable(&table); !s.ok()) {
    absl::StrAppend(&ctx.err, where, ": ", s.message(), "\n");
    return std::nullopt;
  }
  std::vector<DmTargetSpec> specs;
  specs.reserve(static_cast<size_t>(table.target_size()));
  for (const proto::Target& target : table.target()) {
    specs.push_back(SpecFromTarget(target));
  }
  return TableArg{std::move(specs), nullptr};
}

}  // namespace

std::optional<TableArg> ReadTableArg(DmsetupContext& ctx,
                                     const std::string& file) {
  std::string bytes = ctx.input;
  std::string where = "on stdin";
  if (ctx.options.table) {
    bytes = *ctx.options.table;
    where = "";
  } else if (!file.empty()) {
    std::optional<std::string> all = ReadTableFile(ctx, file);
    if (!all) return std::nullopt;
    bytes = *std::move(all);
    where = file;
  }
  const std::string source =
      ctx.options.table ? "--table" : (file.empty() ? "<stdin>" : file);
  if (&DetectTableFormat(bytes) != &kDmsetupFormat) {
    return FromMessage(ctx, std::move(bytes), source);
  }
  if (auto columns = ParseLinearText(bytes)) {
    return TableArg{{}, std::move(columns)};
  }
  TableText text = ParseTableText(bytes, where);
  if (text.ok()) return TableArg{text.Specs(), nullptr};
  Say(ctx, text.error.dmsetup);
  // Which of its functions has refused the line, and how far down that was.
  const int depth =
      absl::StartsWith(text.error.dmsetup, "Invalid format") ? 1 : 3;
  for (int i = 0; i < depth; ++i) ctx.log.Backtrace();
  ctx.hints.push_back(absl::StrCat(source, ":", text.error.line, ":",
                                   text.error.column, ": ", text.error.cause));
  return std::nullopt;
}

}  // namespace dmdax
