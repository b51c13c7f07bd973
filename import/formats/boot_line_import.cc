// SPDX-License-Identifier: Apache-2.0
//
// The kernel's command line, which can make mapped devices at boot:
//
//   dm-mod.create="name,uuid,minor,flags,row[,row...][;...]"
//   dm="name uuid mode,row[,row...]"           (older, Chromium's)
//   dm="N name uuid mode count,row,...[,name ...]"
//
// or say that memory is persistent: memmap=8G!4G is 8 GiB from 4 GiB on.
//
// Mirrors: drivers/md/dm-init.c (5.1 on); the older form is init/do_mounts_dm.c
// of Chromium's kernels.  A mode is ro or rw.
#include <algorithm>
#include <optional>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "import/formats/dm_rows.h"
#include "import/formats/input_lines.h"
#include "import/import_format.h"

namespace dmdax {
namespace {

// The value of a parameter, without its quotes; empty if it is not there.
absl::string_view Parameter(absl::string_view text, absl::string_view name) {
  for (size_t at = text.find(name); at != text.npos;
       at = text.find(name, at + 1)) {
    const char before = at == 0 ? ' ' : text[at - 1];
    const bool quoted_whole = before == '"';
    if (!absl::ascii_isspace(static_cast<unsigned char>(before)) &&
        !quoted_whole) {
      continue;
    }
    absl::string_view value = text.substr(at + name.size());
    if (quoted_whole) return value.substr(0, value.find('"'));
    if (!value.empty() && value[0] == '"') {
      value.remove_prefix(1);
      return value.substr(0, value.find('"'));
    }
    return value.substr(0, value.find_first_of(" \t\n"));
  }
  return "";
}

absl::string_view CreateList(absl::string_view text) {
  absl::string_view list = Parameter(text, "dm-mod.create=");
  return list.empty() ? Parameter(text, "dm_mod.create=") : list;
}

bool Detect(const ImportInput& input) {
  if (input.text.size() > 65536) return false;
  const absl::string_view line = FirstLine(input.text);
  return !CreateList(line).empty() || !Parameter(line, "dm=").empty() ||
         absl::StartsWith(line, "BOOT_IMAGE=") ||
         absl::StrContains(line, "memmap=") || absl::StartsWith(line, "root=");
}

absl::Status OldForm(const ImportInput& input, absl::string_view value,
                     Facts* facts) {
  const std::vector<absl::string_view> parts = absl::StrSplit(value, ',');
  PlaceFinder places(input);
  size_t next = 0;
  uint32_t devices = 1;
  bool counted = false;
  while (next < parts.size() && devices > 0) {
    std::vector<absl::string_view> words =
        absl::StrSplit(parts[next], ' ', absl::SkipEmpty());
    const Place at = places.At(parts[next]);
    if (next == 0 && words.size() > 3 && absl::SimpleAtoi(words[0], &devices)) {
      counted = true;
      words.erase(words.begin());
    }
    uint32_t rows = 1;
    const bool row_count =
        words.size() == 4 && absl::SimpleAtoi(words[3], &rows);
    if (words.size() < 3 || (words[2] != "ro" && words[2] != "rw")) {
      return at.Error(
          absl::StrCat("'name uuid ro' or 'name uuid rw' is "
                       "expected, not ",
                       Quoted(parts[next])));
    }
    // Without a count all that follows is the device's.
    if (!row_count) rows = static_cast<uint32_t>(parts.size() - next - 1);
    ++next;
    Mapped& mapped = facts->MappedNamed(std::string(words[0]), at);
    if (words[1] != "none") {
      absl::Status s =
          Facts::Say(mapped.uuid, std::string(words[1]), at, words[0], "uuid");
      if (!s.ok()) return s;
    }
    mapped.read_only = words[2] == "ro";
    std::vector<DmTargetSpec> specs;
    for (; rows > 0; --rows, ++next) {
      if (next >= parts.size()) {
        return at.Error(absl::StrCat(rows, " more rows are expected"));
      }
      const Place row_at = places.At(parts[next]);
      // The columns are those of the line.
      const size_t column = row_at.column - 1;
      const absl::string_view text = input.text;
      const size_t begin =
          static_cast<size_t>(parts[next].data() - text.data()) - column;
      LineWords words_of_row(input, row_at.line,
                             text.substr(begin, column + parts[next].size()),
                             column);
      absl::StatusOr<DmTargetSpec> row = ReadDmRow(words_of_row);
      if (!row.ok()) return row.status();
      specs.push_back(*std::move(row));
    }
    absl::Status s = facts->SayTable(mapped, std::move(specs), at);
    if (!s.ok()) return s;
    --devices;
  }
  if (counted && devices > 0) {
    return places.At(value).Error(
        absl::StrCat(devices, " more devices are expected"));
  }
  return absl::OkStatus();
}

// memparse() of the kernel, of a size or an address; takes what it reads off
// `text`.
std::optional<uint64_t> Memparse(absl::string_view* text) {
  constexpr absl::string_view kSuffixes = "KMGTPE";
  size_t digits = 0;
  const bool hex = absl::ConsumePrefix(text, "0x");
  while (
      digits < text->size() &&
      (hex ? absl::ascii_isxdigit(static_cast<unsigned char>((*text)[digits]))
           : absl::ascii_isdigit(
                 static_cast<unsigned char>((*text)[digits])))) {
    ++digits;
  }
  uint64_t n = 0;
  const absl::string_view number = text->substr(0, digits);
  if (!(hex ? absl::SimpleHexAtoi(number, &n) : absl::SimpleAtoi(number, &n))) {
    return std::nullopt;
  }
  text->remove_prefix(digits);
  if (text->empty()) return n;
  const size_t suffix = kSuffixes.find(
      absl::ascii_toupper(static_cast<unsigned char>((*text)[0])));
  if (suffix == kSuffixes.npos) return n;
  text->remove_prefix(1);
  const size_t shift = 10 * (suffix + 1);
  return n > UINT64_MAX >> shift ? std::nullopt : std::optional(n << shift);
}

// What e820 calls persistent memory, as drivers/nvdimm/e820.c takes it.
// Mirrors: parse_memmap_one() of arch/x86/kernel/e820.c (6.1).
void ReadMemmap(const ImportInput& input, Facts* facts) {
  PlaceFinder places(input);
  for (absl::string_view word :
       absl::StrSplit(absl::string_view(input.text), absl::ByAnyChar(" \t\r\n"),
                      absl::SkipEmpty())) {
    const Place place = places.At(word);
    if (!absl::ConsumePrefix(&word, "memmap=")) continue;
    for (absl::string_view range : absl::StrSplit(word, ',')) {
      const std::optional<uint64_t> size = Memparse(&range);
      if (!size || !absl::ConsumePrefix(&range, "!")) continue;
      const std::optional<uint64_t> start = Memparse(&range);
      if (!start || !range.empty() || *size == 0) continue;
      facts->memmap.push_back({place, *start, *size});
    }
  }
  std::sort(facts->memmap.begin(), facts->memmap.end(),
            [](const auto& a, const auto& b) { return a.start < b.start; });
}

absl::Status Read(const ImportInput& input, Facts* facts) {
  const absl::string_view text = input.text;
  ReadMemmap(input, facts);
  if (const absl::string_view root = Parameter(text, "root="); !root.empty()) {
    facts->boot_root = std::string(root);
  }
  std::set<std::string> before;
  for (const auto& [name, m] : facts->mapped) before.insert(name);
  absl::Status s;
  if (absl::string_view list = CreateList(text); !list.empty()) {
    s = ReadConciseDevices(input, list, NamesOf::kKernel, facts);
  } else if (absl::string_view old = Parameter(text, "dm="); !old.empty()) {
    s = OldForm(input, old, facts);
  }
  for (auto& [name, m] : facts->mapped) {
    m.boot_line |=
        !before.contains(name) || (m.table && m.table->input == &input);
  }
  return s;
}

}  // namespace

extern const ImportFormat kBootLineImport = {
    "boot", "the kernel's command line (dm-mod.create=, dm=)", Detect, Read};

}  // namespace dmdax
