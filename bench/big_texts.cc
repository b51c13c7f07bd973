// SPDX-License-Identifier: Apache-2.0
#include "bench/big_texts.h"

#include "absl/strings/str_cat.h"

namespace dmdax::bench {

std::string ManyConcise(size_t n) {
  std::string text;
  for (size_t i = 0; i < n; ++i) {
    absl::StrAppend(&text, i == 0 ? "" : ";", "d", i, ",,,rw,0 8 zero");
  }
  return text;
}

std::string ConciseRows(size_t n) {
  std::string text = "big,,1,rw";
  for (size_t i = 0; i < n; ++i) {
    absl::StrAppend(&text, ",", i * 8, " 8 linear 259:0 ", i * 16);
  }
  return text + "\n";
}

std::string ConciseDevices(size_t n) {
  std::string text;
  for (size_t i = 0; i < n; ++i) {
    absl::StrAppend(&text, i == 0 ? "" : ";\n", "d", i, ",,", i,
                    ",rw,0 8 linear 259:0 ", i * 8);
  }
  return text + "\n";
}

std::string DaxctlDevices(size_t n) {
  std::string text = "[";
  for (size_t i = 0; i < n; ++i) {
    absl::StrAppend(&text, i == 0 ? "\n" : ",\n", "{\"chardev\":\"dax", i,
                    ".0\",\"size\":1073741824,\"align\":4096,"
                    "\"mode\":\"devdax\"}");
  }
  return text + "\n]\n";
}

std::string LsblkVolumes(size_t n) {
  std::string text =
      R"({"blockdevices": [{"name": "pmem0", "maj:min": "259:0",)"
      R"( "type": "disk", "size": 1099511627776, "children": [)";
  for (size_t i = 0; i < n; ++i) {
    absl::StrAppend(&text, i > 0 ? ",\n" : "", R"({"name": "v)", i,
                    R"(", "maj:min": "254:)", i,
                    R"(", "type": "lvm", "size": 1048576, "fstype": "ext4",)",
                    R"( "mountpoint": "/m)", i, R"("})");
  }
  return text + "]}]}\n";
}

}  // namespace dmdax::bench
