// SPDX-License-Identifier: Apache-2.0
//
// integrity: its INFO, TABLE and IMA lines.
// Mirrors: dm_integrity_status of drivers/md/dm-integrity.c.
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/since.h"
#include "dm/targets/integrity/dm_integrity.h"

namespace dmdax {
namespace {

// Since 6.16 the journal is shown where there is one, behind the buffer.
constexpr Since<bool> kJournalOnlyInItsMode[] = {{{6, 16}, true}};

// What was given is rounded to whole entries of the journal.
uint64_t WatermarkPercent(const Integrity& ic) {
  return ((ic.journal_entries - ic.free_sectors_threshold) * 100 +
          ic.journal_entries / 2) /
         ic.journal_entries;
}

void AppendAlgorithm(absl::string_view name, const AlgSpec& alg,
                     std::vector<std::string>* words) {
  if (!alg.given) return;
  words->push_back(absl::StrCat(name, ":", alg.name));
  if (alg.key.has_value()) absl::StrAppend(&words->back(), ":", *alg.key);
}

// The words that say how the device is divided.
void AppendLayout(const DmTarget& ti, const Integrity& ic,
                  std::vector<std::string>* words) {
  const std::string journal =
      absl::StrCat("journal_sectors:", ic.initial_sectors - kSbSectors);
  const bool newer =
      ValueAt<bool>(kJournalOnlyInItsMode, ProfileOf(ti).release);
  if (!newer) words->push_back(journal);
  words->push_back(absl::StrCat("interleave_sectors:",
                                uint64_t{1} << ic.sb.log2_interleave_sectors));
  words->push_back(
      absl::StrCat("buffer_sectors:", uint64_t{1} << ic.log2_buffer_sectors));
  if (ic.mode == 'J') {
    if (newer) words->push_back(journal);
    words->push_back(absl::StrCat("journal_watermark:", WatermarkPercent(ic)));
    words->push_back(absl::StrCat("commit_time:", ic.commit_time));
  }
  if (ic.mode == 'B') {
    words->push_back(
        absl::StrCat("sectors_per_bit:",
                     uint64_t{ic.sectors_per_block} << ic.log2_blocks_per_bit));
    words->push_back(
        absl::StrCat("bitmap_flush_interval:", ic.bitmap_flush_interval));
  }
}

std::vector<std::string> OptionWords(const DmTarget& ti, const Integrity& ic) {
  std::vector<std::string> words;
  if (ic.meta_dev != nullptr) {
    words.push_back(absl::StrCat("meta_device:", ic.meta_dev->name));
  }
  if (ic.sectors_per_block != 1) {
    words.push_back(
        absl::StrCat("block_size:", ic.sectors_per_block << kSectorShift));
  }
  if (ic.sb.recalculating) words.emplace_back("recalculate");
  if (ic.reset_recalculate) words.emplace_back("reset_recalculate");
  if (ic.discard) {
    words.emplace_back(ic.discard_keyed ? "allow_discards_keyed"
                                        : "allow_discards");
  }
  AppendLayout(ti, ic, &words);
  if (ic.sb.fixed_padding) words.emplace_back("fix_padding");
  if (ic.sb.fixed_hmac) words.emplace_back("fix_hmac");
  if (ic.legacy_recalculate) words.emplace_back("legacy_recalculate");
  AppendAlgorithm("internal_hash", ic.internal_hash, &words);
  AppendAlgorithm("journal_crypt", ic.journal_crypt, &words);
  AppendAlgorithm("journal_mac", ic.journal_mac, &words);
  return words;
}

uint64_t Mismatches(const Integrity& ic) {
  absl::MutexLock lock(&ic.mu);
  return ic.mismatches;
}

void IntegrityTable(const DmTarget& ti, const Integrity& ic, std::string* out) {
  const std::vector<std::string> words = OptionWords(ti, ic);
  absl::StrAppend(out, ic.dev->name, " ", ic.start, " ", ic.tag_size, " ",
                  std::string(1, ic.mode));
  absl::StrAppend(out, " ", words.size(), " ", absl::StrJoin(words, " "));
}

constexpr Since<bool> kSaysKeyedDiscards[] = {{k6_12, true}};

void IntegrityIma(const DmTarget& ti, const Integrity& ic, std::string* out) {
  auto flag = [out](absl::string_view name, bool on) {
    absl::StrAppend(out, ",", name, "=", on ? "y" : "n");
  };
  absl::StrAppend(out, DmTargetNameVersion(ti), ",dev_name=", ic.dev->name,
                  ",start=", ic.start);
  absl::StrAppend(out, ",tag_size=", ic.tag_size,
                  ",mode=", std::string(1, ic.mode));
  if (ic.meta_dev != nullptr) {
    absl::StrAppend(out, ",meta_device=", ic.meta_dev->name);
  }
  if (ic.sectors_per_block != 1) {
    absl::StrAppend(out, ",block_size=", ic.sectors_per_block << kSectorShift);
  }
  flag("recalculate", ic.sb.recalculating);
  flag("allow_discards", ic.discard);
  if (ValueAt<bool>(kSaysKeyedDiscards, ProfileOf(ti).release)) {
    flag("allow_discards_keyed", ic.discard_keyed);
  }
  flag("fix_padding", ic.sb.fixed_padding);
  flag("fix_hmac", ic.sb.fixed_hmac);
  flag("legacy_recalculate", ic.legacy_recalculate);
  absl::StrAppend(
      out, ",journal_sectors=", ic.initial_sectors - kSbSectors,
      ",interleave_sectors=", uint64_t{1} << ic.sb.log2_interleave_sectors);
  absl::StrAppend(
      out, ",buffer_sectors=", uint64_t{1} << ic.log2_buffer_sectors, ";");
}

// The key behind a keyword's algorithm: "internal_hash:alg:KEY".
void HideKeyOf(std::string& params, absl::string_view keyword) {
  size_t at = params.find(keyword.data(), 0, keyword.size());
  if (at == params.npos) return;
  at += keyword.size();
  while (at < params.size() && params[at] != ':' && params[at] != ' ') ++at;
  if (at == params.size() || params[at] != ':') return;
  for (++at; at < params.size() && params[at] != ' '; ++at) params[at] = '0';
}

}  // namespace

void IntegrityHideSecrets(std::string& params) {
  for (const char* word :
       {"internal_hash:", "journal_crypt:", "journal_mac:"}) {
    HideKeyOf(params, word);
  }
}

void IntegrityStatus(const DmTarget& ti, StatusType type,
                     uint32_t /*status_flags*/, std::string* out) {
  const Integrity& ic = ti.Private<Integrity>();
  switch (type) {
    case STATUSTYPE_INFO:
      absl::StrAppend(out, Mismatches(ic), " ", ic.provided_data_sectors, " ");
      // Recalculating takes no time here: it has reached the end, or an error.
      absl::StrAppend(
          out,
          ic.sb.recalculating
              ? absl::StrCat(ic.recalculated.value_or(ic.provided_data_sectors))
              : "-");
      break;
    case STATUSTYPE_TABLE:
      return IntegrityTable(ti, ic, out);
    case STATUSTYPE_IMA:
      return IntegrityIma(ti, ic, out);
  }
}

}  // namespace dmdax
