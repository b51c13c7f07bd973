// SPDX-License-Identifier: Apache-2.0
#include "tools/dmsetup/table_arg.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/types/span.h"
#include "base/errno_status.h"
#include "base/fd.h"
#include "base/read_input.h"
#include "dm/io/direct_io.h"
#include "dm/mapped_device.h"
#include "formats/linear_text.h"
#include "formats/table_text.h"
#include "formats/world_format.h"
#include "state/packed_table.h"
#include "state/target_spec.h"

namespace dmdax {
namespace {

// The text on a block device: each line up to a NUL, as a table's reader takes
// it.  What follows a stretch without any line is not looked at.
std::string TextOf(DmsetupContext& ctx, BlockDevice& bdev) {
  constexpr size_t kStretch = 65536;
  DirectIo io(ctx.ctl.machine(), "dmsetup");
  std::string text;
  bool at_text = true;
  for (uint64_t offset = 0; at_text; offset += kStretch) {
    std::vector<char> bytes(kStretch);
    absl::StatusOr<size_t> got = io.Read(bdev, offset, absl::MakeSpan(bytes));
    // An error ends the file, as its end does.
    if (!got.ok() || *got == 0) break;
    at_text = std::find(bytes.begin(), bytes.end(), '\0') == bytes.end() ||
              std::find(bytes.begin(), bytes.end(), '\n') != bytes.end();
    text.append(bytes.data(), *got);
  }
  std::string lines;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    absl::StrAppend(&lines, line.substr(0, line.find('\0')), "\n");
  }
  return lines;
}

// The machine's own device at that path, if there is one.
BlockDevice* DeviceAt(DmsetupContext& ctx, const std::string& file) {
  if (!absl::StartsWith(file, "/dev/")) return nullptr;
  Machine& machine = ctx.ctl.machine();
  absl::StatusOr<DevT> dev = machine.LookupBdev(file);
  return dev.ok() ? machine.FindBdev(*dev) : nullptr;
}

// The bytes of a file; nothing, and the reason in ctx.err, if it has none.
std::optional<std::string> ReadTableFile(DmsetupContext& ctx,
                                         const std::string& file) {
  if (ctx.files != nullptr) {
    auto known = ctx.files->find(file);
    if (known != ctx.files->end()) return known->second;
  }
  if (BlockDevice* bdev = DeviceAt(ctx, file)) {
    const MappedDevice* md = MappedDevice::Of(*bdev);
    if (md == nullptr || !md->suspended() || bdev->nr_sectors() == 0) {
      return TextOf(ctx, *bdev);
    }
    ctx.would_block = true;  // until it is resumed
    return std::nullopt;
  }
  // Reading the control node is an error, which ends the file.
  if (file == "/dev/mapper/control") return "";
  const Fd fd(open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.ok()) {
    absl::StrAppend(&ctx.err, "Couldn't open '", file, "' for reading.\n");
    return std::nullopt;
  }
  // An empty file is an empty table, and so is a directory.
  absl::StatusOr<std::string> all = ReadFd(fd.get(), file);
  if (ErrnoOf(all.status()) == EISDIR) all = std::string();
  if (!all.ok()) {
    absl::StrAppend(&ctx.err, all.status().message(), "\n");
    return std::nullopt;
  }
  if (ctx.files != nullptr) (*ctx.files)[file] = *all;
  return *std::move(all);
}

std::optional<TableArg> FromMessage(DmsetupContext& ctx,
                                    const absl::StatusOr<ParsedTable>& parsed,
                                    const std::string& where) {
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

// A line is a C string to dmsetup, which ends at its NUL; what is behind it is
// lost without a word.
std::string WithoutWhatFollowsNuls(DmsetupContext& ctx, std::string bytes,
                                   absl::string_view source) {
  if (!absl::StrContains(bytes, '\0')) return bytes;
  std::vector<absl::string_view> lines = absl::StrSplit(bytes, '\n');
  for (size_t i = 0; i < lines.size(); ++i) {
    const size_t nul = lines[i].find('\0');
    if (nul == lines[i].npos) continue;
    ctx.hints.push_back(absl::StrCat(source, ":", i + 1, ":", nul + 1,
                                     ": dmsetup ends the line at this NUL"));
    lines[i] = lines[i].substr(0, nul);
  }
  return absl::StrJoin(lines, "\n");
}

// Whether the text has the form of a message, but of none that is a table:
// what dmsetup prints of all devices, whose lines begin with a name, has too.
bool BeginsWithAnyName(const Format& format, absl::string_view bytes) {
  if (&format != &kTextprotoFormat) return false;
  const absl::string_view text = SignificantText(bytes);
  const std::string word(text.substr(0, text.find_first_of(":{< \t\r\n")));
  return proto::Table::descriptor()->FindFieldByName(word) == nullptr;
}

}  // namespace

std::optional<TableArg> ReadTableArg(DmsetupContext& ctx,
                                     const std::optional<std::string>& file) {
  std::string bytes;
  std::string where = "on stdin";
  if (ctx.options.table) {
    bytes = *ctx.options.table;
    where = "";
  } else if (!file) {
    // It can be read once.
    bytes = std::exchange(ctx.input, "");
  } else {
    std::optional<std::string> all = ReadTableFile(ctx, *file);
    if (!all) return std::nullopt;
    bytes = *std::move(all);
    where = *file;
  }
  const std::string source =
      ctx.options.table ? "--table" : file.value_or("<stdin>");
  const Format& format = DetectTableFormat(bytes);
  std::string no_message;
  if (&format != &kDmsetupFormat) {
    const absl::StatusOr<ParsedTable> parsed = ParseTable(bytes, source);
    if (parsed.ok() ||
        (&format != &kBinaryFormat && !BeginsWithAnyName(format, bytes))) {
      return FromMessage(ctx, parsed, source);
    }
    // Bytes that are no message are a text, as all bytes are to dmsetup.
    no_message = std::string(parsed.status().message());
  }
  bytes = WithoutWhatFollowsNuls(ctx, std::move(bytes), source);
  // A long one was written by a program, which knows what it means.
  constexpr size_t kMostKept = 1 << 16;
  if (bytes.size() <= kMostKept) ctx.table = bytes;
  // As dmsetup does, which says nothing.
  if (absl::StripAsciiWhitespace(bytes).empty()) {
    ctx.hints.push_back(
        absl::StrCat(source, " has no row: the device gets no table"));
  }
  if (auto columns = ParseLinearText(bytes)) {
    return TableArg{{}, std::move(columns)};
  }
  TableText text = ParseTableText(bytes, where);
  if (text.ok()) return TableArg{text.Specs(), nullptr};
  Say(ctx, text.error.dmsetup);
  if (!no_message.empty()) ctx.hints.push_back(no_message);
  ctx.hints.push_back(absl::StrCat(source, ":", text.error.line, ":",
                                   text.error.column, ": ", text.error.cause));
  return std::nullopt;
}

}  // namespace dmdax
