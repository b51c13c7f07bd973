// SPDX-License-Identifier: Apache-2.0
//
// What all pictures say in words.
#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "base/one_line.h"
#include "tools/byte_count.h"
#include "tools/check_report.h"
#include "tools/draw/draw_write.h"

namespace dmdax {
namespace {

const char* TypeText(DrawNode::Type type) {
  switch (type) {
    case DrawNode::kFile:
      return "file";
    case DrawNode::kDevDax:
      return "device-dax";
    case DrawNode::kMapped:
      return "mapped device";
    case DrawNode::kPartition:
      return "partition";
    case DrawNode::kPmem:
      return "persistent memory";
    case DrawNode::kDisk:
      return "disk";
    case DrawNode::kUnknown:
      return "not in the World";
  }
  return "";
}

}  // namespace

std::string DrawText(absl::string_view text) {
  // The JSON library knows what UTF-8 is; a string comes back between quotes.
  const std::string quoted =
      nlohmann::json(OneLine(text))
          .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  // XML has no place for U+FFFE and U+FFFF.
  return absl::StrReplaceAll(nlohmann::json::parse(quoted).get<std::string>(),
                             {{"\uFFFE", "\uFFFD"}, {"\uFFFF", "\uFFFD"}});
}

std::string DrawNodeText(const DrawNode& node) {
  if (node.type == DrawNode::kUnknown) return TypeText(node.type);
  return absl::StrCat(TypeText(node.type), node.device.empty() ? "" : " ",
                      node.device, ", ", BytesText(node.size));
}

std::string DrawSharesText(const DrawNode& node) {
  const PageShares& s = node.shares;
  const bool asked =
      s.pud + s.pmd + s.pte + s.hole + s.signal + s.tail != 0 || s.total == 0;
  if (node.type == DrawNode::kUnknown || (node.dax && !asked)) {
    return "not known";
  }
  const std::string shares = node.dax ? SharesText(s) : "not DAX";
  if (node.not_known.empty()) return shares;
  return absl::StrCat("not known; with what was taken: ", shares);
}

std::vector<std::string> DrawNotKnown(const DrawNode& node) {
  std::vector<std::string> all = node.not_known;
  // A check may have met the same limit.
  if (!node.not_asked.empty() &&
      absl::c_find(all, node.not_asked) == all.end()) {
    all.push_back(node.not_asked);
  }
  return all;
}

std::vector<std::string> DrawNotKnownLines(const DrawNode& node) {
  std::vector<std::string> lines;
  for (const std::string& what : DrawNotKnown(node)) {
    lines.push_back(absl::StrCat("not known: ", DrawText(what)));
  }
  return lines;
}

std::string DrawReasonText(const DrawModel& model, int reason) {
  if (reason < 0) return "";
  const DrawReason& r = model.reasons[static_cast<size_t>(reason)];
  std::string text = absl::StrCat(r.name, ": ", DrawText(r.text));
  const auto add = [&](absl::string_view what, const std::string& of) {
    if (!of.empty()) absl::StrAppend(&text, "\n", what, DrawText(of));
  };
  add("level: ", r.level);
  if (r.cure < 0) return text;
  const DrawCure& cure = model.cures[static_cast<size_t>(r.cure)];
  for (const std::string& command : cure.commands) add("cure: ", command);
  add("# ", cure.remark);
  add("then: ", cure.after);
  add("not tried here: ", cure.untried);
  return text;
}

}  // namespace dmdax
