// SPDX-License-Identifier: Apache-2.0
//
// daxctl list: JSON of device-dax, with -R below their regions, with -M with
// the ranges they have.
#include "absl/strings/str_cat.h"
#include "import/formats/json_input.h"
#include "import/import_format.h"

namespace dmdax {
namespace {

bool Detect(const ImportInput& input) {
  const std::string key = FirstJsonKey(input.text);
  return key == "chardev" || key == "path" || key == "id";
}

absl::Status ReadDevice(const JsonValue& v, Facts* facts) {
  const std::string name = v["chardev"].Text();
  if (name.empty()) return v.Expected("a device with a chardev");
  if (v["state"].Text() == "disabled") {
    facts->Note(v.place(), absl::StrCat(name, " is disabled: left out"));
    return absl::OkStatus();
  }
  DaxChar& dax = facts->dax[name];
  if (dax.name.empty()) dax = {.name = name, .place = v.place()};
  if (const JsonValue mode = v["mode"]; !mode.Text().empty()) {
    absl::Status s =
        Facts::Say(dax.mode, mode.Text(), mode.place(), name, "mode");
    if (!s.ok()) return s;
  }
  absl::StatusOr<std::optional<SizeRange>> size = v["size"].Size();
  if (!size.ok()) return size.status();
  if (*size) {
    absl::Status s = Facts::SaySize(dax.size, **size, v["size"].place(), name);
    if (!s.ok()) return s;
  }
  absl::StatusOr<std::optional<SizeRange>> align = v["align"].Size();
  if (!align.ok()) return align.status();
  if (*align) {
    absl::Status s = Facts::Say(dax.align, (*align)->Likeliest(),
                                v["align"].place(), name, "align");
    if (!s.ok()) return s;
  }
  std::vector<std::pair<uint64_t, uint64_t>> ranges;
  for (const JsonValue& m : v["mappings"].Elements()) {
    absl::StatusOr<std::optional<uint64_t>> start = m["start"].Number();
    if (!start.ok()) return start.status();
    absl::StatusOr<std::optional<uint64_t>> end = m["end"].Number();
    if (!end.ok()) return end.status();
    if (!*start || !*end || **end < **start || **end == UINT64_MAX) {
      return m.Expected("a mapping with a start and an end");
    }
    ranges.emplace_back(**start, **end - **start + 1);
  }
  if (ranges.empty()) return absl::OkStatus();
  const Place place = v["mappings"].place();
  if (!dax.ranges.empty() && dax.ranges != ranges) {
    return place.Error(absl::StrCat("the mappings of ", name,
                                    " are others than at ",
                                    dax.ranges_place.ToString()));
  }
  dax.ranges = std::move(ranges);
  dax.ranges_place = place;
  return absl::OkStatus();
}

absl::Status ReadAny(const JsonValue& v, Facts* facts) {
  if (v.is_list()) {
    for (const JsonValue& element : v.Elements()) {
      if (absl::Status s = ReadAny(element, facts); !s.ok()) return s;
    }
    return absl::OkStatus();
  }
  if (v["devices"].exists()) return ReadAny(v["devices"], facts);
  if (v["chardev"].exists()) return ReadDevice(v, facts);
  // A region without devices.
  return v.is_object() ? absl::OkStatus() : v.Expected("a device-dax");
}

absl::Status Read(const ImportInput& input, Facts* facts) {
  absl::StatusOr<nlohmann::json> root = ParseJsonInput(input);
  if (!root.ok()) return root.status();
  return ReadAny(JsonValue(input, *root), facts);
}

}  // namespace

extern const ImportFormat kDaxctlImport = {"daxctl", "daxctl list -R -D",
                                           Detect, Read, LastLine::kAny};

}  // namespace dmdax
