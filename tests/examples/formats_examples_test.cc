// SPDX-License-Identifier: Apache-2.0
//
// The examples of formats/ and embed/.
#include <iostream>

#include "embed/dmdax.h"
#include "formats/device_cache.h"
#include "formats/format.h"
#include "formats/json_numbers.h"
#include "formats/json_syntax.h"
#include "formats/linear_text.h"
#include "formats/mangle.h"
#include "formats/plain_digits.h"
#include "formats/table_text.h"
#include "formats/world_format.h"
#include "state/world_load.h"
#include "tests/dm_testing.h"
#include "tests/examples/examples.h"

namespace dmdax {
namespace {

class FormatsExamples : public DmTest {};

TEST_F(FormatsExamples, DeviceCache) {
  // Find() may read so many bytes in front of a word.
  const std::string line = "0 8 linear                  /dev/pmem0";
  const absl::string_view word = absl::string_view(line).substr(28);
  std::string used;
  const auto Use = [&](const std::string& name) { used = name; };
#include "tests/examples/formats/device_cache.inc"
  EXPECT_EQ(used, word);
}

TEST(EmbedExamples, Dmdax) {
  const std::string text = R"(
    pmem { name: "pmem0" base: 0x100000000 size: 67108864 }
    mapped_device {
      name: "home"
      table { target { length: 8192 linear { device: "/dev/pmem0" } } } })";
  const auto ask = [&]() -> absl::StatusOr<DaxRun> {
#include "tests/examples/embed/dmdax.inc"
  };
  absl::StatusOr<DaxRun> run = ask();
  ASSERT_THAT(run, IsOk());
  EXPECT_EQ(run->pfn, pfn_t{0x100000});
  EXPECT_EQ(run->nr_pages, 512);
}

TEST_F(FormatsExamples, Format) {
  proto::World world;
  world.add_pmem()->set_name("pmem0");
  absl::StatusOr<std::string> text = "";
#include "tests/examples/formats/format.inc"
  EXPECT_THAT(text, IsOkAndHolds(testing::HasSubstr("\"pmem0\"")));
}

TEST_F(FormatsExamples, JsonNumbers) {
#include "tests/examples/formats/json_numbers.inc"
  EXPECT_EQ(json, R"({"base": 4294967296})");
  const auto numbers = [](const char* text) {
    return JsonNumbers(text, *proto::World::GetDescriptor());
  };
  // 2^53 - 1 is the last that stays, and a name is a name.
  EXPECT_EQ(
      numbers(R"({"pmem": [{"name": "12", "size": "9007199254740991"}]})"),
      R"({"pmem": [{"name": "12", "size": 9007199254740991}]})");
  const char* kept = R"({"pmem": [{"size": "9007199254740992"}]})";
  EXPECT_EQ(numbers(kept), kept);
  kept = R"({"pmem": [{"name": "a\\\"}: {", "file": "3"}], "kernel": "7"})";
  EXPECT_EQ(numbers(kept), kept);
}

TEST_F(FormatsExamples, JsonSyntax) {
#include "tests/examples/formats/json_syntax.inc"
  EXPECT_EQ(ErrnoOf(s), EINVAL);
}

TEST_F(FormatsExamples, PlainDigits) {
  const absl::string_view digits = "4096 8";
  const char* at = digits.data();
  const char* const end = at + digits.size();
#include "tests/examples/formats/plain_digits.inc"
  EXPECT_EQ(at, digits.data() + 4);
  EXPECT_EQ(n, 4096);
}

TEST_F(FormatsExamples, LinearText) {
  ASSERT_THAT(New("d0"), IsOk());
  machine().AddNode("/dev/a", DevT{259, 0});
  machine().AddNode("/dev/b", DevT{259, 1});
  DmCtl& ctl = this->ctl();
  DmIoctl io{.name = "d0"};
  const auto load = [&]() -> absl::Status {
#include "tests/examples/formats/linear_text.inc"
    return absl::InternalError("null");
  };
  EXPECT_THAT(load(), IsOk());
}

TEST_F(FormatsExamples, TableText){
#include "tests/examples/formats/table_text.inc"
}

TEST_F(FormatsExamples, WorldFormat) {
  const std::string bytes = R"({"pmem": [{"name": "pmem0", "size": "65536"}]})";
#include "tests/examples/formats/world_format.inc"
  EXPECT_EQ(w->world.pmem(0).name(), "pmem0");
}

TEST_F(FormatsExamples, Mangle) {
#include "tests/examples/formats/mangle.inc"
}

}  // namespace
}  // namespace dmdax
