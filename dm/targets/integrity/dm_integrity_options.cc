// SPDX-License-Identifier: Apache-2.0
//
// integrity: its optional words.
//
//   journal_sectors, interleave_sectors, buffer_sectors, journal_watermark,
//   commit_time, block_size, sectors_per_bit, bitmap_flush_interval  :<number>
//   meta_device:<dev>
//   internal_hash, journal_crypt, journal_mac  :<algorithm>[:<key>]
//   recalculate, reset_recalculate, allow_discards, allow_discards_keyed,
//   fix_padding, fix_hmac, legacy_recalculate
//
// Mirrors: dm_integrity_ctr of drivers/md/dm-integrity.c.
#include <algorithm>
#include <bit>
#include <cerrno>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/errno_status.h"
#include "base/kstrtox.h"
#include "base/since.h"
#include "dm/arg_set.h"
#include "dm/targets/integrity/dm_integrity.h"

namespace dmdax {
namespace {

constexpr Since<uint32_t> kMaxWords[] = {
    {k4_14, 9},   {{4, 19}, 11}, {{5, 2}, 14}, {{5, 4}, 15},
    {{5, 7}, 16}, {{5, 12}, 17}, {{5, 13}, 18}};

struct NumberOption {
  WordSince name;
  uint32_t Integrity::*field;
};
constexpr NumberOption kNumbers[] = {
    {{"journal_sectors", k4_14}, &Integrity::journal_sectors},
    {{"interleave_sectors", k4_14}, &Integrity::interleave_sectors},
    {{"buffer_sectors", k4_14}, &Integrity::buffer_sectors},
    {{"journal_watermark", k4_14}, &Integrity::journal_watermark},
    {{"commit_time", k4_14}, &Integrity::commit_time},
    {{"block_size", k4_14}, &Integrity::sectors_per_block},
    {{"bitmap_flush_interval", {5, 2}}, &Integrity::bitmap_flush_interval}};
constexpr WordSince kSectorsPerBit{"sectors_per_bit", {5, 2}};
constexpr WordSince kMetaDevice{"meta_device", {4, 19}};

struct FlagOption {
  WordSince name;
  bool Integrity::*field;
};
constexpr FlagOption kFlags[] = {
    {{"recalculate", {4, 19}}, &Integrity::recalculate},
    {{"reset_recalculate", {5, 13}}, &Integrity::reset_recalculate},
    {{"allow_discards", {5, 7}}, &Integrity::discard},
    {{"allow_discards_keyed", k6_12}, &Integrity::discard_keyed},
    {{"fix_padding", {5, 4}}, &Integrity::fix_padding},
    {{"fix_hmac", {5, 12}}, &Integrity::fix_hmac},
    {{"legacy_recalculate", {5, 10}}, &Integrity::legacy_recalculate}};

struct AlgOption {
  absl::string_view name;
  AlgSpec Integrity::*field;
};
constexpr AlgOption kAlgorithms[] = {
    {"internal_hash", &Integrity::internal_hash},
    {"journal_crypt", &Integrity::journal_crypt},
    {"journal_mac", &Integrity::journal_mac}};

// "<name>:<value>": the value.
std::optional<absl::string_view> ValueOf(const DmTarget& ti,
                                         absl::string_view word,
                                         const WordSince& name) {
  if (!name.In(ProfileOf(ti).release)) return std::nullopt;
  if (!absl::ConsumePrefix(&word, name.word)) return std::nullopt;
  if (!absl::ConsumePrefix(&word, ":")) return std::nullopt;
  return word;
}

absl::Status SetAlgorithm(absl::string_view value, absl::string_view option,
                          AlgSpec* out) {
  *out = {.given = true};
  const size_t colon = value.find(':');
  out->name = std::string(value.substr(0, colon));
  if (colon == value.npos) return absl::OkStatus();
  const absl::string_view key = value.substr(colon + 1);
  if (key.size() % 2 != 0 || !std::all_of(key.begin(), key.end(), [](char c) {
        return absl::ascii_isxdigit(static_cast<unsigned char>(c));
      })) {
    return DmError(absl::StrCat("Invalid ", option, " argument"));
  }
  out->key = std::string(key);
  return absl::OkStatus();
}

absl::Status SetBlockSize(uint32_t size, Integrity* ic) {
  if (size < 512 || size > 4096 || !std::has_single_bit(size)) {
    return DmError("Invalid block_size argument");
  }
  ic->sectors_per_block = size >> kSectorShift;
  return absl::OkStatus();
}

// A word that is "<name>:<number>"; *known says whether it is one.
absl::Status ParseNumber(const DmTarget& ti, absl::string_view word,
                         Integrity* ic, bool* known) {
  const SscanfOverflow overflow = ProfileOf(ti).sscanf_overflow;
  *known = true;
  for (const NumberOption& option : kNumbers) {
    const auto value = ValueOf(ti, word, option.name);
    if (!value.has_value()) continue;
    absl::StatusOr<uint32_t> number = SscanfU32(*value, overflow);
    if (!number.ok()) break;
    const absl::string_view name = option.name.word;
    if (name == "block_size") return SetBlockSize(*number, ic);
    if (name == "journal_watermark" && *number > 100) break;
    // The limit is of timer ticks, 250 a second.
    constexpr uint64_t kMaxInterval = uint64_t{~0u} * 1000 / 250;
    if (name == "bitmap_flush_interval" && *number >= kMaxInterval) {
      return DmError("Invalid bitmap_flush_interval argument");
    }
    ic->*option.field = *number;
    if (name == "journal_sectors" && *number == 0) ic->journal_sectors = 1;
    return absl::OkStatus();
  }
  const auto value = ValueOf(ti, word, kSectorsPerBit);
  if (value.has_value()) {
    absl::StatusOr<uint64_t> number = SscanfU64(*value, overflow);
    if (number.ok()) {
      ic->log2_sectors_per_bit =
          *number == 0 ? 0 : static_cast<int>(std::bit_width(*number)) - 1;
      return absl::OkStatus();
    }
  }
  *known = false;
  return absl::OkStatus();
}

absl::Status ParseWord(DmTarget& ti, const std::string& word, Integrity* ic) {
  bool known;
  absl::Status s = ParseNumber(ti, word, ic, &known);
  if (!s.ok() || known) return s;
  if (const auto path = ValueOf(ti, word, kMetaDevice)) {
    absl::StatusOr<const DmDev*> dev =
        DmGetDevice(ti, *path, "Device lookup failed");
    if (!dev.ok()) return dev.status();
    ic->meta_dev = *dev;
    return absl::OkStatus();
  }
  for (const AlgOption& option : kAlgorithms) {
    const auto value = ValueOf(ti, word, {option.name, k4_14});
    if (value.has_value()) {
      return SetAlgorithm(*value, option.name, &(ic->*option.field));
    }
  }
  for (const FlagOption& option : kFlags) {
    if (word != option.name.word || !option.name.In(ProfileOf(ti).release)) {
      continue;
    }
    ic->*option.field = true;
    if (ic->reset_recalculate) ic->recalculate = true;
    if (ic->discard_keyed) ic->discard = true;
    return absl::OkStatus();
  }
  return DmError("Invalid argument");
}

}  // namespace

absl::Status ParseIntegrityOptions(DmTarget& ti,
                                   absl::Span<const std::string> argv,
                                   Integrity* ic) {
  DmArgSet as(argv, ProfileOf(ti).sscanf_overflow);
  absl::StatusOr<uint32_t> count =
      as.ReadArgGroup({0, ValueAt<uint32_t>(kMaxWords, ProfileOf(ti).release),
                       "Invalid number of feature args"});
  if (!count.ok()) return count.status();
  for (uint32_t i = 0; i < *count; ++i) {
    absl::Status s = ParseWord(ti, *as.Shift(), ic);
    if (!s.ok()) return s;
  }
  return absl::OkStatus();
}

}  // namespace dmdax
