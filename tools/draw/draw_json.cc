// SPDX-License-Identifier: Apache-2.0
//
// The model as JSON.  Ranges and rows are arrays and not objects: a page may
// hold ten thousand of them.
#include <string>
#include <utility>

#include "tools/check_report.h"
#include "tools/draw/draw_write.h"

namespace dmdax {
namespace {

using Json = nlohmann::ordered_json;

// JavaScript rounds larger numbers, so that they go as strings.
Json Number(uint64_t n) {
  constexpr uint64_t kExact = uint64_t{1} << 53;
  return n <= kExact ? Json(n) : Json(std::to_string(n));
}

Json BlocksJson(const DrawNode& node) {
  Json blocks = Json::array();
  for (const DrawBlock& b : node.blocks) {
    Json ranges = Json::array();
    for (const DrawRange& r : b.ranges) {
      ranges.push_back(
          Json::array({Number(r.bytes), static_cast<int>(r.kind), r.reason}));
    }
    blocks.push_back(Json::array({Number(b.bytes), Number(b.repeat),
                                  b.mixed ? 1 : 0, std::move(ranges)}));
  }
  return blocks;
}

Json RowsJson(const DrawNode& node) {
  Json rows = Json::array();
  for (const DrawRow& r : node.rows) {
    Json legs = Json::array();
    for (const DrawRow::Leg& leg : r.legs) {
      legs.push_back(
          Json::array({leg.node, Number(leg.start), Number(leg.bytes)}));
    }
    rows.push_back(Json::array(
        {Number(r.start), Number(r.bytes), DrawText(r.what), Number(r.chunk),
         r.exact ? 1 : 0, Number(r.rows), std::move(legs)}));
  }
  return rows;
}

Json NodeJson(const DrawNode& node) {
  Json memory = Json::array();
  for (const DrawMemory& m : node.memory) {
    memory.push_back(
        Json::array({Number(m.start), Number(m.bytes), Number(m.phys)}));
  }
  return {{"name", DrawText(node.name)},
          {"level", node.level},
          {"text", DrawText(DrawNodeText(node))},
          {"detail", DrawText(node.detail)},
          {"size", Number(node.size)},
          {"subject", node.subject},
          {"dax", node.dax},
          {"holds", node.holds},
          {"shares_text", DrawSharesText(node)},
          {"shares", SharesToJson(node.shares)},
          {"obstacles", node.obstacles},
          {"all_ranges", Number(node.all_ranges)},
          {"all_rows", Number(node.all_rows)},
          {"blocks", BlocksJson(node)},
          {"rows", RowsJson(node)},
          {"memory", std::move(memory)}};
}

Json ReasonsJson(const DrawModel& model) {
  Json reasons = Json::array();
  for (const DrawReason& r : model.reasons) {
    reasons.push_back({{"name", r.name},
                       {"text", DrawText(r.text)},
                       {"level", DrawText(r.level)},
                       {"cure", r.cure}});
  }
  return reasons;
}

Json CuresJson(const DrawModel& model) {
  Json cures = Json::array();
  for (const DrawCure& c : model.cures) {
    Json commands = Json::array();
    for (const std::string& command : c.commands) {
      commands.push_back(DrawText(command));
    }
    cures.push_back({{"commands", std::move(commands)},
                     {"remark", DrawText(c.remark)},
                     {"after", c.after},
                     {"untried", DrawText(c.untried)}});
  }
  return cures;
}

}  // namespace

nlohmann::ordered_json DrawJson(const DrawModel& model) {
  Json kinds = Json::array();
  for (size_t i = 0; i < kDrawKinds; ++i) {
    const auto kind = static_cast<DrawKind>(i);
    kinds.push_back(
        {{"name", DrawKindName(kind)}, {"text", DrawKindText(kind)}});
  }
  Json nodes = Json::array(), edges = Json::array();
  for (const DrawNode& node : model.nodes) nodes.push_back(NodeJson(node));
  for (const DrawEdge& e : model.edges) {
    edges.push_back({{"from", e.from},
                     {"to", e.to},
                     {"what", DrawText(e.what)},
                     {"rows", Number(e.rows)}});
  }
  return {{"kernel", model.kernel},        {"levels", model.levels},
          {"left_out", model.left_out},    {"kinds", std::move(kinds)},
          {"nodes", std::move(nodes)},     {"edges", std::move(edges)},
          {"reasons", ReasonsJson(model)}, {"cures", CuresJson(model)}};
}

}  // namespace dmdax
