// SPDX-License-Identifier: Apache-2.0
#include "import/refusal.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace dmdax {
namespace {

// Where an error is, in front of its words: "\x01mapped_device[2].table\x02".
constexpr char kBegin = '\x01';
constexpr char kEnd = '\x02';

}  // namespace

Refusal ParseRefusal(absl::string_view message) {
  Refusal r{.words = std::string(message)};
  const size_t begin = message.find(kBegin);
  const size_t end = message.find(kEnd);
  if (begin == message.npos || end == message.npos) return r;
  const absl::string_view path = message.substr(begin + 1, end - begin - 1);
  r.words = std::string(message.substr(end + 1));
  const size_t open = path.find('[');
  const size_t close = path.find(']');
  if (open == path.npos || close == path.npos ||
      !absl::SimpleAtoi(path.substr(open + 1, close - open - 1), &r.index)) {
    r.list = std::string(path);  // of no list
    return r;
  }
  r.list = std::string(path.substr(0, open));
  r.rest = std::string(path.substr(close + 1));
  return r;
}

SourceMap RefusalMarks() {
  SourceMap map;
  map.Set([](const std::string& path) {
    return absl::StrCat(std::string(1, kBegin), path, std::string(1, kEnd));
  });
  return map;
}

}  // namespace dmdax
