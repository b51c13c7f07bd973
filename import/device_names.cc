// SPDX-License-Identifier: Apache-2.0
//
// What a device is called, and what it stands on, whoever says it how.
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "import/build_world.h"
#include "import/lvm/lvm_tables.h"

namespace dmdax {

bool IsPmemName(absl::string_view name) {
  if (!absl::ConsumePrefix(&name, "pmem") || name.empty()) return false;
  bool dot = false;
  for (size_t i = 0; i < name.size(); ++i) {
    const char c = name[i];
    if (c == '.' && !dot && i > 0 && i + 1 < name.size()) {
      dot = true;
    } else if (c < '0' || c > '9') {
      return false;
    }
  }
  return true;
}

std::string CanonicalDevice(const Facts& facts, absl::string_view source) {
  const std::string word(source);
  std::vector<std::string> parts = absl::StrSplit(word, ':');
  DevT dev;
  if (parts.size() == 2 && absl::SimpleAtoi(parts[0], &dev.major_nr) &&
      absl::SimpleAtoi(parts[1], &dev.minor_nr)) {
    if (auto it = facts.by_dev.find(dev); it != facts.by_dev.end()) {
      return it->second;
    }
    return "";
  }
  absl::string_view name = source;
  if (absl::ConsumePrefix(&name, "/dev/mapper/")) {
    return facts.mapped.contains(std::string(name)) ? word : "";
  }
  if (!absl::ConsumePrefix(&name, "/dev/")) return "";
  if (facts.disks.contains(std::string(name))) return word;
  if (absl::StartsWith(name, "dm-")) {
    auto it = facts.dm_devs.find(std::string(name));
    if (it != facts.dm_devs.end() && it->second.name) {
      return absl::StrCat("/dev/mapper/", it->second.name->value);
    }
    DevT of{.major_nr = facts.dm_major ? facts.dm_major->value : kDmMajor};
    if (!absl::SimpleAtoi(name.substr(3), &of.minor_nr)) return "";
    auto by_number = facts.by_dev.find(of);
    return by_number != facts.by_dev.end() &&
                   absl::StartsWith(by_number->second, "/dev/mapper/")
               ? by_number->second
               : "";
  }
  // /dev/vg/lv, as LVM's links are called.
  const size_t slash = name.find('/');
  if (slash == name.npos) return "";
  const std::string lv =
      LvmDmName(name.substr(0, slash), name.substr(slash + 1));
  return facts.mapped.contains(lv) ? absl::StrCat("/dev/mapper/", lv) : "";
}

std::string CanonicalName(const Facts& facts, const std::string& said) {
  if (absl::StartsWith(said, "/")) return CanonicalDevice(facts, said);
  const std::string mapped =
      CanonicalDevice(facts, absl::StrCat("/dev/mapper/", said));
  return !mapped.empty() ? mapped
                         : CanonicalDevice(facts, absl::StrCat("/dev/", said));
}

void JoinBelow(Facts* facts) {
  for (const auto& [above, below] : facts->below) {
    // sysfs calls a mapped device by its kernel's name.
    const std::string path = CanonicalDevice(*facts, above);
    for (const std::string& word : below) {
      const std::string name = CanonicalDevice(*facts, word);
      if (name.empty()) continue;
      for (const std::string& key : {above, path}) {
        if (!key.empty() && key != name) facts->stands_on[key].insert(name);
      }
    }
  }
}

std::vector<std::string> DevicesBelow(const Facts& facts,
                                      absl::string_view device) {
  const std::string path = absl::StartsWith(device, "/")
                               ? std::string(device)
                               : absl::StrCat("/dev/", device);
  const auto at = facts.stands_on.find(path);
  if (at == facts.stands_on.end()) return {};
  return {at->second.begin(), at->second.end()};
}

}  // namespace dmdax
