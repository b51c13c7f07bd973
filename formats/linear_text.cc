// SPDX-License-Identifier: Apache-2.0
#include "formats/linear_text.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/kstrtox.h"
#include "formats/device_cache.h"
#include "formats/linear_text_simd.h"
#include "formats/plain_digits.h"
#include "formats/table_text.h"

namespace dmdax {

bool DeviceCache::Intern(absl::string_view word, uint32_t* id) {
  for (char c : word) {
    if (KernelIsSpace(c) || c == '\\' || c == '#' || c == '\0') return false;
  }
  if (word.empty()) return false;
  const auto [it, added] =
      ids_.try_emplace(std::string(word), static_cast<uint32_t>(names_.size()));
  if (added) names_.push_back(std::string(word));
  *id = it->second;
  return true;
}

namespace {

// A number as it is printed: no sign, no leading zeros.  A number that does not
// fit is followed by a digit, which is no space, so the row fails.
bool PlainNumber(const char** at, const char* end, uint64_t* value) {
  const size_t digits = PlainDigits(*at, end, value);
  if (digits == 0 || (**at == '0' && digits > 1)) return false;
  *at += digits;
  return true;
}

bool Skip(const char** at, const char* end, absl::string_view text) {
  if (static_cast<size_t>(end - *at) < text.size()) return false;
  if (memcmp(*at, text.data(), text.size()) != 0) return false;
  *at += text.size();
  return true;
}

// One row, byte by byte; linear_text_simd.cc does the same 64 bytes at a time.
bool PlainRow(LinearTextRows& rows) {
  const char* at = rows.at;
  uint64_t begin, length, start;
  uint32_t device;
  if (!PlainNumber(&at, rows.end, &begin) || begin != rows.next) return false;
  if (!Skip(&at, rows.end, " ") || !PlainNumber(&at, rows.end, &length) ||
      !Skip(&at, rows.end, " linear ")) {
    return false;
  }
  const char* const word = at;
  while (at < rows.end && *at != ' ' && *at != '\n') ++at;
  const absl::string_view name(word, static_cast<size_t>(at - word));
  if (name.empty() || !Skip(&at, rows.end, " ") ||
      !PlainNumber(&at, rows.end, &start)) {
    return false;
  }
  if (at < rows.end && *at++ != '\n') return false;
  const bool near_begin = name.data() + name.size() - rows.begin < 16;
  if (!(near_begin ? rows.devices->Intern(name, &device)
                   : rows.devices->Find(name, &device))) {
    return false;
  }
  rows.Add(length, device, start);
  rows.at = at;
  return true;
}

void PlainRows(LinearTextRows& rows) {
  while (rows.count < rows.room && rows.at < rows.end && PlainRow(rows)) {
  }
}

// A line that PrintTableText() would not write: it may still be a linear row,
// or a comment.
bool JudgedRow(LinearTextRows& rows) {
  const absl::string_view rest(rows.at,
                               static_cast<size_t>(rows.end - rows.at));
  const size_t size = std::min(rest.find('\n'), rest.size());
  const TableText text = ParseTableText(rest.substr(0, size), "");
  if (!text.ok() || text.rows.size() > 1) return false;
  for (const TableRow& row : text.rows) {
    const DmTargetSpec& spec = row.spec;
    const absl::string_view params = spec.params;
    const size_t space = std::min(params.find(' '), params.size());
    uint64_t start;
    uint32_t device;
    if (spec.target_type != "linear" ||
        spec.sector_start.value() != rows.next ||
        !rows.devices->Intern(params.substr(0, space), &device) ||
        !absl::SimpleAtoi(params.substr(space), &start) ||
        absl::StrCat(params.substr(0, space), " ", start) != params) {
      return false;
    }
    rows.Add(spec.length, device, start);
  }
  rows.at += std::min(size + 1, rest.size());
  return true;
}

void Rows(SimdLevel simd, LinearTextRows& rows) {
#ifdef __x86_64__
  static const bool bits = __builtin_cpu_supports("bmi") &&
                           __builtin_cpu_supports("bmi2") &&
                           __builtin_cpu_supports("popcnt");
  if (simd >= SimdLevel::kAvx2 && bits) return LinearTextAvx2(rows);
#endif
  (void)simd;
  PlainRows(rows);
}

}  // namespace

std::shared_ptr<const LinearRows> ParseLinearText(absl::string_view text,
                                                  SimdLevel simd) {
  // The number of rows is guessed from the first lines; the columns grow if it
  // was too low.
  const size_t sample = std::min<size_t>(text.size(), 4096);
  const size_t lines = static_cast<size_t>(
      std::count(text.begin(), text.begin() + sample, '\n'));
  auto made = std::make_shared<LinearRows>();
  DeviceCache devices;
  LinearTextRows rows{.begin = text.data(),
                      .at = text.data(),
                      .end = text.data() + text.size(),
                      .devices = &devices};
  size_t more = text.size() / std::max<size_t>(16, sample / (lines + 1)) + 16;
  while (rows.at < rows.end) {
    if (rows.count == rows.room) {
      rows.room += more;
      // The wide columns first: each then finds the block of one as wide.
      made->length.Resize(rows.room);
      made->start.Resize(rows.room);
      made->device.Resize(rows.room);
      rows.length = made->length.data();
      rows.device = made->device.data();
      rows.start = made->start.data();
      more = rows.room;
    }
    Rows(simd, rows);
    // What it stopped at: the beginning or the end of the text, a long line,
    // or one that is no plain row.
    if (rows.count == rows.room || rows.at == rows.end) continue;
    if (!PlainRow(rows) && !JudgedRow(rows)) return nullptr;
  }
  if (rows.count == 0) return nullptr;
  made->devices = std::move(devices.names());
  for (auto* column : {&made->length, &made->start}) {
    column->Resize(rows.count);
    column->ShrinkToFit();
  }
  made->device.Resize(rows.count);
  made->device.ShrinkToFit();
  return made;
}

}  // namespace dmdax
