// SPDX-License-Identifier: Apache-2.0
//
// A DrawModel as a picture: text for Graphviz, a still SVG, one HTML page that
// needs nothing else, and the JSON that the page is made from.
//
//   absl::StatusOr<DrawModel> model = MakeDrawModel({world, "v6_1"});
//   std::cout << DrawDot(*model) << DrawSvg(*model) << DrawHtml(*model);
//
// Names may be any bytes: what is no text becomes U+FFFD, and nothing of a name
// is taken for markup, script or an escape of the format.
// Threading: pure functions.
#ifndef DMDAX_TOOLS_DRAW_DRAW_WRITE_H_
#define DMDAX_TOOLS_DRAW_DRAW_WRITE_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "nlohmann/json.hpp"
#include "tools/draw/draw_model.h"

namespace dmdax {

// docs/draw.md says what is in it.
nlohmann::ordered_json DrawJson(const DrawModel& model);

std::string DrawDot(const DrawModel& model);
std::string DrawSvg(const DrawModel& model);
std::string DrawHtml(const DrawModel& model);

// Valid UTF-8 that shows as one line: control characters as "\012".
std::string DrawText(absl::string_view text);

// "mapped device dm-0, 256 MiB": what a node is.
std::string DrawNodeText(const DrawNode& node);
// What its pages get, or that it is not DAX, or that nobody knows.
std::string DrawSharesText(const DrawNode& node);
// `not_known`, and why its pages were not asked.
std::vector<std::string> DrawNotKnown(const DrawNode& node);
// "not known: no input says where pmem0p1 begins: ...".
std::vector<std::string> DrawNotKnownLines(const DrawNode& node);
// A reason, with what to type against it, a line each.
std::string DrawReasonText(const DrawModel& model, int reason);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_DRAW_DRAW_WRITE_H_
