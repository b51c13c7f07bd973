// SPDX-License-Identifier: Apache-2.0
#include "tools/check/namespace_size.h"

#include "absl/strings/str_cat.h"
#include "base/one_line.h"
#include "tools/check/cure_lines.h"
#include "tools/check/shell_variable.h"

namespace dmdax {

std::string NamespaceSizeLook(const std::string& disk, uint64_t align) {
  const std::string of = VariableOf(disk);
  const std::string at = absl::StrCat("/sys/bus/nd/devices/$ns_", of);
  // A region without DIMMs counts as one.
  return absl::StrCat(
      "ns_", of, "=", NamespaceWord(disk), " && each_", of, "=$((", align,
      " * $(sed 's/^0$/1/' ", at, "/../mappings))) && size_", of, "=$(($(cat ",
      at, "/size) / each_", of, " * each_", of, ")) && test $size_", of,
      " -gt 0 || ! echo ",
      ShellWord(absl::StrCat(disk, ": no whole page for each of its DIMMs")),
      " >&2");
}

std::string NamespaceSizeWords(const std::string& disk) {
  const std::string of = VariableOf(disk);
  return absl::StrCat("-e $ns_", of, " --size $size_", of);
}

}  // namespace dmdax
