// SPDX-License-Identifier: Apache-2.0
#include "tools/draw/draw_model.h"

#include <algorithm>
#include <cerrno>
#include <map>
#include <set>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "base/errno_status.h"
#include "base/units.h"
#include "block/block_device.h"
#include "dax/device_dax.h"
#include "dax/pmem.h"
#include "dm/dm_table.h"
#include "dm/walk_budget.h"
#include "mm/fault_reason.h"
#include "process/sweep/dax_sweep.h"
#include "state/session.h"
#include "tools/byte_count.h"
#include "tools/check/dax_check.h"
#include "tools/check/dax_depth.h"
#include "tools/check/not_known.h"
#include "tools/check/subject.h"
#include "tools/check/too_deep.h"
#include "tools/draw/draw_levels.h"
#include "tools/draw/draw_rows.h"
#include "tools/draw/draw_strip.h"

namespace dmdax {
namespace {

constexpr const char* kKindNames[kDrawKinds] = {
    "pud", "pmd", "pte", "tail", "hole", "signal", "not_dax", "not_asked"};
constexpr const char* kKindTexts[kDrawKinds] = {
    "1 GiB page",         "2 MiB page", "4 KiB pages", "last partial page",
    "hole, no block yet", "a signal",   "not DAX",     "not known"};

class Builder {
 public:
  Builder(const DrawRequest& request, DaxChecker& checker)
      : request_(request),
        checker_(checker),
        session_(checker.session()),
        reasons_(model_) {
    model_.kernel = session_.machine->profile().name;
  }

  absl::StatusOr<DrawModel> Run() {
    const WalkBudget budget;
    if (absl::Status s = AddSubjects(); !s.ok()) return s;
    AddDevicesBelow();
    const size_t nodes = model_.nodes.size();
    most_ = std::max<size_t>(64, request_.most_parts / nodes);
    FillAll();
    for (size_t i = 0; i < nodes; ++i) AddEdges(static_cast<int>(i));
    AddChecks();
    reasons_.AddCures();
    SetLevels(&model_);
    return std::move(model_);
  }

 private:
  // What a node was made from; index as in the model.
  struct Source {
    BlockDevice* bdev = nullptr;  // of a file: where its file system is
    MountedFile* file = nullptr;
  };

  absl::Status AddSubjects() {
    std::vector<std::string> names = request_.names;
    std::map<std::string, std::string> left_out;
    for (const proto::LeftOut& left : request_.world.left_out()) {
      left_out.try_emplace(left.name(), left.why());
    }
    if (names.empty()) {
      Subjects all = DefaultSubjects(session_);
      names = std::move(all.names);
      model_.without_pmem = std::move(all.without_pmem);
      for (const auto& [name, why] : left_out) names.push_back(name);
    }
    for (const std::string& name : names) {
      if (const auto left = left_out.find(name); left != left_out.end()) {
        AddUnknown(name, LeftOutText(left->second));
        continue;
      }
      absl::StatusOr<Subject> subject = OpenSubject(session_, name);
      if (!subject.ok()) return subject.status();
      CloseSubject(session_, *subject);
      absl::Status depth = CheckStackDepth(session_, subject->bdev);
      if (!depth.ok()) {
        AddUnknown(name, depth.message());
        continue;
      }
      // There must be room for what they stand on.
      if (!HasRoom()) continue;
      AddSubject(*subject);
    }
    if (!model_.nodes.empty()) return absl::OkStatus();
    return ErrnoError(ENOENT,
                      "nothing to draw: no file, device-dax or device with "
                      "persistent memory below it");
  }

  bool HasRoom() {
    if (model_.nodes.size() < request_.most_nodes / 2) return true;
    ++model_.left_out;
    return false;
  }

  void AddUnknown(const std::string& name, absl::string_view why) {
    if (!HasRoom()) return;
    DrawNode node{.name = name, .type = DrawNode::kUnknown, .subject = true};
    node.not_known.emplace_back(why);
    model_.nodes.push_back(std::move(node));
    sources_.emplace_back();
  }

  void AddSubject(const Subject& subject) {
    size_t node = model_.nodes.size();
    if (subject.kind == Subject::kDevice) {
      node = static_cast<size_t>(AddDevice(*subject.bdev));
    } else {
      DrawNode drawn{.name = subject.name, .type = DrawNode::kDevDax};
      Source source{.bdev = subject.bdev};
      if (subject.kind == Subject::kFile) {
        drawn.type = DrawNode::kFile;
        source.file = *session_.user->FindFile(subject.name);
        MountPoint& mount = **session_.user->FindMount(subject.mount);
        drawn.detail =
            absl::StrCat(mount.options().request.type, " on ", subject.mount);
      }
      model_.nodes.push_back(std::move(drawn));
      sources_.push_back(source);
    }
    model_.nodes[node].subject = true;
    subjects_.push_back({node, subject.name});
  }

  int AddDevice(BlockDevice& bdev) {
    const auto [known, fresh] =
        numbers_.try_emplace(&bdev, static_cast<int>(model_.nodes.size()));
    if (!fresh) return known->second;
    DrawNode node{.name = NameOfDevice(session_, bdev)};
    if (bdev.dev().major_nr == session_.ctl->major()) {
      node.type = DrawNode::kMapped;
      node.device = bdev.name();
    } else if (bdev.is_partition()) {
      node.type = DrawNode::kPartition;
    } else if (session_.machine->FindPmem(bdev.name()) != nullptr) {
      node.type = DrawNode::kPmem;
    }
    model_.nodes.push_back(std::move(node));
    sources_.push_back({.bdev = &bdev});
    return known->second;
  }

  // Level by level, so that what has no room is what lies deepest.
  void AddDevicesBelow() {
    std::set<const BlockDevice*> left_out;
    for (size_t i = 0; i < sources_.size(); ++i) {
      for (BlockDevice* below : Below(i)) {
        if (numbers_.count(below) != 0) continue;
        if (model_.nodes.size() < request_.most_nodes) {
          AddDevice(*below);
        } else {
          left_out.insert(below);
        }
      }
    }
    model_.left_out += left_out.size();
  }

  std::vector<BlockDevice*> Below(size_t i) const {
    const Source& source = sources_[i];
    if (source.bdev == nullptr) return {};
    if (model_.nodes[i].type == DrawNode::kFile) return {source.bdev};
    return DevicesBelow(session_, *source.bdev);
  }

  int NodeOfDevice(const BlockDevice& bdev) const {
    const auto known = numbers_.find(&bdev);
    return known == numbers_.end() ? -1 : known->second;
  }

  void FillAll() {
    // As much is left for the checks.
    const WalkBudget strips(WalkBudget::kLevels / 2);
    for (size_t i = 0; i < model_.nodes.size(); ++i) Fill(i);
  }

  void Fill(size_t i) {
    DrawNode& node = model_.nodes[i];
    if (node.type == DrawNode::kUnknown) return;
    const Source& source = sources_[i];
    const auto node_of = [this](const BlockDevice& bdev) {
      return NodeOfDevice(bdev);
    };
    absl::StatusOr<Subject> subject =
        node.type == DrawNode::kFile || node.type == DrawNode::kDevDax
            ? OpenSubject(session_, node.name)
            : OpenDeviceSubject(session_, *source.bdev, node.name);
    node.size = subject->size;
    AddPages(*subject, node);
    CloseSubject(session_, *subject);
    if (source.file != nullptr) {
      AddExtents(source.file->inode.extents, NodeOfDevice(*source.bdev), most_,
                 node);
    } else if (node.type == DrawNode::kDevDax) {
      AddRanges(node);
    } else if (const DmTable* table = LiveTable(session_, *source.bdev)) {
      AddTableRows(*table, node_of, most_, node);
    } else if (source.bdev->is_partition()) {
      AddPartition(*source.bdev, node_of, node);
    } else if (const PmemDevice* pmem =
                   session_.machine->FindPmem(source.bdev->name())) {
      const uint64_t phys = pmem->options().base + pmem->options().data_offset;
      node.memory.push_back({0, node.size, phys});
      node.detail = absl::StrFormat("physical 0x%x", phys);
    }
  }

  void AddRanges(DrawNode& node) {
    const DevDaxRequest& request = session_.user->dev_daxes().at(node.name);
    uint64_t start = 0;
    for (const DevDaxRange& range : request.options.ranges) {
      node.memory.push_back({start, range.size, range.start});
      start += range.size;
    }
    node.detail = absl::StrCat("align ", BytesText(request.options.align));
  }

  void AddPages(const Subject& subject, DrawNode& node) {
    node.dax = subject.dax.ok();
    node.shares.total = node.size;
    if (node.size == 0) return;
    if (!node.dax) return AddNotDax(subject, node);
    const FaultProfile& faults = session_.user->faults();
    const absl::StatusOr<DaxSweep> sweep = Sweep(subject);
    if (sweep.ok()) return AddStrip(*sweep, faults, most_, reasons_, node);
    node.not_asked = std::string(sweep.status().message());
    AddOneRange(DrawKind::kNotAsked, /*reason=*/-1, node);
  }

  // As much as a check asks of it.
  absl::StatusOr<DaxSweep> Sweep(const Subject& subject) const {
    if (absl::Status s = CheckWalkBudget(); !s.ok()) return s;
    SweepAccess access = kAsUsed;
    access.unwritten_is_written &= subject.file->writable;
    return SweepDax(
        *session_.user,
        {.file = subject.file,
         .size = subject.size,
         .order = session_.user->faults().pmd_order(),
         .access = access,
         .most_asked = MostAsked(StackLevels(session_, subject.bdev))});
  }

  void AddNotDax(const Subject& subject, DrawNode& node) {
    Obstacle o{.name = FaultReasonName(FaultReasonCode::kNotDax),
               .text = std::string(subject.dax.message())};
    if (subject.bdev != nullptr) o.down = WhyNotDax(session_, *subject.bdev);
    if (!o.down.empty()) {
      o.device = o.down.back().bdev->name();
      o.level = absl::StrCat(o.down.back().device, ": ", o.down.back().why);
    }
    AddOneRange(DrawKind::kNotDax, reasons_.Add(o, node.name), node);
  }

  static void AddOneRange(DrawKind kind, int reason, DrawNode& node) {
    node.blocks.push_back({.bytes = node.size,
                           .repeat = node.size,
                           .ranges = {{node.size, kind, reason}}});
    node.all_ranges = 1;
  }

  void AddEdges(int from) {
    const DrawNode& node = model_.nodes[static_cast<size_t>(from)];
    std::map<std::pair<int, std::string>, uint64_t> edges;
    for (const DrawRow& row : node.rows) {
      std::string what = row.what;
      if (row.chunk != 0) absl::StrAppend(&what, " ", BytesText(row.chunk));
      for (const DrawRow::Leg& leg : row.legs) {
        if (leg.node >= 0) edges[{leg.node, what}] += row.rows;
      }
    }
    std::map<int, DrawEdge> by_node;
    for (const auto& [key, rows] : edges) {
      DrawEdge& edge = by_node[key.first];
      edge.from = from;
      edge.to = key.first;
      absl::StrAppend(&edge.what, edge.what.empty() ? "" : ", ", key.second);
      edge.rows += rows;
    }
    // A file without blocks stands on its device all the same, as does a table
    // whose rows do not tell where.
    for (BlockDevice* below : Below(static_cast<size_t>(from))) {
      const int to = NodeOfDevice(*below);
      if (to >= 0) by_node.try_emplace(to, DrawEdge{.from = from, .to = to});
    }
    for (auto& [to, edge] : by_node) model_.edges.push_back(std::move(edge));
  }

  void AddChecks() {
    std::vector<std::string> names;
    for (const auto& [node, name] : subjects_) names.push_back(name);
    const std::vector<DaxCheck> checks = checker_.Check(names, Wish::kPmd);
    for (size_t i = 0; i < checks.size(); ++i) {
      DrawNode& node = model_.nodes[subjects_[i].first];
      node.holds = Holds(checks[i], Wish::kPmd);
      node.not_known = checks[i].not_known;
      for (const std::string& what : checks[i].either_way) {
        absl::StrAppend(&node.detail, node.detail.empty() ? "" : "; ",
                        "no either way: ", what);
      }
      // Bytes, where the strip has slots: some of one may be a hole.
      if (checks[i].error.ok()) {
        node.shares = checks[i].now;
      } else {
        node.not_known.push_back(std::string(checks[i].error.message()));
      }
      for (const Obstacle& o : checks[i].obstacles) {
        node.obstacles.push_back(reasons_.Add(o, node.name));
      }
    }
  }

  const DrawRequest& request_;
  DaxChecker& checker_;
  Session& session_;
  DrawModel model_;
  DrawReasons reasons_;
  std::vector<Source> sources_;
  std::map<const BlockDevice*, int> numbers_;
  std::vector<std::pair<size_t, std::string>> subjects_;  // node, name
  size_t most_ = 0;  // ranges, and rows, of a node
};

}  // namespace

const char* DrawKindName(DrawKind kind) {
  return kKindNames[static_cast<size_t>(kind)];
}

const char* DrawKindText(DrawKind kind) {
  return kKindTexts[static_cast<size_t>(kind)];
}

absl::StatusOr<DrawModel> MakeDrawModel(const DrawRequest& request) {
  DaxChecker checker(request.world, request.kernel, request.map);
  if (!checker.error().ok()) return checker.error();
  // A picture without them would tell of another machine.
  if (!checker.refused().empty()) return checker.refused()[0].why;
  return Builder(request, checker).Run();
}

}  // namespace dmdax
