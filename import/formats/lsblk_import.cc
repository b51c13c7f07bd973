// SPDX-License-Identifier: Apache-2.0
//
// lsblk -J, with any columns; -b and -O say the most.
#include "import/formats/json_input.h"
#include "import/formats/lsblk_row.h"
#include "import/import_format.h"

namespace dmdax {
namespace {

bool Detect(const ImportInput& input) {
  return FirstJsonKey(input.text) == "blockdevices";
}

absl::Status ReadDevice(const JsonValue& device, const std::string& parent,
                        Facts* facts) {
  if (!device.is_object()) return device.Expected("a device");
  LsblkRow row;
  row.text = [&](absl::string_view key) { return device[key].Text(); };
  row.place = [&](absl::string_view key) {
    const JsonValue value = device[key];
    return value.exists() ? value.place() : device.place();
  };
  row.parent = parent;
  for (const JsonValue& path : device["mountpoints"].Elements()) {
    row.mountpoints.push_back(path.Text());
  }
  if (row.mountpoints.empty()) row.mountpoints = {device["mountpoint"].Text()};
  if (absl::Status s = SayLsblkRow(row, facts); !s.ok()) return s;
  const std::string path = LsblkPath(row);
  for (const JsonValue& child : device["children"].Elements()) {
    if (absl::Status s = ReadDevice(child, path, facts); !s.ok()) return s;
  }
  return absl::OkStatus();
}

absl::Status Read(const ImportInput& input, Facts* facts) {
  absl::StatusOr<nlohmann::json> root = ParseJsonInput(input);
  if (!root.ok()) return root.status();
  const JsonValue devices = JsonValue(input, *root)["blockdevices"];
  if (!devices.is_list()) return devices.Expected("a list of devices");
  for (const JsonValue& device : devices.Elements()) {
    if (absl::Status s = ReadDevice(device, "", facts); !s.ok()) return s;
  }
  return absl::OkStatus();
}

}  // namespace

extern const ImportFormat kLsblkImport = {"lsblk", "lsblk -J -b -O", Detect,
                                          Read, LastLine::kAny};

}  // namespace dmdax
