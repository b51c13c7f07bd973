// SPDX-License-Identifier: Apache-2.0
//
// Reports of parts become one.
#include <cerrno>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "formats/json_syntax.h"
#include "tools/fleet_report.h"
#include "tools/machine_row.h"
#include "tools/print_json.h"

namespace dmdax {
namespace {

using Json = nlohmann::ordered_json;

constexpr absl::string_view kBlanks = " \t\r\n";

// The first JSON object of `text`, which it takes away; all of it if no object
// ends there.
absl::string_view TakeObject(absl::string_view& text) {
  int depth = 0;
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      in_string = c != '"';
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      ++depth;
    } else if ((c == '}' || c == ']') && --depth == 0) {
      const absl::string_view object = text.substr(0, i + 1);
      text.remove_prefix(i + 1);
      return object;
    }
  }
  return std::exchange(text, absl::string_view());
}

absl::Status Bad(absl::string_view name, absl::string_view what) {
  return ErrnoError(EINVAL, absl::StrCat(name, ": ", what));
}

// "dmdax --json check" of many machines, of the version that is read here.
absl::Status CheckHead(const Json& report) {
  constexpr char kNone[] =
      "not what dmdax --json check prints of many machines";
  if (!report.is_object()) return ErrnoError(EINVAL, kNone);
  const auto said = [&](const char* key) {
    return report.contains(key) ? report[key].dump().substr(0, 40)
                                : std::string("missing");
  };
  if (report.value("schema", Json()) != Json(kJsonSchema)) {
    return ErrnoError(
        EINVAL, absl::StrCat("schema is ", said("schema"),
                             ": reports of schema ", kJsonSchema, " are read"));
  }
  if (report.value("kind", Json()) != Json("machines")) {
    return ErrnoError(EINVAL, absl::StrCat("kind is ", said("kind"),
                                           ", not \"machines\": ", kNone));
  }
  if (!report.contains("require") || !report["require"].is_string() ||
      !report.contains("machines") || !report["machines"].is_array()) {
    return ErrnoError(EINVAL, kNone);
  }
  return absl::OkStatus();
}

// Of reports of parts all must be there.
class Parts {
 public:
  // EINVAL: it is no part, or not of as many as the others.
  absl::Status Add(const Json& report) {
    if (!report.contains("shard")) return absl::OkStatus();
    if (!report["shard"].is_string()) {
      return ErrnoError(EINVAL, "shard is no string");
    }
    absl::StatusOr<Shard> shard =
        ParseShard(report["shard"].get<std::string>());
    if (!shard.ok()) return shard.status();
    if (of_ != 0 && of_ != shard->of) {
      return ErrnoError(
          EINVAL, absl::StrCat("it is one of ", shard->of,
                               " parts; there are those of ", of_, " too"));
    }
    of_ = shard->of;
    numbers_.insert(shard->number);
    return absl::OkStatus();
  }

  // EINVAL: not all are there.
  absl::Status CheckAll() const {
    for (uint64_t i = 1; i <= of_; ++i) {
      if (numbers_.contains(i)) continue;
      return ErrnoError(EINVAL, absl::StrCat("part ", i, "/", of_,
                                             " is missing: ", numbers_.size(),
                                             " of ", of_, " are there"));
    }
    return absl::OkStatus();
  }

 private:
  uint64_t of_ = 0;  // 0: no report is of a part
  std::set<uint64_t> numbers_;
};

}  // namespace

absl::StatusOr<FleetReport> MergeReports(
    const std::vector<std::pair<std::string, std::string>>& texts) {
  std::optional<FleetReport> all;
  std::string require, first;
  Parts parts;
  std::map<std::string, std::string> seen;  // machine -> the text that has it
  for (const auto& [name, bytes] : texts) {
    absl::string_view text = bytes;
    for (;;) {
      const size_t at = text.find_first_not_of(kBlanks);
      if (at == text.npos) break;
      text.remove_prefix(at);
      const absl::string_view object = TakeObject(text);
      if (absl::Status s = CheckJsonSyntax(object, name); !s.ok()) return s;
      Json report = Json::parse(object);
      absl::Status s = CheckHead(report);
      if (s.ok()) s = parts.Add(report);
      if (!s.ok()) return Bad(name, s.message());
      absl::StatusOr<Wish> wish =
          WishOfName(report["require"].get<std::string>());
      if (!wish.ok()) return Bad(name, wish.status().message());
      if (!all) {
        all.emplace(*wish);
        require = report["require"];
        first = name;
      } else if (report["require"] != require) {
        return Bad(name, absl::StrCat("it requires ",
                                      report["require"].get<std::string>(),
                                      "; ", first, " requires ", require));
      }
      for (size_t i = 0; i < report["machines"].size(); ++i) {
        Json& row = report["machines"][i];
        if (s = CheckMachineRow(row); !s.ok()) {
          const Json machine =
              row.is_object() ? row.value("machine", Json()) : Json();
          return Bad(name, absl::StrCat(
                               "machines[", i, "]",
                               machine.is_string()
                                   ? absl::StrCat(
                                         " (", machine.get<std::string>(), ")")
                                   : "",
                               ": ", s.message()));
        }
        const std::string machine = row["machine"];
        const auto [it, fresh] = seen.try_emplace(machine, name);
        if (!fresh) {
          return Bad(name,
                     absl::StrCat(machine, " is in ", it->second, " too"));
        }
        all->Add(std::move(row));
      }
    }
  }
  if (!all) return ErrnoError(ENODATA, "no report to merge");
  if (absl::Status s = parts.CheckAll(); !s.ok()) return s;
  return *std::move(all);
}

}  // namespace dmdax
