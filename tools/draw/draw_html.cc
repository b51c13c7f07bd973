// SPDX-License-Identifier: Apache-2.0
//
// The page: tools/draw/page/page.html, which tools/draw/page/build.mjs makes,
// with the model in it.
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "tools/draw/draw_write.h"

namespace dmdax {
namespace {

constexpr char kPage[] =
#include "tools/draw/page.inc"
    ;

// Where the model goes.
constexpr absl::string_view kMark = "@DMDAX_MODEL@";

// JSON that is safe inside of <script>: neither "</script>" nor "<!--" can
// appear, whatever the names are.
std::string InScript(const nlohmann::ordered_json& json) {
  const std::string text = json.dump(
      -1, ' ', true, nlohmann::ordered_json::error_handler_t::replace);
  std::string safe;
  safe.reserve(text.size());
  for (const char c : text) {
    switch (c) {
      case '<':
        safe += "\\u003c";
        break;
      case '>':
        safe += "\\u003e";
        break;
      case '&':
        safe += "\\u0026";
        break;
      default:
        safe += c;
    }
  }
  return safe;
}

}  // namespace

std::string DrawHtml(const DrawModel& model) {
  const absl::string_view page(kPage, sizeof(kPage) - 1);
  const size_t at = page.find(kMark);
  return absl::StrCat(page.substr(0, at), InScript(DrawJson(model)),
                      page.substr(at + kMark.size()));
}

}  // namespace dmdax
