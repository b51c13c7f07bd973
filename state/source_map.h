// SPDX-License-Identifier: Apache-2.0
//
// SourceMap: where in its file a field of a parsed message was written.
//
//   absl::StatusOr<ParsedWorld> w = ParseWorld(bytes, "w.textproto");
//   w->source.Locate("mapped_device[2].table.target[5]");
//   // "w.textproto:40:5: "
//
// A path is field names as in state/world.proto, with [index] for repeated
// ones. Of a path that was not written (a default) the part that was is taken.
// Threading: immutable once set.
#ifndef DMDAX_STATE_SOURCE_MAP_H_
#define DMDAX_STATE_SOURCE_MAP_H_

#include <functional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace dmdax {

class SourceMap {
 public:
  using Locator = std::function<std::string(const std::string& path)>;

  void Set(Locator locator) { locator_ = std::move(locator); }

  // The beginning of an error message: "file:line:column: ", for binary input
  // "file: path: ", "" for a map that was never set.
  std::string Locate(const std::string& path) const {
    return locator_ ? locator_(path) : "";
  }

 private:
  Locator locator_;
};

// `s` with the place of `path` before its words, or of the field in it that is
// to blame (FieldOf); `what` is the thing that is wrong, "mount '/mnt'" or "".
// OK stays OK.
absl::Status ErrorAt(const SourceMap& map, const std::string& path,
                     const absl::Status& s, absl::string_view what = "");

}  // namespace dmdax

#endif  // DMDAX_STATE_SOURCE_MAP_H_
