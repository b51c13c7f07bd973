// SPDX-License-Identifier: Apache-2.0
//
// The examples of import/.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "formats/world_format.h"
#include "import/facts.h"
#include "import/filter_source.h"
#include "import/formats/input_lines.h"
#include "import/formats/json_input.h"
#include "import/gzip_source.h"
#include "import/import.h"
#include "import/import_files.h"
#include "import/import_format.h"
#include "import/import_input.h"
#include "import/import_paths.h"
#include "import/lvm/lvm_config.h"
#include "import/lvm/lvm_pv_extents.h"
#include "import/lvm/lvm_tables.h"
#include "import/nd_pfn.h"
#include "import/size_range.h"
#include "tests/examples/examples.h"

namespace dmdax {
namespace {

ImportInput InputOf(const std::string& name, const std::string& text) {
  return {.name = name, .path = name, .text = text};
}

TEST(ImportExamples, Facts) {
  const ImportInput first = InputOf("lsblk.json", "{}");
  const ImportInput second = InputOf("ndctl.json", "{}");
  const Place place{&second, 4, 9};
  Facts facts;
  Disk& said = facts.DiskNamed("pmem0", place);
  ASSERT_THAT(
      facts.Say(said.dev, DevT{259, 0}, Place{&first, 3, 5}, "pmem0", "number"),
      IsOk());
#include "tests/examples/import/facts.inc"
  EXPECT_EQ(s.message(),
            "ndctl.json:4:9: the number of pmem0 is 259:1; lsblk.json:3:5 says "
            "259:0");
}

TEST(ImportExamples, GzipSource) {
  // "hello\n"
  const absl::string_view packed(
      "\x1f\x8b\x08\0\0\0\0\0\0\x03\xcb\x48\xcd\xc9\xc9\xe7\x02\0\x20\x30"
      "\x3a\x36\x06\0\0\0",
      26);
#include "tests/examples/import/gzip_source.inc"
  EXPECT_EQ(*block, "hello\n");
  EXPECT_EQ(*source.Next(), "");
}

TEST(ImportExamples, FilterSource) {
  // "hello\n"
  const absl::string_view packed(
      "\x42\x5a\x68\x39\x31\x41\x59\x26\x53\x59\xc1\xc0\x80\xe2\x00\x00\x01\x41"
      "\x00\x00\x10"
      "\x02\x44\xa0\x00\x30\xcd\x00\xc3\x46\x29\x97\x17\x72\x45\x38\x50\x90\xc1"
      "\xc0\x80\xe2",
      42);
#include "tests/examples/import/filter_source.inc"
  EXPECT_EQ(*block, "hello\n");
}

TEST(ImportExamples, LvmPvExtents) {
  const LvmGroup group;
  const auto add = [&]() -> absl::Status {
#include "tests/examples/import/lvm/lvm_pv_extents.inc"
    return absl::OkStatus();
  };
  EXPECT_THAT(add(), IsOk());
}

TEST(ImportExamples, ImportPaths){
#include "tests/examples/import/import_paths.inc"
}

TEST(ImportExamples, Import) {
  // Not called: there are no such files.
  [[maybe_unused]] const auto import = [] {
#include "tests/examples/import/import.inc"
    return s;
  };
}

TEST(ImportExamples, ImportFiles) {
  // Not called: there is no such file.
  [[maybe_unused]] const auto print = [] {
#include "tests/examples/import/import_files.inc"
  };
}

TEST(ImportExamples, ImportFormat) {
  const ImportInput input = InputOf("x", "6.1.0-56-amd64\n");
  Facts facts;
#include "tests/examples/import/import_format.inc"
  EXPECT_THAT(s, IsOk());
  EXPECT_EQ(format->name, "uname");
}

TEST(ImportExamples, NdPfn) {
#include "tests/examples/import/nd_pfn.inc"
  EXPECT_EQ(bytes, uint64_t{18} << 20);
}

TEST(ImportExamples, ImportInput) {
#include "tests/examples/import/import_input.inc"
  EXPECT_EQ(place.Error("a list is expected").message(),
            "lsblk.json:1:2: a list is expected");
}

TEST(ImportExamples, SizeRange) {
  const SizeRange range = *ParseSize("126.00 GiB (135.29 GB)");
#include "tests/examples/import/size_range.inc"
}

TEST(ImportExamples, InputLines) {
  const ImportInput input = InputOf("t.txt", "0 linear\n\n  x linear\n");
  std::vector<std::string> said;
  for (InputLines lines(input); lines.Next();) {
    LineWords words = lines.Words();
    said.push_back(
        std::string(words.Number("a start in sectors").status().message()));
  }
  EXPECT_THAT(said,
              testing::ElementsAre(
                  "", "t.txt:3:3: a start in sectors is expected, not 'x'"));
#include "tests/examples/import/formats/input_lines.inc"
}

TEST(ImportExamples, JsonInput) {
  const ImportInput input =
      InputOf("l.json", "{\"blockdevices\": [{\"name\": \"a\", \"size\": 7}]}");
#include "tests/examples/import/formats/json_input.inc"
  EXPECT_EQ(top["blockdevices"].Elements().size(), 1u);
}

TEST(ImportExamples, LvmConfig) {
  const ImportInput input = InputOf("vg", "vg { id = \"x\" }\n");
#include "tests/examples/import/lvm/lvm_config.inc"
  ASSERT_NE(vg, nullptr);
  EXPECT_EQ(vg->Value("id")->text, "x");
}

TEST(ImportExamples, LvmTables) {
  LvmGroup group{.name = "vg", .extent_size = 8192};
  group.pvs["pv0"] = {
      .name = "pv0", .device = "/dev/pmem0", .pe_start = 2048, .pe_count = 100};
  LvmLv& home = group.lvs["home"];
  home.name = "home";
  home.status = {"READ", "WRITE", "VISIBLE"};
  home.segments.push_back(
      {.type = "striped", .extent_count = 64, .areas = {{"pv0", 0}}});
  group.lv_order = {"home"};
  std::vector<std::string> notes;
#include "tests/examples/import/lvm/lvm_tables.inc"
  ASSERT_EQ(devices.size(), 1u) << notes.size();
  EXPECT_EQ(devices[0].name, "vg-home");
  EXPECT_EQ(devices[0].rows[0].params, "/dev/pmem0 2048");
}

}  // namespace
}  // namespace dmdax
