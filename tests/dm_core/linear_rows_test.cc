// SPDX-License-Identifier: Apache-2.0
//
// A table that comes as columns is the table that its rows make: the same
// refusals and log, limits, status, translations.
#include "dm/linear_rows.h"

#include <optional>
#include <random>

#include "tests/dm_testing.h"

namespace dmdax {
namespace {

// All that can be seen of a load and a resume.
struct Seen {
  std::string text;
  void Add(const auto&... parts) { absl::StrAppend(&text, parts..., "\n"); }
};

constexpr uint64_t kSectors = 131072;  // of every device

class LinearRowsTest : public DmTest {
 protected:
  void LookAtTable(Seen* seen) {
    MappedDevice& md = Md("d0");
    const DmTable* table = md.live_table();
    if (table == nullptr) return;
    seen->Add("size ", table->size(), " rows ", table->num_targets());
    seen->Add("type ", static_cast<int>(md.type()), " dax '",
              table->SupportsDax().reason, "' ", table->SupportsDax().target);
    const uint64_t pages = std::min<uint64_t>(table->size() / 8 + 2, 3000);
    // Compiled first: that needs no rows.
    for (bool traced : {false, true}) {
      for (uint64_t page = 0; page < pages; ++page) {
        Trace trace;
        const DaxAccess a =
            DaxDirectAccess(&md.dax_dev(), pgoff_t{page}, 1 << 20,
                            DaxAccessMode::kAccess, traced ? &trace : nullptr);
        seen->Add(page, ": ", a.ret, " ", a.ret > 0 ? a.pfn.value() : 0);
      }
    }
    for (const DmTarget& ti : table->targets()) {
      if (table->FindTarget(ti.begin) != &ti)
        seen->Add("lost ", ti.begin.value());
    }
    for (const DmTable::TableDev& dd : table->devices()) {
      seen->Add("device ", dd.dm_dev->name, " used ", dd.count);
    }
    const QueueLimits l = md.disk().queue().limits();
    seen->Add("limits ", l.logical_block_size, " ", l.physical_block_size, " ",
              l.io_min, " ", l.io_opt, " ", l.max_sectors, " ",
              l.alignment_offset, " ", l.misaligned, " ", l.chunk_sectors);
    seen->Add("dax flag ", md.disk().queue().Has(QUEUE_FLAG_DAX), " wc ",
              md.disk().queue().Has(QUEUE_FLAG_WC));
    seen->Add(Table("d0"));
  }

  std::string Try(absl::string_view kernel,
                  const std::shared_ptr<const LinearRows>& rows,
                  bool as_columns) {
    Boot(kernel);
    EXPECT_THAT(New("d0"), IsOk());
    Log();
    Seen seen;
    std::optional<size_t> bad_row;
    DmIoctl io{.name = "d0"};
    const absl::Status s = as_columns
                               ? ctl().TableLoad(io, rows, &bad_row)
                               : ctl().TableLoad(io, SpecsOf(*rows), &bad_row);
    seen.Add("load ", s.ToString(), " row ",
             bad_row ? static_cast<int64_t>(*bad_row) : -1);
    if (s.ok()) {
      io = DmIoctl{.name = "d0"};
      seen.Add("resume ", ctl().DevSuspend(io).ToString());
      LookAtTable(&seen);
    }
    for (const std::string& line : Log()) seen.Add(line);
    return seen.text;
  }

  std::shared_ptr<const LinearRows> Random(std::mt19937_64& random) {
    auto rows = std::make_shared<LinearRows>();
    static const char* kAll[] = {"/dev/pmem0", "/dev/pmem1", "/dev/sda",
                                 "/dev/sdb",   "259:0",      "/dev/no",
                                 "/dev/a b",   "",           "259:99"};
    // Mostly those that are there and DAX.
    const size_t names = random() % 4 == 0 ? 9 : random() % 3 == 0 ? 5 : 2;
    for (size_t i = 0; i < names; ++i) rows->devices.push_back(kAll[i]);
    const uint64_t unit = random() % 3 == 0 ? 1 : 8;
    const bool wild = random() % 4 == 0;
    for (size_t n = random() % 40 + 1; n > 0; --n) {
      uint64_t length = (random() % 50 + 1) * unit;
      uint64_t start = random() % 15000 * unit;
      if (wild && random() % 20 == 0) length = random() % 2 << (random() % 64);
      if (wild && random() % 20 == 0) start = random() >> (random() % 64);
      if (wild && random() % 20 == 0) start = kSectors - random() % 3 * length;
      rows->Add(length, static_cast<uint32_t>(random() % names), start);
    }
    return rows;
  }
};

TEST_F(LinearRowsTest, ColumnsAreWhatTheirRowsAre) {
  std::mt19937_64 random(7);
  int loaded = 0;
  for (int i = 0; i < 1200; ++i) {
    const char* kernels[] = {"v4_14", "v5_10", "v6_1", "v6_12", "v7_2"};
    const char* kernel = kernels[i % 5];
    const auto rows = Random(random);
    const std::string expected = Try(kernel, rows, false);
    ASSERT_EQ(Try(kernel, rows, true), expected) << kernel << " case " << i;
    loaded += expected.find("load OK") == 0 ? 1 : 0;
  }
  EXPECT_GT(loaded, 300);
  EXPECT_LT(loaded, 1100);
}

TEST_F(LinearRowsTest, NoRowIsMadeBeforeSomebodyLooks) {
  auto rows = std::make_shared<LinearRows>();
  rows->devices = {"/dev/pmem0"};
  for (uint64_t i = 0; i < 1000; ++i) rows->Add(8, 0, (999 - i) * 8);
  ASSERT_THAT(New("d0"), IsOk());
  DmIoctl io{.name = "d0"};
  ASSERT_THAT(ctl().TableLoad(io, rows), IsOk());
  io = DmIoctl{.name = "d0"};
  ASSERT_THAT(ctl().DevSuspend(io), IsOk());
  const DmTable* table = Md("d0").live_table();
  ASSERT_NE(table->columns(), nullptr);
  EXPECT_EQ(table->num_targets(), 1000u);
  const DmTarget* ti = table->FindTarget(sector_t{4001});
  EXPECT_EQ(ti->begin, sector_t{4000});
  // The same one, for good.
  EXPECT_EQ(&table->targets()[500], ti);
  EXPECT_EQ(table->FindTarget(sector_t{8000}), nullptr);
}

}  // namespace
}  // namespace dmdax
