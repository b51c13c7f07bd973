// SPDX-License-Identifier: Apache-2.0
//
// Input of a hostile user: a clear answer, soon, in bounded memory.
#include <sys/resource.h>

#include <random>

#include "absl/strings/str_cat.h"
#include "formats/table_text.h"
#include "formats/world_format.h"
#include "gtest/gtest.h"
#include "state/target_spec.h"
#include "state/world_load.h"

namespace dmdax {
namespace {

// Peak memory, and processor time (the machine may be busy), of the body; both
// generous, and far below what anything quadratic would take.
class Bounded {
 public:
  explicit Bounded(long mib) : mib_(mib), start_(Usage()) {}
  ~Bounded() {
    const rusage now = Usage();
    EXPECT_LT(now.ru_utime.tv_sec - start_.ru_utime.tv_sec, 30);
    EXPECT_LT((now.ru_maxrss - start_.ru_maxrss) / 1024, mib_);
  }

 private:
  static rusage Usage() {
    rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage;
  }
  const long mib_;
  const rusage start_;
};

constexpr size_t k100M = 100000000;

std::string Repeat(absl::string_view unit, size_t bytes) {
  std::string s;
  s.reserve(bytes + unit.size());
  while (s.size() < bytes) s.append(unit.data(), unit.size());
  return s;
}

std::string Message(const absl::Status& s) { return std::string(s.message()); }

// First, while the peak is low.
TEST(Hostile, RandomBytes) {
  Bounded bounded(64);
  std::mt19937_64 random(3);
  for (int i = 0; i < 50000; ++i) {
    std::string bytes(random() % 64, '\0');
    for (char& c : bytes) c = static_cast<char>(random());
    (void)ParseTable(bytes, "t");
    absl::StatusOr<ParsedWorld> w = ParseWorld(bytes, "w");
    if (w.ok()) (void)LoadWorld(w->world, w->source);
  }
}

TEST(Hostile, TruncatedAndChangedWorlds) {
  Bounded bounded(64);
  absl::StatusOr<ParsedWorld> good = ParseWorld(
      "pmem { name: 'pmem0' base: 0x100000000 size: 0x20000000 } "
      "mapped_device { name: 'a' table { target { length: 16 striped { "
      "chunk: 8 stripe { device: '259:0' } stripe { device: '/dev/pmem0' } } "
      "} } inactive_table { target { length: 8 zero {} } } suspended: true }",
      "w");
  ASSERT_TRUE(good.ok());
  std::mt19937_64 random(4);
  for (const Format* format :
       {&kTextprotoFormat, &kJsonFormat, &kBinaryFormat}) {
    const std::string bytes = *PrintWorld(good->world, *format);
    for (size_t n = 0; n < bytes.size(); ++n) {
      absl::StatusOr<ParsedWorld> w = ParseWorld(bytes.substr(0, n), "w");
      if (!w.ok()) {
        EXPECT_EQ(Message(w.status()).substr(0, 2), "w:");
      }
    }
    for (int i = 0; i < 3000; ++i) {
      std::string changed = bytes;
      for (uint64_t k = 1 + random() % 3; k > 0; --k) {
        changed[random() % changed.size()] = static_cast<char>(random());
      }
      absl::StatusOr<ParsedWorld> w = ParseWorld(changed, "w");
      if (w.ok()) (void)LoadWorld(w->world, w->source);
    }
  }
}

TEST(Hostile, DeepNesting) {
  Bounded bounded(256);
  const std::string json =
      Message(ParseWorld(Repeat("{\"a\":[", 10000000), "w").status());
  EXPECT_EQ(json, "w:1:193: nested deeper than 64");
  EXPECT_FALSE(ParseWorld(Repeat("[", 10000000), "w").ok());
  EXPECT_FALSE(ParseWorld(Repeat("pmem{", 10000000), "w").ok());
  EXPECT_FALSE(ParseWorld(Repeat("pmem<", 10000000), "w").ok());
  EXPECT_FALSE(ParseTable(Repeat("target{zero{", 10000000), "w").ok());
  EXPECT_FALSE(ParseTable(Repeat("\x12\x7f", 10000000), "w").ok());
}

std::string LinearRows(int rows) {
  std::string text;
  for (int i = 0; i < rows; ++i) {
    absl::StrAppend(&text, i * 8, " 8 linear /dev/pmem0 ", i * 8, "\n");
  }
  return text;
}

proto::World WorldWith(const std::string& table_text) {
  proto::World world;
  proto::Pmem* pmem = world.add_pmem();
  pmem->set_name("pmem0");
  pmem->set_base(uint64_t{1} << 32);
  pmem->set_size(uint64_t{1} << 32);
  proto::MappedDevice* a = world.add_mapped_device();
  a->set_name("a");
  *a->mutable_table() = ParseTable(table_text, "t")->table;
  return world;
}

TEST(Hostile, AMillionRows) {
  Bounded bounded(1500);
  const std::string text = LinearRows(1000000);
  absl::StatusOr<ParsedTable> t = ParseTable(text, "t");
  ASSERT_TRUE(t.ok()) << t.status();
  EXPECT_EQ(t->table.target_size(), 1000000);
  EXPECT_EQ(*PrintTable(t->table, kDmsetupFormat), text);
  EXPECT_EQ(t->source.Locate("target[999999]"), "t:1000000:1: ");
  absl::StatusOr<std::string> bytes = PrintTable(t->table, kBinaryFormat);
  ASSERT_TRUE(bytes.ok());
  t = ParseTable(*bytes, "t");
  ASSERT_TRUE(t.ok()) << t.status();
  EXPECT_EQ(t->table.target_size(), 1000000);
}

// Fewer rows: Protobuf's own readers of text are slow.
TEST(Hostile, ManyRowsAsText) {
  Bounded bounded(500);
  absl::StatusOr<ParsedTable> t = ParseTable(LinearRows(100000), "t");
  ASSERT_TRUE(t.ok()) << t.status();
  for (const Format* format : {&kTextprotoFormat, &kJsonFormat}) {
    absl::StatusOr<std::string> bytes = PrintTable(t->table, *format);
    ASSERT_TRUE(bytes.ok());
    absl::StatusOr<ParsedTable> again = ParseTable(*bytes, "t");
    ASSERT_TRUE(again.ok()) << again.status();
    EXPECT_EQ(again->table.target_size(), 100000);
  }
}

TEST(Hostile, ABadRowAmongMany) {
  Bounded bounded(500);
  proto::World world = WorldWith(LinearRows(100000));
  EXPECT_TRUE(LoadWorld(world).ok());
  // One row past the end: its place in the text is found.
  proto::Table* table = world.mutable_mapped_device(0)->mutable_table();
  table->mutable_target(99998)->mutable_linear()->set_start(1 << 23);
  absl::StatusOr<ParsedWorld> w =
      ParseWorld(*PrintWorld(world, kTextprotoFormat), "w");
  ASSERT_TRUE(w.ok()) << w.status();
  const std::string why = Message(LoadWorld(w->world, w->source).status());
  // Eight lines in front, six of row 0, whose zeros are defaults and not
  // printed, and eight of each row since.
  EXPECT_EQ(why.substr(0, why.find(':', 40)),
            "w:799991:5: mapped device 'a': target 99998");
}

TEST(Hostile, AHundredMegabyteLine) {
  Bounded bounded(2000);
  const std::string words = Repeat("a ", k100M);
  TableText text = ParseTableText("0 8 linear " + words, "t");
  ASSERT_TRUE(text.ok());
  EXPECT_EQ(text.rows[0].spec.params.size(), k100M - 1);
  EXPECT_TRUE(TargetFromSpec(text.rows[0].spec).has_raw());
  text = ParseTableText(words, "t");
  EXPECT_EQ(text.error.cause, "a start in sectors is expected, not 'a'");
  text = ParseTableText("0 8 " + std::string(k100M, 'x'), "t");
  EXPECT_EQ(text.error.cause, "a target type has at most 15 characters");
  EXPECT_LT(text.error.dmsetup.size(), 5000u);
  text = ParseTableText(std::string(k100M, '9') + " 8 zero", "t");
  EXPECT_TRUE(text.ok());
  text = ParseTableText(std::string(k100M, ' '), "t");
  EXPECT_TRUE(text.ok() && text.rows.empty());
  for (const char* begin : {"kernel: \"", "{\"kernel\": \"", "["}) {
    const absl::Status s = ParseWorld(begin + words, "w").status();
    EXPECT_FALSE(s.ok());
    EXPECT_LT(s.message().size(), 1000u) << begin;
  }
}

TEST(Hostile, MillionsOfEmptyMessages) {
  Bounded bounded(4000);
  EXPECT_EQ(
      Message(
          ParseTable(Repeat(std::string("\x12\0", 2), k100M), "t").status()),
      "t: byte 16777214: not a binary Table: more than 8388608 "
      "messages");
  EXPECT_EQ(Message(ParseTable(Repeat("target{}", k100M), "t").status()),
            "t:1:67108871: more than 8388608 messages");
  EXPECT_EQ(
      Message(ParseTable("{\"target\":[" + Repeat("{},", k100M), "t").status()),
      "t:1:25165833: more than 8388608 objects");
}

}  // namespace
}  // namespace dmdax
