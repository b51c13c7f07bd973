// SPDX-License-Identifier: Apache-2.0
#include "tests/conformance/graph_text.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace dmdax::conformance {
namespace {

// "dax_set_mapping.isra.0 [device_dax]" -> "dax_set_mapping".
std::string FunctionName(absl::string_view text) {
  text = text.substr(0, text.find_first_of(" .("));
  return std::string(text);
}

// Ours from the recording's outermost functions on.
std::vector<GraphCall> Below(const std::vector<GraphCall>& calls,
                             const std::set<std::string>& roots) {
  std::vector<GraphCall> out;
  int base = -1;  // depth of the root we are in
  for (const GraphCall& call : calls) {
    if (base >= 0 && call.depth <= base) base = -1;
    if (base < 0 && roots.count(call.name) != 0) base = call.depth;
    if (base >= 0) out.push_back({call.depth - base, call.name});
  }
  return out;
}

std::string CallText(const std::vector<GraphCall>& calls, size_t i) {
  if (i >= calls.size()) return "(end)";
  return absl::StrCat(calls[i].depth, " ", calls[i].name);
}

}  // namespace

std::vector<GraphCall> ParseGraph(absl::Span<const std::string> lines) {
  std::vector<GraphCall> calls;
  int depth = 0;
  for (absl::string_view line : lines) {
    line = absl::StripLeadingAsciiWhitespace(line);
    if (absl::StartsWith(line, "}")) {
      depth = std::max(0, depth - 1);
      continue;
    }
    const size_t end = line.find("()");
    if (absl::StartsWith(line, "/*") || end == absl::string_view::npos) {
      continue;
    }
    calls.push_back({depth, FunctionName(line.substr(0, end))});
    if (absl::StrContains(line.substr(end), "{")) ++depth;
  }
  return calls;
}

std::vector<GraphCall> OnlyModelled(const std::vector<GraphCall>& calls,
                                    const std::set<std::string>& modelled) {
  std::vector<GraphCall> out;
  std::vector<int> open;  // depths of the modelled calls around
  for (const GraphCall& call : calls) {
    while (!open.empty() && open.back() >= call.depth) open.pop_back();
    if (modelled.count(call.name) == 0) continue;
    out.push_back({static_cast<int>(open.size()), call.name});
    open.push_back(call.depth);
  }
  return out;
}

std::string CompareGraph(absl::Span<const std::string> recorded,
                         const std::vector<GraphCall>& ours,
                         const std::set<std::string>& modelled,
                         std::set<std::string> asked) {
  const std::vector<GraphCall> kernel =
      OnlyModelled(ParseGraph(recorded), modelled);
  // Nothing between the marks of a touch: it has called no function asked for.
  std::set<std::string> roots;
  if (kernel.empty()) {
    const bool traced = std::any_of(recorded.begin(), recorded.end(),
                                    [](const std::string& line) {
                                      return absl::StrContains(line, "/* E");
                                    });
    if (!traced || asked.empty()) {
      return "the recording has no modelled function";
    }
    roots = std::move(asked);
  }
  for (const GraphCall& call : kernel) {
    if (call.depth == 0) roots.insert(call.name);
  }
  const std::vector<GraphCall> here =
      Below(OnlyModelled(ours, modelled), roots);
  if (kernel == here) return "";
  size_t i = 0;
  while (i < kernel.size() && i < here.size() && kernel[i] == here[i]) ++i;
  return absl::StrCat("call ", i, ": the kernel has ", CallText(kernel, i),
                      ", ours is ", CallText(here, i));
}

}  // namespace dmdax::conformance
