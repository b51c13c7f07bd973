// SPDX-License-Identifier: Apache-2.0
#include "tools/dmsetup/tree.h"

#include <langinfo.h>
#include <sys/ioctl.h>

#include <cstring>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tools/dmsetup/block_name.h"

namespace dmdax {
namespace {

// What lines are made of.
struct Symbols {
  const char* empty;   // below the last child
  const char* branch;  // at a child with others to come
  const char* vert;    // past a child with others to come
  const char* last;    // at the last child
  const char* single;  // compact: an only child, or the last
  const char* first;   // compact: the first of several
};

constexpr Symbols kSymbols[] = {
    {"  ", "|-", "| ", "`-", "---", "-+-"},
    {"  ", "├─", "│ ", "└─", "───", "─┬─"},
    {"  ", "\033(0\017tq\033(B", "\033(0\017x\033(B ", "\033(0\017mq\033(B",
     "\033(0\017qqq\033(B", "\033(0\017qwq\033(B"},
};

// Deeper ones are left out.
constexpr unsigned kMaxDepth = 100;

// Where two stacks meet at every level, each level doubles the lines.
constexpr int kMaxNodes = 1 << 16;

class Drawing {
 public:
  Drawing(DmsetupContext& ctx, const DevTree& tree, const TreeOptions& options)
      : ctx_(ctx),
        tree_(tree),
        o_(options),
        symbols_(kSymbols[options.symbols]),
        order_(options.inverted ? TreeOrder::kUsedBy : TreeOrder::kUses) {}

  // False if the tree is larger than what is drawn.
  bool Walk(size_t node, unsigned depth) {
    if (depth + 2 > kMaxDepth) return true;
    const DevTree::Links& children = tree_.Children(node, order_);
    for (auto it = children.begin(); it != children.end();) {
      if (++drawn_ > kMaxNodes) return false;
      const size_t child = it->second;
      const bool more = ++it != children.end();
      const bool has_children = tree_.NumChildren(child, order_) > 0;
      Draw(tree_.node(child), depth, more, has_children);
      if (has_children && !Walk(child, depth + 1)) return false;
    }
    return true;
  }

 private:
  void Put(char c) { ctx_.out.push_back(c); }

  // Only the first byte of a UTF-8 character counts.
  void Char(char c) {
    const bool starts = (c & 0xc0) != 0x80;
    x_ += starts;
    if (!o_.truncate) return Put(c);
    if (x_ <= o_.width) Put(c);
    if (x_ != o_.width + 1 || !starts) return;
    if (last_char_ != 0 || (c & 0x80)) {
      absl::StrAppend(&ctx_.out, "...");
    } else {
      // It may be the last of the line, and then it fits.
      last_char_ = c;
      --x_;
    }
  }
  void Text(absl::string_view text) {
    for (const char c : text) Char(c);
  }
  void NewLine() {
    if (last_char_ != 0 && x_ == o_.width) Put(last_char_);
    last_char_ = 0;
    Put('\n');
    x_ = 1;
  }

  void Prefix(unsigned depth) {
    for (unsigned d = 0; d < depth; ++d) {
      Text(std::string(static_cast<size_t>(width_[d] + 1), ' '));
      if (d == depth - 1) {
        Text(more_[depth] ? symbols_.branch : symbols_.last);
      } else {
        Text(more_[d + 1] ? symbols_.vert : symbols_.empty);
      }
    }
  }

  void Attributes(const DevTree::Node& node) {
    if (!node.exists) return;
    std::vector<std::string> words;
    const uint32_t flags = node.io.flags;
    if (o_.active) {
      words.push_back(flags & DM_SUSPEND_FLAG ? "SUSPENDED" : "ACTIVE");
    }
    if (o_.rw) words.push_back(flags & DM_READONLY_FLAG ? "RO" : "RW");
    if (o_.open) words.push_back(absl::StrCat(node.io.open_count));
    if (o_.uuid) words.push_back(node.uuid);
    for (size_t i = 0; i < words.size(); ++i) {
      Text(i == 0 ? " [" : ", ");
      Text(words[i]);
    }
    if (!words.empty()) Char(']');
  }

  void Draw(const DevTree::Node& node, unsigned depth, bool more,
            bool has_children) {
    if (node.name.empty() && !o_.device && !o_.blkdevname) return;
    more_[depth] = more;
    width_[depth] = 0;
    const bool first_on_line = x_ == 1;
    if (!o_.compact || first_on_line) Prefix(depth);
    const int offset = x_;
    if (o_.compact && !first_on_line) {
      Text(more ? symbols_.first : symbols_.single);
    }
    Text(node.name);
    if (o_.blkdevname) {
      if (std::optional<std::string> name = BlockName(ctx_, node.dev)) {
        Text(absl::StrCat(" <", *name, ">"));
      }
    }
    if (o_.device) Text(absl::StrCat(" (", node.dev.ToString(), ")"));
    Attributes(node);
    if (o_.compact) width_[depth] = x_ - offset;
    if (!o_.compact || !has_children) NewLine();
  }

  DmsetupContext& ctx_;
  const DevTree& tree_;
  const TreeOptions& o_;
  const Symbols& symbols_;
  const TreeOrder order_;
  int drawn_ = 0;
  int x_ = 1;  // where the next character goes
  char last_char_ = 0;
  int width_[kMaxDepth] = {};
  bool more_[kMaxDepth] = {};
};

// One word of -o; `own_lines` is set by what takes lines of its own, and is
// never drawn.  False: it is no option.
bool ApplyTreeWord(absl::string_view word, TreeOptions& o, bool& own_lines) {
  // Any prefix of a word is accepted, even an empty one.
  struct {
    absl::string_view word;
    bool* flag;
    bool value;
  } const flags[] = {
      {"device", &o.device, true},
      {"blkdevname", &o.blkdevname, true},
      {"nodevice", &o.device, false},
      {"status", &own_lines, true},
      {"table", &own_lines, true},
      {"active", &o.active, true},
      {"open", &o.open, true},
      {"uuid", &o.uuid, true},
      {"rw", &o.rw, true},
      {"utf", nullptr, true},
      {"vt100", nullptr, true},
      {"ascii", nullptr, true},
      {"inverted", &o.inverted, true},
      {"compact", &o.compact, true},
      {"notrunc", &o.truncate, false},
  };
  for (const auto& f : flags) {
    if (!absl::StartsWith(f.word, word)) continue;
    if (f.flag != nullptr) {
      *f.flag = f.value;
    } else {
      o.symbols = f.word == "utf"     ? TreeOptions::kUtf
                  : f.word == "vt100" ? TreeOptions::kVt100
                                      : TreeOptions::kAscii;
    }
    return true;
  }
  return false;
}

}  // namespace

std::optional<TreeOptions> ParseTreeOptions(absl::string_view words,
                                            std::string* err) {
  TreeOptions o;
  if (strcmp(nl_langinfo(CODESET), "UTF-8") == 0) {
    o.symbols = TreeOptions::kUtf;
  }
  bool own_lines = false;
  while (!words.empty()) {
    const absl::string_view word = words.substr(0, words.find(','));
    if (!ApplyTreeWord(word, o, own_lines)) {
      absl::StrAppend(err, "Tree options not recognised: ", words, ".\n");
      return std::nullopt;
    }
    words.remove_prefix(std::min(word.size() + 1, words.size()));
  }
  // What takes lines of its own is never drawn compactly.
  if (own_lines || o.active || o.rw || o.open || o.uuid) o.compact = false;
  winsize size{};
  // The bytes of a VT100 symbol are more than its columns, so the width is not
  // used.
  if (o.symbols != TreeOptions::kVt100 && ioctl(1, TIOCGWINSZ, &size) >= 0 &&
      size.ws_col > 3) {
    o.width = size.ws_col - 3;
  }
  return o;
}

bool DrawTree(DmsetupContext& ctx, const DevTree& tree,
              const TreeOptions& options) {
  if (Drawing(ctx, tree, options).Walk(0, 0)) return true;
  return Say(ctx, absl::StrCat("The tree has more than ", kMaxNodes,
                               " lines: a device is drawn once for each way "
                               "to it."));
}

}  // namespace dmdax
