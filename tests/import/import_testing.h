// SPDX-License-Identifier: Apache-2.0
//
// Imports texts as if they were files.
#ifndef DMDAX_TESTS_IMPORT_IMPORT_TESTING_H_
#define DMDAX_TESTS_IMPORT_IMPORT_TESTING_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_join.h"
#include "import/import.h"
#include "import/import_format.h"

namespace dmdax {

inline constexpr char kPmem[] =
    "{\"blockdevices\": [{\"name\": \"pmem0\", \"maj:min\": \"259:3\", "
    "\"size\": 1073741824, \"type\": \"disk\"}]}";

inline constexpr char kLsblk[] = R"j({
   "blockdevices": [
      {"name":"pmem0", "maj:min":"259:3", "size":1073741824, "type":"disk",
       "log-sec":4096, "phy-sec":4096, "dax":true,
         "children": [
            {"name":"pmem0p1", "maj:min":"259:4", "size":536870912,
             "type":"part", "start":2048, "mountpoints":["/mnt"],
             "fstype":"ext4"},
            {"name":"vg-a", "kname":"dm-1", "maj:min":"253:1",
             "size":4194304, "type":"lvm"}
         ]
      },
      {"name":"sr0", "maj:min":"11:0", "size":"1024M", "type":"rom"},
      {"name":"loop0", "maj:min":"7:0", "size":0, "type":"loop"}
   ]
})j";

// The last line of a text may be left without its end here.
struct NamedText {
  std::string name;
  std::string text;

  std::string Whole() const {
    const bool bytes = text.find('\0') != std::string::npos;
    return bytes || text.empty() || text.back() == '\n' ? text : text + "\n";
  }
};

inline absl::StatusOr<Imported> TryImport(const std::vector<NamedText>& inputs,
                                          const std::string& as = "") {
  Importer importer;
  for (const NamedText& in : inputs) {
    absl::Status s = importer.AddBytes(in.Whole(), in.name, as);
    if (!s.ok()) return s;
  }
  return importer.Finish();
}

// What must be imported; an empty World and a failure if it is not.
inline Imported Import(const std::vector<NamedText>& inputs) {
  absl::StatusOr<Imported> machine = TryImport(inputs);
  EXPECT_TRUE(machine.ok()) << machine.status();
  return machine.ok() ? *std::move(machine) : Imported();
}

// The format that the text is taken for; "": none.
inline std::string TypeOf(const std::string& text,
                          const std::string& path = "x") {
  const ImportInput input{path, path, text};
  const ImportFormat* format = DetectImport(input);
  return format == nullptr ? "" : std::string(format->name);
}

inline std::string Notes(const Imported& machine) {
  return absl::StrJoin(machine.AllNotes(), "\n");
}

inline std::string ErrorOf(const std::vector<NamedText>& inputs,
                           const std::string& as = "") {
  absl::StatusOr<Imported> machine = TryImport(inputs, as);
  EXPECT_FALSE(machine.ok());
  return machine.ok() ? "" : std::string(machine.status().message());
}

}  // namespace dmdax

#endif  // DMDAX_TESTS_IMPORT_IMPORT_TESTING_H_
