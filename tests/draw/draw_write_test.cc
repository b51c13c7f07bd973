// SPDX-License-Identifier: Apache-2.0
//
// Whatever names are, they stay names in every picture.
#include "tools/draw/draw_write.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_split.h"
#include "tools/draw/draw_svg_strip.h"

namespace dmdax {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr char kBad[] = "</script><!--\"\\\n\x01\xff&\xe2\x80\xa8]]>";

DrawModel BadNames() {
  DrawModel model{.kernel = "v6_1", .levels = 2};
  DrawNode top{.name = kBad, .device = kBad, .type = DrawNode::kMapped};
  top.size = 4096;
  top.dax = true;
  top.detail = kBad;
  top.shares.total = top.shares.pte = 4096;
  top.blocks = {{4096, 4096, false, {{4096, DrawKind::kPte, 0}}}};
  top.rows = {{0, 4096, kBad, 0, true, 1, {{1, 0, 4096}}}};
  top.obstacles = {0};
  DrawNode pmem{.name = "pmem0", .type = DrawNode::kPmem, .level = 1};
  pmem.size = uint64_t{1} << 60;
  pmem.memory = {{0, pmem.size, uint64_t{1} << 51}};
  model.nodes = {top, pmem};
  model.edges = {{0, 1, kBad, 1}};
  model.reasons = {{"pfn_target", kBad, kBad, 0}};
  model.cures = {{{kBad}, kBad, "", kBad}};
  return model;
}

TEST(DrawWriteTest, TextIsOneValidLine) {
  EXPECT_EQ(DrawText("a\nb\x7f"), "a\\012b\\177");
  EXPECT_EQ(DrawText("\xff"), "\uFFFD");
  EXPECT_EQ(DrawText("\xef\xbf\xbf"), "\uFFFD");
  EXPECT_EQ(DrawText("plain \"x\" \u00e4"), "plain \"x\" \u00e4");
}

TEST(DrawWriteTest, TheModelInThePageEndsNoScript) {
  const std::string html = DrawHtml(BadNames());
  const std::string begin = "<script type=\"application/json\" id=\"model\">";
  const size_t from = html.find(begin);
  ASSERT_NE(from, html.npos);
  const size_t start = from + begin.size();
  const std::string json = html.substr(start, html.find('<', start) - start);
  EXPECT_EQ(html.substr(start + json.size(), 9), "</script>");
  EXPECT_THAT(json, Not(HasSubstr("&")));
  // It is the model, nothing more and nothing less.
  const auto parsed = nlohmann::ordered_json::parse(json);
  EXPECT_EQ(parsed, DrawJson(BadNames()));
  EXPECT_EQ(parsed["nodes"][0]["name"], DrawText(kBad));
}

TEST(DrawWriteTest, NumbersThatJavaScriptRoundsAreStrings) {
  const auto json = DrawJson(BadNames());
  EXPECT_EQ(json["nodes"][1]["size"], "1152921504606846976");
  EXPECT_EQ(json["nodes"][0]["size"], 4096);
}

TEST(DrawWriteTest, DotHasAStringForEachName) {
  const std::string dot = DrawDot(BadNames());
  for (absl::string_view line : absl::StrSplit(dot, '\n')) {
    // Outside of escapes each line has an even number of quotes.
    size_t quotes = 0;
    for (size_t i = 0; i < line.size(); ++i) {
      if (line[i] == '\\') {
        ++i;
      } else if (line[i] == '"') {
        ++quotes;
      }
    }
    EXPECT_EQ(quotes % 2, 0u) << line;
  }
  EXPECT_THAT(dot, HasSubstr("</script><!--\\\"\\\\\\\\012"));
}

TEST(DrawWriteTest, SvgHasNamesAsText) {
  const std::string svg = DrawSvg(BadNames());
  EXPECT_THAT(svg, Not(HasSubstr("</script>")));
  EXPECT_THAT(svg, Not(HasSubstr("\x01")));
  EXPECT_THAT(svg, HasSubstr("&lt;/script&gt;&lt;!--&quot;"));
}

TEST(DrawWriteTest, AColumnShowsTheLeastOfItsKinds) {
  DrawNode node;
  node.size = 1 << 30;
  node.blocks = {{1 << 30,
                  1 << 30,
                  false,
                  {{(1 << 30) - 4096, DrawKind::kPmd, -1},
                   {4096, DrawKind::kSignal, -1}}}};
  EXPECT_THAT(SvgStrip(node, 0, 0, 100, 14), HasSubstr("class=\"signal\""));
}

}  // namespace
}  // namespace dmdax
