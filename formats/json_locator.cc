// SPDX-License-Identifier: Apache-2.0
#include "formats/json_locator.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace dmdax {
namespace {

// Walks well-formed JSON without building anything.
class Walker {
 public:
  explicit Walker(absl::string_view json) : json_(json) {}

  size_t at() {
    SkipSpace();
    return at_;
  }

  // Enters the member `key` of the object here; false: no object, no member.
  bool EnterKey(absl::string_view key) {
    SkipSpace();
    if (!Eat('{')) return false;
    while (!Peek('}') && at_ < json_.size()) {
      const std::string found = Key();
      Eat(':');
      if (found == key || found == CamelCase(key)) return true;
      SkipValue();
      Eat(',');
    }
    return false;
  }

  // Calls `fn` with the offset of each element of the list here.
  template <typename Fn>
  void ForEachElement(Fn fn) {
    SkipSpace();
    if (!Eat('[')) return;
    while (!Peek(']') && at_ < json_.size()) {
      fn(at());
      SkipValue();
      Eat(',');
    }
  }

  bool EnterIndex(size_t index) {
    SkipSpace();
    if (!Eat('[')) return false;
    for (size_t i = 0; !Peek(']') && at_ < json_.size(); ++i) {
      if (i == index) return true;
      SkipValue();
      Eat(',');
    }
    return false;
  }

 private:
  void SkipSpace() {
    while (at_ < json_.size() &&
           absl::ascii_isspace(static_cast<unsigned char>(json_[at_]))) {
      ++at_;
    }
  }
  bool Peek(char c) {
    SkipSpace();
    return at_ < json_.size() && json_[at_] == c;
  }
  bool Eat(char c) {
    if (!Peek(c)) return false;
    ++at_;
    return true;
  }
  std::string Key() {
    SkipSpace();
    const size_t begin = at_ + 1;
    SkipString();
    return std::string(json_.substr(begin, at_ - begin - 1));
  }
  void SkipString() {
    for (++at_; at_ < json_.size() && json_[at_] != '"'; ++at_) {
      if (json_[at_] == '\\') ++at_;
    }
    at_ = std::min(at_ + 1, json_.size());
  }
  void SkipValue() {
    SkipSpace();
    int depth = 0;
    while (at_ < json_.size()) {
      const char c = json_[at_];
      if (c == '"') {
        SkipString();
        if (depth == 0) return;
        continue;
      }
      if (depth == 0 && (c == ',' || c == '}' || c == ']')) return;
      if (c == '{' || c == '[') ++depth;
      if (c == '}' || c == ']') --depth;
      ++at_;
      if (depth == 0 && (c == '}' || c == ']')) return;
    }
  }
  const absl::string_view json_;
  size_t at_ = 0;
};

}  // namespace

std::string CamelCase(absl::string_view name) {
  std::string camel;
  for (size_t i = 0; i < name.size(); ++i) {
    const bool hump = name[i] == '_' && i + 1 < name.size();
    camel.push_back(
        hump ? absl::ascii_toupper(static_cast<unsigned char>(name[++i]))
             : name[i]);
  }
  return camel;
}

TextPosition PositionOf(absl::string_view text, size_t offset) {
  TextPosition position;
  const absl::string_view before =
      text.substr(0, std::min(offset, text.size()));
  position.line +=
      static_cast<size_t>(std::count(before.begin(), before.end(), '\n'));
  const size_t newline = before.rfind('\n');
  position.column +=
      newline == before.npos ? before.size() : before.size() - newline - 1;
  return position;
}

namespace {

// The position of byte `offset`, which is not in front of `from`.
template <typename From>
TextPosition Moved(const From& from, absl::string_view json, size_t offset) {
  TextPosition p = PositionOf(json.substr(from.offset), offset - from.offset);
  if (p.line == 1) p.column += from.position.column - 1;
  p.line += from.position.line - 1;
  return p;
}

}  // namespace

size_t LocateJson(absl::string_view json, absl::string_view path) {
  Walker walker(json);
  size_t deepest = walker.at();
  while (!path.empty()) {
    bool entered;
    if (path[0] == '[') {
      const size_t end = path.find(']');
      uint64_t index = 0;
      if (end == path.npos ||
          !absl::SimpleAtoi(path.substr(1, end - 1), &index)) {
        break;
      }
      entered = walker.EnterIndex(index);
      path.remove_prefix(end + 1);
    } else {
      const size_t end = std::min(path.find_first_of(".["), path.size());
      entered = walker.EnterKey(path.substr(0, end));
      path.remove_prefix(end);
    }
    if (!entered) break;
    deepest = walker.at();
    if (!path.empty() && path[0] == '.') path.remove_prefix(1);
  }
  return deepest;
}

TextPosition JsonPlaces::Locate(absl::string_view json,
                                absl::string_view path) {
  Element at = {0, PositionOf(json, 0)};
  std::string list;  // the path so far
  while (true) {
    const size_t bracket = path.find('[');
    const size_t end = path.find(']', std::min(bracket, path.size()));
    uint64_t index = 0;
    if (end == path.npos ||
        !absl::SimpleAtoi(path.substr(bracket + 1, end - bracket - 1),
                          &index)) {
      break;
    }
    absl::StrAppend(&list, ".", path.substr(0, bracket));
    auto [it, is_new] = lists_.try_emplace(list);
    std::vector<Element>& elements = it->second;
    if (is_new) {
      const size_t begin = at.offset + LocateJson(json.substr(at.offset),
                                                  path.substr(0, bracket));
      Element last = {begin, Moved(at, json, begin)};
      Walker(json.substr(begin)).ForEachElement([&](size_t offset) {
        last = {begin + offset, Moved(last, json, begin + offset)};
        elements.push_back(last);
      });
    }
    // A list that is not there ends on the way.
    if (index >= elements.size()) break;
    at = elements[index];
    absl::StrAppend(&list, path.substr(bracket, end + 1 - bracket));
    path.remove_prefix(end + 1);
    if (!path.empty() && path[0] == '.') path.remove_prefix(1);
  }
  return Moved(at, json, at.offset + LocateJson(json.substr(at.offset), path));
}

}  // namespace dmdax
