// SPDX-License-Identifier: Apache-2.0
//
// ndctl list: JSON of regions and namespaces, alone or below each other
// (-R, -N, -D, -u, -v, in any combination).
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "import/formats/json_input.h"
#include "import/import_format.h"

namespace dmdax {
namespace {

bool Detect(const ImportInput& input) {
  const std::string key = FirstJsonKey(input.text);
  if (key == "provider" || key == "dimms" || key == "regions" ||
      key == "namespaces" || key == "buses") {
    return true;
  }
  if (key != "dev") return false;
  for (const char* kind : {"\"namespace", "\"region", "\"nmem", "\"ndbus"}) {
    if (absl::StrContains(input.text.substr(0, 4096), kind)) return true;
  }
  return false;
}

absl::Status Slot(const JsonValue& value, uint64_t* out) {
  absl::StatusOr<std::optional<SizeRange>> n = value.Size();
  if (!n.ok()) return n.status();
  if (*n) *out = (*n)->Likeliest();
  return absl::OkStatus();
}

// What old versions call "memory", "safe" and "dax".
std::string ModeNow(const std::string& mode) {
  return mode == "memory" ? "fsdax"
         : mode == "safe" ? "sector"
         : mode == "dax"  ? "devdax"
                          : mode;
}

// util_namespace_mode() of ndctl.
absl::Status CheckMode(const JsonValue& mode) {
  if (!mode.exists()) return absl::OkStatus();
  const std::string text = mode.Text();
  for (absl::string_view known : {"fsdax", "raw", "sector", "devdax", "memory",
                                  "safe", "dax", "unknown"}) {
    if (text == known) return absl::OkStatus();
  }
  return mode.Expected("fsdax, devdax, sector or raw");
}

absl::Status ReadDaxDevices(const JsonValue& space, Facts* facts) {
  const auto add = [&](const JsonValue& device) -> absl::Status {
    const std::string name = device["chardev"].Text();
    if (name.empty()) return device.Expected("a device with a chardev");
    DaxChar& dax = facts->dax[name];
    if (dax.name.empty()) dax = {.name = name, .place = device.place()};
    dax.space = space["dev"].Text();
    // That of the namespace is devdax whatever its devices are used for.
    const bool own =
        device["size"].place().json_path != space["size"].place().json_path;
    const std::string mode = own ? device["mode"].Text() : "";
    if (!mode.empty()) {
      absl::Status s =
          Facts::Say(dax.mode, mode, device["mode"].place(), name, "mode");
      if (!s.ok()) return s;
    }
    absl::StatusOr<std::optional<SizeRange>> size = device["size"].Size();
    if (!size.ok()) return size.status();
    if (*size) {
      absl::Status s =
          Facts::SaySize(dax.size, **size, device["size"].place(), name);
      if (!s.ok()) return s;
    }
    absl::Status s = Slot(space["align"], &dax.space_align);
    uint64_t align = 0;
    // Before devices could have one of their own it was the region's.
    const JsonValue said = device["align"].exists()
                               ? device["align"]
                               : space["daxregion"]["align"];
    if (s.ok() && own) s = Slot(said, &align);
    if (!s.ok() || align == 0) return s;
    return Facts::Say(dax.align, align, said.place(), name, "align");
  };
  for (const JsonValue& d : space["daxregion"]["devices"].Elements()) {
    if (absl::Status s = add(d); !s.ok()) return s;
  }
  if (space["chardev"].exists()) return add(space);
  if (space["daxregion"]["devices"].Elements().empty()) {
    facts->Note(space.place(),
                absl::StrCat(space["dev"].Text(),
                             " is devdax, and no device of it is said: left "
                             "out (ndctl list -NX, daxctl list -DM)"));
  }
  return absl::OkStatus();
}

// With -M: in sectors from the start of the data.
absl::Status ReadBadBlocks(const JsonValue& v, Namespace* space) {
  absl::StatusOr<std::optional<uint64_t>> count = v["badblock_count"].Number();
  if (!count.ok()) return count.status();
  if (*count) space->nr_badblocks = **count;
  for (const JsonValue& bad : v["badblocks"].Elements()) {
    absl::StatusOr<std::optional<uint64_t>> offset = bad["offset"].Number();
    if (!offset.ok()) return offset.status();
    absl::StatusOr<std::optional<uint64_t>> length = bad["length"].Number();
    if (!length.ok()) return length.status();
    if (!*offset || !*length || **length == 0) {
      return bad.Expected("bad blocks with an offset and a length");
    }
    space->badblocks.emplace(**offset, **length);
  }
  return absl::OkStatus();
}

// What the bus and the region say of all namespaces in them.
struct Above {
  std::string domain;    // persistence_domain
  std::string provider;  // of the bus
};

absl::Status ReadNamespace(const JsonValue& v, const Above& above,
                           Facts* facts) {
  const std::string name = v["dev"].Text();
  if (name.empty()) return v.Expected("a namespace");
  if (v["state"].Text() == "disabled") {
    facts->Note(v.place(), absl::StrCat(name, " is disabled: left out"));
    facts->disabled.try_emplace(name, v["state"].place());
    return absl::OkStatus();
  }
  Namespace& space = facts->namespaces[name];
  if (space.name.empty()) space = {.name = name, .place = v.place()};
  const std::string mode = ModeNow(v["mode"].Text());
  if (absl::Status s = CheckMode(v["mode"]); !s.ok()) return s;
  if (!space.mode.empty() && space.mode != mode) {
    return v["mode"].place().Error(
        absl::StrCat("the mode of ", name, " is ", Quoted(mode), "; ",
                     space.place.ToString(), " says ", Quoted(space.mode)));
  }
  space.mode = mode;
  space.map = v["map"].Text();
  space.blockdev = v["blockdev"].Text();
  space.chardev = v["chardev"].Text();
  space.has_uuid = v["uuid"].exists();
  if (!above.domain.empty()) space.persistence_domain = above.domain;
  if (!above.provider.empty()) space.provider = above.provider;
  absl::StatusOr<std::optional<SizeRange>> size = v["size"].Size();
  if (!size.ok()) return size.status();
  if (*size) {
    absl::Status s =
        Facts::SaySize(space.size, **size, v["size"].place(), name);
    if (!s.ok()) return s;
  }
  absl::Status s = Slot(v["align"], &space.align);
  if (s.ok()) s = Slot(v["sector_size"], &space.sector_size);
  if (s.ok()) s = ReadBadBlocks(v, &space);
  if (s.ok() && mode == "devdax") s = ReadDaxDevices(v, facts);
  if (!s.ok() || space.blockdev.empty()) return s;
  Disk& disk = facts->DiskNamed(space.blockdev, v.place());
  s = Facts::Say(disk.space, name, v.place(), space.blockdev, "namespace");
  if (s.ok()) {
    s = Facts::Say(disk.mode, mode, v.place(), space.blockdev, "mode");
  }
  if (s.ok() && space.size) {
    s = Facts::SaySize(disk.size, space.size->value, v["size"].place(),
                       space.blockdev);
  }
  return s;
}

absl::Status ReadAny(const JsonValue& v, const Above& above, Facts* facts) {
  if (v.is_list()) {
    for (const JsonValue& element : v.Elements()) {
      absl::Status s = ReadAny(element, above, facts);
      if (!s.ok()) return s;
    }
    return absl::OkStatus();
  }
  if (!v.is_object()) return v.Expected("a region or namespace");
  const std::string dev = v["dev"].Text();
  if (absl::StartsWith(dev, "namespace")) {
    return ReadNamespace(v, above, facts);
  }
  if (v["type"].Text() == "blk") {
    facts->Note(v.place(),
                absl::StrCat(dev, ": a region of block windows has no DAX"));
  }
  Above own{v["persistence_domain"].Text(), v["provider"].Text()};
  if (own.domain.empty()) own.domain = above.domain;
  if (own.provider.empty()) own.provider = above.provider;
  for (const char* list : {"buses", "regions", "namespaces"}) {
    if (!v[list].exists()) continue;
    if (absl::Status s = ReadAny(v[list], own, facts); !s.ok()) return s;
  }
  return absl::OkStatus();
}

absl::Status Read(const ImportInput& input, Facts* facts) {
  absl::StatusOr<nlohmann::json> root = ParseJsonInput(input);
  if (!root.ok()) return root.status();
  return ReadAny(JsonValue(input, *root), {}, facts);
}

}  // namespace

extern const ImportFormat kNdctlImport = {"ndctl", "ndctl list -RNDu", Detect,
                                          Read, LastLine::kAny};

}  // namespace dmdax
