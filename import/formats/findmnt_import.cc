// SPDX-License-Identifier: Apache-2.0
//
// findmnt -J: what is mounted, and how.
#include "import/formats/json_input.h"
#include "import/formats/lsblk_row.h"
#include "import/import_format.h"

namespace dmdax {
namespace {

bool Detect(const ImportInput& input) {
  return FirstJsonKey(input.text) == "filesystems";
}

absl::Status ReadMounts(const JsonValue& list, Facts* facts) {
  for (const JsonValue& m : list.Elements()) {
    if (m["target"].Text().empty()) {
      absl::Status s = facts->SkipLine(m.Expected("a mount with a target"));
      if (!s.ok()) return s;
      continue;
    }
    MountFact fact{m.place(),          m["source"].Text(),  m["target"].Text(),
                   m["fstype"].Text(), m["options"].Text(), {},
                   m["fsroot"].Text()};
    // That of a bind mount is in brackets: /dev/sda1[/dir].
    std::string& source = fact.source;
    if (const size_t bracket = source.find('[');
        bracket != source.npos && source.back() == ']') {
      fact.root = source.substr(bracket + 1, source.size() - bracket - 2);
      source.resize(bracket);
    }
    if (const std::string dev = m["maj:min"].Text(); !dev.empty()) {
      if (auto n = ReadDev(dev, m["maj:min"].place()); n.ok()) fact.dev = *n;
    }
    facts->mounts.push_back(std::move(fact));
    absl::Status s = ReadMounts(m["children"], facts);
    if (!s.ok()) return s;
  }
  return absl::OkStatus();
}

absl::Status Read(const ImportInput& input, Facts* facts) {
  absl::StatusOr<nlohmann::json> root = ParseJsonInput(input);
  if (!root.ok()) return root.status();
  const JsonValue list = JsonValue(input, *root)["filesystems"];
  if (!list.is_list()) return list.Expected("a list of file systems");
  return ReadMounts(list, facts);
}

}  // namespace

extern const ImportFormat kFindmntImport = {"findmnt", "findmnt -J", Detect,
                                            Read, LastLine::kAny};

}  // namespace dmdax
