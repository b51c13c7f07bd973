// SPDX-License-Identifier: Apache-2.0
//
// lvs, pvs, vgs and fullreport with --reportformat json.
//
// Tables of linear and striped volumes follow from seg_pe_ranges, pe_start and
// the extent size; of other types the reports say too little.
#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "import/formats/json_input.h"
#include "import/import_format.h"
#include "import/lvm/lvm_columns.h"

namespace dmdax {
namespace {

bool Detect(const ImportInput& input) {
  return FirstJsonKey(input.text) == "report";
}

// "pool_tdata" of "[pool_tdata]", as lvs shows a volume that people do not use.
std::string UnHidden(const std::string& name) {
  return absl::StartsWith(name, "[") && name.size() > 1
             ? name.substr(1, name.size() - 2)
             : name;
}

// By the first letter of lv_attr: a snapshot, or one that is being merged or is
// invalid; and what a snapshot is of.
bool IsSnapshot(const JsonValue& attributes) {
  const std::string text = attributes.Text();
  return absl::StartsWith(text, "s") || absl::StartsWith(text, "S");
}
bool IsOrigin(const JsonValue& attributes) {
  const std::string text = attributes.Text();
  return absl::StartsWith(text, "o") || absl::StartsWith(text, "O");
}

// "vg" and "home" of a volume's lv_full_name, "vg/home"; "" where it is not
// said.
std::pair<std::string, std::string> FullName(const JsonValue& row) {
  const std::string name = row["lv_full_name"].Text();
  const size_t slash = name.find('/');
  if (slash == name.npos) return {};
  return {name.substr(0, slash), name.substr(slash + 1)};
}

class Report {
 public:
  explicit Report(Facts* facts) : facts_(*facts) {}

  absl::Status Read(const JsonValue& root) {
    for (const JsonValue& part : root["report"].Elements()) {
      JoinSegments(part);
      for (const char* kind : {"vg", "pv", "lv", "seg"}) {
        for (const JsonValue& row : part[kind].Elements()) {
          absl::Status s = kind == absl::string_view("vg") ? ReadVg(row)
                           : kind == absl::string_view("pv")
                               ? ReadPv(row, part)
                               : ReadSegment(row, part);
          if (!s.ok()) return s;
        }
      }
    }
    return absl::OkStatus();
  }

 private:
  // fullreport has volumes, and segments that name theirs by UUID.
  void JoinSegments(const JsonValue& part) {
    volumes_.clear();
    std::set<std::string> with_segments;
    for (const JsonValue& row : part["seg"].Elements()) {
      if (row["lv_name"].Text().empty()) {
        with_segments.insert(row["lv_uuid"].Text());
      }
    }
    for (const JsonValue& row : part["lv"].Elements()) {
      const std::string id = row["lv_uuid"].Text();
      if (!id.empty() && with_segments.contains(id)) volumes_.emplace(id, row);
    }
  }

  // A report of one group names it in its row alone.
  LvmGroup& GroupOf(const JsonValue& row, const JsonValue& part) {
    std::string name = row["vg_name"].Text();
    if (name.empty()) name = FullName(row).first;
    if (name.empty() && part["vg"].Elements().size() == 1) {
      name = part["vg"].Elements()[0]["vg_name"].Text();
    }
    for (LvmGroup& group : facts_.reported) {
      if (group.name == name) return group;
    }
    facts_.reported.push_back({.name = name, .place = row.place()});
    return facts_.reported.back();
  }

  // Of rows that nobody knows whose they are.
  void NoteNameless(const JsonValue& row, absl::string_view rows,
                    absl::string_view ask) {
    facts_.NoteOnce(absl::StrCat(row.place().input->name, ": ", rows,
                                 ": left out (", ask, ")"));
  }

  absl::Status ReadVg(const JsonValue& row) {
    if (row["vg_name"].Text().empty()) {
      NoteNameless(row, "groups without their names", "vgs -o +vg_name");
      return absl::OkStatus();
    }
    return ReadGroupColumns(row, &GroupOf(row, row));
  }

  // lvs and pvs print columns of the group too, if they are asked to.
  absl::Status ReadGroupColumns(const JsonValue& row, LvmGroup* named) {
    LvmGroup& group = *named;
    absl::StatusOr<uint64_t> extent = ColumnBytes(row["vg_extent_size"]);
    if (!extent.ok()) return extent.status();
    if (*extent != 0) group.extent_size = *extent / 512;
    if (const std::string id = row["vg_uuid"].Text(); !id.empty()) {
      const LvmGroup same{.name = group.name, .id = id, .place = row.place()};
      if (absl::Status s = CheckSameGroup(same, group); !s.ok()) return s;
      group.id = id;
    }
    return AddGroupColumns(row, &group);
  }

  absl::Status ReadPv(const JsonValue& row, const JsonValue& part) {
    const std::string device = row["pv_name"].Text();
    LvmGroup& group = GroupOf(row, part);
    if (device.empty()) return row.Expected("a row with a pv_name");
    const std::string id = row["pv_uuid"].Text();
    if (!id.empty()) facts_.pvs.push_back({row.place(), device, id});
    if (group.name.empty()) {
      // That of a device that no group has is there, and empty.
      if (id.empty() && !row["vg_name"].exists()) {
        NoteNameless(row, "physical volumes without their group",
                     "pvs -o +vg_name");
      }
      return absl::OkStatus();
    }
    if (absl::Status s = ReadGroupColumns(row, &group); !s.ok()) return s;
    LvmPv& pv = group.pvs[device];
    pv.name = pv.device = device;
    if (!id.empty()) pv.id = id;
    pv.place = row.place();
    if (absl::Status s = AddPvColumns(row, &pv); !s.ok()) return s;
    absl::StatusOr<uint64_t> start = ColumnBytes(row["pe_start"]);
    if (!start.ok()) return start.status();
    absl::StatusOr<uint64_t> size = ColumnBytes(row["dev_size"]);
    if (!size.ok()) return size.status();
    if (row["pe_start"].exists()) {
      pv.pe_start = *start / 512;
      pv.pe_count = 1;  // it is known
    }
    if (*size != 0) pv.dev_size = *size / 512;
    return absl::OkStatus();
  }

  // "/dev/pmem0:0-15 /dev/pmem1:0-15"
  absl::Status ReadRanges(const JsonValue& ranges, LvmSegment* segment) {
    const std::string text = ranges.Text();
    for (absl::string_view range :
         absl::StrSplit(text, ' ', absl::SkipEmpty())) {
      const size_t colon = range.rfind(':');
      const size_t dash = range.rfind('-');
      uint64_t first;
      if (colon == range.npos || dash == range.npos || dash < colon ||
          !absl::SimpleAtoi(range.substr(colon + 1, dash - colon - 1),
                            &first)) {
        return ranges.Expected("ranges such as /dev/pmem0:0-15");
      }
      segment->areas.emplace_back(std::string(range.substr(0, colon)), first);
    }
    return absl::OkStatus();
  }

  absl::Status ReadSegment(const JsonValue& row, const JsonValue& part) {
    std::string name = row["lv_name"].Text();
    const auto joined = volumes_.find(row["lv_uuid"].Text());
    if (joined != volumes_.end() && !name.empty() &&
        row["segtype"].Text().empty()) {
      return absl::OkStatus();  // its segments come
    }
    if (name.empty() && joined != volumes_.end()) {
      name = joined->second["lv_name"].Text();
    } else if (name.empty() && part["lv"].Elements().size() == 1) {
      name = part["lv"].Elements()[0]["lv_name"].Text();
    }
    if (name.empty()) name = FullName(row).second;
    if (name.empty()) {
      NoteNameless(row, "segments without their volume", "lvs -o +lv_name");
      return absl::OkStatus();
    }
    const bool hidden = absl::StartsWith(name, "[");
    name = UnHidden(name);
    if (!IsLvmName(name)) {
      return row["lv_name"].Expected("a name that LVM2 gives a volume");
    }
    LvmGroup& group = GroupOf(row, part);
    if (group.name.empty()) {
      NoteNameless(row, "volumes without their group", "lvs -o +vg_name");
      return absl::OkStatus();
    }
    // Volumes without their segments: another part may have them.
    const std::string type = row["segtype"].Text();
    if (type.empty() || (!row["seg_pe_ranges"].exists() &&
                         (type == "linear" || type == "striped"))) {
      facts_.bare_volumes.push_back({row.place(), group.name, name});
      return absl::OkStatus();
    }
    if (absl::Status s = ReadGroupColumns(row, &group); !s.ok()) return s;
    LvmLv& lv = group.lvs[name];
    if (lv.name.empty()) {
      lv.name = name;
      lv.status = {"READ", "WRITE"};
      if (!hidden) lv.status.push_back("VISIBLE");
      lv.place = row.place();
      group.lv_order.push_back(name);
    }
    if (absl::Status s =
            AddLvColumns(joined != volumes_.end() ? joined->second : row, &lv);
        !s.ok()) {
      return s;
    }
    LvmSegment segment{.type = type, .place = row.place()};
    // A snapshot's segment is that of its store.
    const std::string origin = row["origin"].Text();
    const bool own_blocks = type == "linear" || type == "striped";
    if (own_blocks && (!origin.empty() || IsSnapshot(row["lv_attr"]))) {
      segment.type = "snapshot";
      segment.texts["origin"] = UnHidden(origin);
    } else if (own_blocks && IsOrigin(row["lv_attr"])) {
      segment.type = "snapshot-origin";
    }
    absl::StatusOr<uint64_t> start = ColumnBytes(row["seg_start"]);
    if (!start.ok()) return start.status();
    absl::StatusOr<uint64_t> size = ColumnBytes(row["seg_size"]);
    if (!size.ok()) return size.status();
    // lvs says stripe_size, also called stripesize.
    absl::StatusOr<uint64_t> stripe = ColumnBytes(row["stripe_size"]);
    if (!stripe.ok()) return stripe.status();
    segment.numbers["stripe_size"] = *stripe / 512;
    // In sectors, until the size of an extent is known.
    segment.start_extent = *start / 512;
    segment.extent_count = *size / 512;
    if (absl::Status s = ReadRanges(row["seg_pe_ranges"], &segment); !s.ok()) {
      return s;
    }
    for (const LvmSegment& other : lv.segments) {
      // fullreport has it twice.
      if (other.start_extent == segment.start_extent) return absl::OkStatus();
    }
    lv.segments.push_back(std::move(segment));
    return absl::OkStatus();
  }

  Facts& facts_;
  // Of this part, by lv_uuid, those of which it has segments apart.
  std::map<std::string, JsonValue> volumes_;
};

absl::Status Read(const ImportInput& input, Facts* facts) {
  absl::StatusOr<nlohmann::json> root = ParseJsonInput(input);
  if (!root.ok()) return root.status();
  const JsonValue top(input, *root);
  if (!top["report"].is_list()) return top["report"].Expected("a report");
  return Report(facts).Read(top);
}

}  // namespace

extern const ImportFormat kLvmReportImport = {
    "lvm-report", "lvs, pvs, vgs --units b --reportformat json", Detect, Read,
    LastLine::kAny};

}  // namespace dmdax
