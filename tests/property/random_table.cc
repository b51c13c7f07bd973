// SPDX-License-Identifier: Apache-2.0
#include "tests/property/random_table.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace dmdax::property {
namespace {

// Keeps a table, spread out sector by sector, small.
constexpr uint64_t kMaxRowSectors = 2000;
// What a device without a size is taken to have.
constexpr uint64_t kPretendedSectors = 1024;

class TableDrawer {
 public:
  TableDrawer(Dice& dice, const std::vector<LegChoice>& choices, bool aligned)
      : dice_(dice), choices_(choices), aligned_(aligned) {}

  std::vector<RandomRow> Draw() {
    const uint64_t count = dice_.Range(1, 5);
    for (uint64_t i = 0; i < count; ++i) DrawRow();
    return std::move(rows_);
  }

 private:
  struct Leg {
    std::string disk;
    uint64_t start, room;  // sectors from start to the end of the device
  };

  // Up to `high`, at least 1; in whole pages, or usually so.
  uint64_t Length(uint64_t high) {
    const uint64_t n = dice_.Range(1, high);
    if (n < 8 || (!aligned_ && dice_.Percent(20))) return n;
    return n / 8 * 8;
  }

  Leg DrawLeg() {
    unsigned sum = 0;
    for (const LegChoice& c : choices_) sum += c.weight;
    uint64_t at = dice_.Range(0, sum - 1);
    const LegChoice* choice = &choices_[0];
    for (const LegChoice& c : choices_) {
      choice = &c;
      if (at < c.weight) break;
      at -= c.weight;
    }
    const uint64_t sectors =
        choice->sectors == 0 ? kPretendedSectors : choice->sectors;
    uint64_t start = dice_.Percent(30) ? 0 : dice_.Range(0, sectors - 1);
    if (aligned_ || dice_.Percent(80)) start = start / 8 * 8;
    return {choice->disk, start, sectors - start};
  }

  RandomRow& Add(const std::string& type, uint64_t len) {
    rows_.push_back({end_, len, type, {}});
    end_ += len;
    return rows_.back();
  }

  void DrawRow() {
    // A page in a high stack must get through every level: few obstacles.
    const uint64_t kind = dice_.Range(0, 999);
    if (kind < (aligned_ ? 600 : 450)) {
      Linear();
    } else if (kind < (aligned_ ? 930 : 800)) {
      Striped();
    } else if (kind < (aligned_ ? 988 : 920)) {
      LogWrites();
    } else if (kind < (aligned_ ? 998 : 980)) {
      Error();
    } else {
      Add("zero", Length(400));
    }
  }

  void Linear() {
    const Leg leg = DrawLeg();
    RandomRow& row = Add("linear", Length(std::min(leg.room, kMaxRowSectors)));
    row.words = {{leg.disk, true}, {absl::StrCat(leg.start)}};
  }

  uint64_t DrawChunk(uint64_t room) {
    uint64_t chunk;
    if (dice_.Percent(aligned_ ? 1 : 15)) {
      chunk = dice_.Range(1, 7);
    } else if (dice_.Percent(aligned_ ? 0 : 30)) {
      chunk = dice_.Range(8, 700);
    } else {
      chunk = dice_.OneOf({8, 16, 24, 64, 72, 128, 256, 1000, 1024, 3000});
    }
    chunk = std::min(chunk, room);
    return aligned_ && chunk > 8 ? chunk / 8 * 8 : chunk;
  }

  void Striped() {
    std::vector<Leg> legs(dice_.OneOf({1, 2, 2, 3, 4, 5}));
    uint64_t room = kMaxRowSectors;
    for (Leg& leg : legs) {
      leg = DrawLeg();
      room = std::min(room, leg.room);
    }
    const uint64_t chunk = DrawChunk(room);
    const uint64_t width = dice_.Range(1, room / chunk) * chunk;
    RandomRow& row = Add("striped", legs.size() * width);
    row.words = {{absl::StrCat(legs.size())}, {absl::StrCat(chunk)}};
    for (const Leg& leg : legs) {
      row.words.push_back({leg.disk, true});
      row.words.push_back({absl::StrCat(leg.start)});
    }
  }

  // The row's start is not subtracted, so the pages it leads to may lie
  // anywhere, even behind the device; only the length must fit.
  void LogWrites() {
    const Leg leg = DrawLeg();
    const uint64_t room = leg.room + leg.start;
    RandomRow& row = Add("log-writes", Length(std::min(room, kMaxRowSectors)));
    row.words = {{leg.disk, true}, {DrawLeg().disk, true}};
  }

  void Error() {
    const Leg leg = DrawLeg();
    RandomRow& row = Add("error", Length(std::min<uint64_t>(leg.room, 200)));
    if (dice_.Percent(30)) {
      row.words = {{leg.disk, true}, {absl::StrCat(leg.start)}};
    }
  }

  Dice& dice_;
  const std::vector<LegChoice>& choices_;
  const bool aligned_;
  std::vector<RandomRow> rows_;
  uint64_t end_ = 0;
};

}  // namespace

std::vector<RandomRow> DrawTable(Dice& dice,
                                 const std::vector<LegChoice>& choices,
                                 bool aligned) {
  return TableDrawer(dice, choices, aligned).Draw();
}

std::string NaiveText(const std::vector<RandomRow>& rows) {
  std::string text;
  for (const RandomRow& row : rows) {
    absl::StrAppend(&text, row.begin, " ", row.len, " ", row.type);
    for (const RandomWord& word : row.words) {
      absl::StrAppend(&text, " ", word.text);
    }
    text += "\n";
  }
  return text;
}

std::vector<DmTargetSpec> Specs(
    const std::vector<RandomRow>& rows,
    const std::function<std::string(const std::string& disk)>& path) {
  std::vector<DmTargetSpec> specs;
  for (const RandomRow& row : rows) {
    DmTargetSpec& spec = specs.emplace_back();
    spec.sector_start = sector_t{row.begin};
    spec.length = row.len;
    spec.target_type = row.type;
    for (const RandomWord& word : row.words) {
      absl::StrAppend(&spec.params, spec.params.empty() ? "" : " ",
                      word.is_device ? path(word.text) : word.text);
    }
  }
  return specs;
}

}  // namespace dmdax::property
