// SPDX-License-Identifier: Apache-2.0
//
// The examples of tools/ and tools/dmsetup/.
#include <unistd.h>

#include <array>
#include <iostream>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "process/vma_words.h"
#include "state/find_device.h"
#include "state/world_load.h"
#include "tests/dm_testing.h"
#include "tests/examples/examples.h"
#include "tools/app.h"
#include "tools/byte_count.h"
#include "tools/command_line.h"
#include "tools/dmsetup/command.h"
#include "tools/dmsetup/dmsetup.h"
#include "tools/dmsetup/facts.h"
#include "tools/dmsetup/report/report.h"
#include "tools/dmsetup/split_name.h"
#include "tools/dmsetup/table_hints.h"
#include "tools/fault_target.h"
#include "tools/fleet_totals.h"
#include "tools/print_json.h"
#include "tools/reason_page.h"
#include "tools/stdout_buffer.h"
#include "tools/world_losses.h"

namespace dmdax {
namespace {

class ToolsExamples : public DmTest {
 protected:
  ToolsExamples() {
    EXPECT_THAT(Create("d0", {Row(0, 8192, "linear", "/dev/pmem0 0")}), IsOk());
  }
  CLI::App cli;
  CLI::App* verb = cli.add_subcommand("verb");
  std::string out, err;
};

TEST_F(ToolsExamples, ByteCount) {
  const auto size = std::make_shared<uint64_t>(0);
  const auto pid = std::make_shared<uint32_t>(0);
#include "tests/examples/tools/byte_count.inc"
  cli.parse("verb --size 512M 010");
  EXPECT_EQ(*size, 512 << 20);
  EXPECT_EQ(*pid, 10);
  for (const char* bad :
       {"-1", "4294967296", "x", "", " 1", "+1", "0x", "1K"}) {
    const std::array<const char*, 3> words = {"dmdax", "verb", bad};
    EXPECT_THROW(cli.parse(static_cast<int>(words.size()), words.data()),
                 CLI::ParseError)
        << bad;
  }
}

TEST_F(ToolsExamples, CommandLine) {
  App app;
  const auto o = std::make_shared<FaultRequest>();
  const CLI::Option* file = verb->add_option("--file", o->file);
  const CLI::Option* device = verb->add_option("--device", o->device);
  const auto Run = [](App& asked, const FaultRequest&) { asked.exit_code = 7; };
#include "tests/examples/tools/command_line.inc"
  cli.parse("verb --file f --prot r");
  EXPECT_EQ(app.exit_code, 7);
  for (const char* bad :
       {"verb", "verb --file f --device d", "verb --file f --prot z"}) {
    EXPECT_THROW(cli.parse(bad), CLI::ParseError) << bad;
  }
}

TEST_F(ToolsExamples, FaultTarget) {
  Session session = NewSession(DefaultKernelProfile(), 254);
  ASSERT_THAT(session.machine->AddPmem(
                  {.name = "pmem0", .base = 1ull << 32, .size = 64 << 20}),
              IsOk());
  Task& task = **session.user->AddTask(1);
  // Not called: its options are given between the two calls.
  [[maybe_unused]] const auto fault = [&] {
#include "tests/examples/tools/fault_target.inc"
  };
}

TEST_F(ToolsExamples, WorldLosses) {
  const Session session = NewSession(DefaultKernelProfile(), 0);
  const proto::World world = DescribeWorld(session);
#include "tests/examples/tools/world_losses.inc"
}

TEST_F(ToolsExamples, PrintJson) {
  testing::internal::CaptureStdout();
#include "tests/examples/tools/print_json.inc"
  EXPECT_EQ(
      testing::internal::GetCapturedStdout(),
      "{\n  \"schema\": 1,\n  \"kind\": \"mounts\",\n  \"mounts\": []\n}\n");
  constexpr uint64_t kSafe = 9007199254740991;  // 2^53 - 1
  for (const uint64_t number : {uint64_t{0}, kSafe, kSafe + 1, ~uint64_t{0}}) {
    std::ostringstream text;
    PrintJson(text, "x", {{"n", number}});
    const auto json = nlohmann::ordered_json::parse(text.str());
    EXPECT_EQ(json["n"].is_string(), number > kSafe);
    EXPECT_EQ(json["n"].dump(), JsonNumber(number));
    EXPECT_EQ(NumberOfJson(json["n"]), number);
  }
}

TEST_F(ToolsExamples, FleetTotals) {
  const std::vector<nlohmann::ordered_json> rows(
      2, nlohmann::ordered_json::parse(
             R"({"machine": "m", "subjects": [{"kernels": [
                 {"kernel": "v6_1", "holds": true}]}]})"));
  testing::internal::CaptureStdout();
#include "tests/examples/tools/fleet_totals.inc"
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "v6_1: 2\n");
}

TEST_F(ToolsExamples, StdoutBuffer) {
  const std::string answer(100000, 'x');
  testing::internal::CaptureStdout();
  const auto print = [&]() -> int {
#include "tests/examples/tools/stdout_buffer.inc"
    return 0;
  };
  EXPECT_EQ(print(), 0);
  EXPECT_EQ(testing::internal::GetCapturedStdout(), answer);
}

TEST_F(ToolsExamples, ReasonPage) {
  testing::internal::CaptureStdout();
#include "tests/examples/tools/reason_page.inc"
  EXPECT_THAT(testing::internal::GetCapturedStdout(),
              testing::HasSubstr("cure: "));
  for (const ReasonPage& page : ReasonPages()) {
    EXPECT_FALSE(page.why.empty()) << page.name;
    EXPECT_FALSE(page.see.empty()) << page.name;
    EXPECT_FALSE(page.cure.empty()) << page.name;
  }
}

TEST_F(ToolsExamples, Facts) {
#include "tests/examples/tools/dmsetup/facts.inc"
  EXPECT_EQ(facts.devices.size(), 1u);
}

TEST_F(ToolsExamples, TableHints) {
  const Machine& machine = this->machine();
  testing::internal::CaptureStderr();
#include "tests/examples/tools/dmsetup/table_hints.inc"
  EXPECT_THAT(testing::internal::GetCapturedStderr(),
              testing::HasSubstr("'8k' is read as 8"));
  const auto hint = [&](const char* table) {
    const std::vector<std::string> hints = TableHints(machine, table);
    return hints.empty() ? "" : hints[0];
  };
  EXPECT_THAT(hint("0 0x800 zero"), testing::HasSubstr("'0x800' is read as 0"));
  EXPECT_THAT(hint("0 8 liner /dev/pmem0 0"),
              testing::HasSubstr("did you mean 'linear'?"));
  EXPECT_THAT(hint("0 8 linear pmem0 0"), testing::HasSubstr("/dev/pmem0"));
  EXPECT_THAT(hint("0 8 linear /dev/pmen0 0"),
              testing::HasSubstr("did you mean '/dev/pmem0'?"));
  EXPECT_THAT(hint("\xef\xbb\xbf"
                   "0 8 zero"),
              testing::HasSubstr("byte order mark"));
  EXPECT_THAT(hint("0 8 zero\r\n"), testing::HasSubstr("carriage return"));
  // A key is no number, and nothing is wrong with these.
  EXPECT_EQ(hint("0 8 crypt aes 1f2e3d4c 0 /dev/pmem0 0"), "");
  EXPECT_EQ(hint("0 8 linear 259:0 0"), "");
}

TEST_F(ToolsExamples, DmTask) {
  DmsetupContext ctx{.ctl = ctl(), .options = {}, .input = ""};
  const auto suspended = [&]() -> bool {
#include "tests/examples/tools/dmsetup/dm_task.inc"
  };
  EXPECT_FALSE(suspended());
  ASSERT_THAT(Suspend("d0"), IsOk());
  EXPECT_TRUE(suspended());
}

TEST_F(ToolsExamples, Dmsetup) {
  ASSERT_THAT(Remove("d0"), IsOk());
  DmCtl& ctl = this->ctl();
#include "tests/examples/tools/dmsetup/dmsetup.inc"
  EXPECT_EQ(Table("d0"), "0 8 zero\n");
}

TEST_F(ToolsExamples, MapperNodes) {
  Machine& machine = this->machine();
  const DevT dev = Md("d0").dev();
#include "tests/examples/tools/dmsetup/mapper_nodes.inc"
  EXPECT_THAT(machine.LookupBdev("/dev/mapper/home"), IsOkAndHolds(dev));
}

TEST_F(ToolsExamples, SplitName){
#include "tests/examples/tools/dmsetup/split_name.inc"
}

TEST_F(ToolsExamples, Report) {
  constexpr std::array<ReportSection, 1> kSections = {{{1, "Disks", "disk_"}}};
  constexpr std::array<ReportField, 1> kFields = {
      {{1, FieldType::kString, "Name", 4, "name", "Name of the disk."}}};
  const ReportSchema schema{kSections, kFields};
  const ReportOptions options{.fields = "name"};
  const ReportStreams streams{out, err};
  const auto value_of_field = [](size_t) {
    return std::optional<FieldValue>({.text = "home"});
  };
#include "tests/examples/tools/dmsetup/report/report.inc"
  EXPECT_EQ(out, "Name\nhome\n");
}

}  // namespace
}  // namespace dmdax
