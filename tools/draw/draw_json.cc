// SPDX-License-Identifier: Apache-2.0
//
// The model as JSON.  Ranges and rows are arrays and not objects: a page may
// hold ten thousand of them.
#include <string>
#include <utility>

#include "tools/check_report.h"
#include "tools/draw/draw_write.h"
#include "tools/print_json.h"

namespace dmdax {
namespace {

using Json = nlohmann::ordered_json;

Json BlocksJson(const DrawNode& node) {
  Json blocks = Json::array();
  for (const DrawBlock& b : node.blocks) {
    Json ranges = Json::array();
    for (const DrawRange& r : b.ranges) {
      ranges.push_back(
          Json::array({r.bytes, static_cast<int>(r.kind), r.reason}));
    }
    blocks.push_back(
        Json::array({b.bytes, b.repeat, b.mixed ? 1 : 0, std::move(ranges)}));
  }
  return blocks;
}

Json RowsJson(const DrawNode& node) {
  Json rows = Json::array();
  for (const DrawRow& r : node.rows) {
    Json legs = Json::array();
    for (const DrawRow::Leg& leg : r.legs) {
      legs.push_back(Json::array({leg.node, leg.start, leg.bytes}));
    }
    rows.push_back(Json::array({r.start, r.bytes, DrawText(r.what), r.chunk,
                                r.exact ? 1 : 0, r.rows, std::move(legs)}));
  }
  return rows;
}

Json NodeJson(const DrawNode& node) {
  Json memory = Json::array();
  for (const DrawMemory& m : node.memory) {
    memory.push_back(Json::array({m.start, m.bytes, m.phys}));
  }
  Json not_known = Json::array();
  for (const std::string& what : DrawNotKnown(node)) {
    not_known.push_back(DrawText(what));
  }
  return {{"name", DrawText(node.name)},
          {"level", node.level},
          {"text", DrawText(DrawNodeText(node))},
          {"detail", DrawText(node.detail)},
          {"size", node.size},
          {"subject", node.subject},
          {"dax", node.dax},
          {"holds", node.holds},
          {"shares_text", DrawSharesText(node)},
          {"shares", SharesToJson(node.shares)},
          {"obstacles", node.obstacles},
          {"not_known", std::move(not_known)},
          {"all_ranges", node.all_ranges},
          {"all_rows", node.all_rows},
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
                     {"rows", e.rows}});
  }
  Json json = {{"kernel", model.kernel},        {"levels", model.levels},
               {"left_out", model.left_out},    {"kinds", std::move(kinds)},
               {"nodes", std::move(nodes)},     {"edges", std::move(edges)},
               {"reasons", ReasonsJson(model)}, {"cures", CuresJson(model)}};
  MakeJsonSafe(json);
  return json;
}

}  // namespace dmdax
