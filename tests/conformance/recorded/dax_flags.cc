// SPDX-License-Identifier: Apache-2.0
#include "tests/conformance/recorded/dax_flags.h"

#include <algorithm>

namespace dmdax::conformance {
namespace {

// After the first `count` operations.
std::set<std::string> FlaggedAfter(const Json& ops, const Json& results,
                                   size_t count) {
  std::set<std::string> known, flagged;
  const auto make = [&](const std::string& path) {
    if (!known.insert(path).second) return;
    const size_t slash = path.rfind('/');
    const std::string parent =
        slash == path.npos ? std::string(".") : path.substr(0, slash);
    if (flagged.contains(parent)) flagged.insert(path);
  };
  for (size_t i = 0; i < count; ++i) {
    const Json& op = ops[i];
    if (op.size() < 2) continue;
    const std::string path = op[1];
    const bool failed = !results[i].value("errno", Json()).is_null();
    // A flag that is refused is refused of a file that is there by then.
    if (!failed || op[0] == "daxflag") make(path);
    if (op[0] == "clone" && !failed) make(op[2]);
    if (op[0] != "daxflag" || failed) continue;
    if (op[2] != 0) {
      flagged.insert(path);
    } else {
      flagged.erase(path);
    }
  }
  return flagged;
}

}  // namespace

std::set<std::string> DaxFlagged(const Json& ops, const Json& results) {
  return FlaggedAfter(ops, results, std::min(ops.size(), results.size()));
}

bool AsksForDaxFlag(const Json& ops, const Json& results, size_t i) {
  if (i >= results.size() || ops[i][0] != "daxflag") return false;
  return FlaggedAfter(ops, results, i).contains(ops[i][1]) != (ops[i][2] != 0);
}

bool ChangesDaxFlag(const Json& ops, const Json& results, size_t i) {
  if (i >= results.size() || ops[i][0] != "daxflag") return false;
  const std::string path = ops[i][1];
  return FlaggedAfter(ops, results, i).contains(path) !=
         FlaggedAfter(ops, results, i + 1).contains(path);
}

}  // namespace dmdax::conformance
