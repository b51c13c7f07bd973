// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "tools/dmsetup/report/dm_regex_tree.h"

namespace dmdax {
namespace {

using Charset = std::bitset<256>;
using Tree = DmRegexTree;

size_t Index(char c) { return static_cast<unsigned char>(c); }

Charset Single(char c) { return Charset().set(Index(c)); }

char Unescape(char c) {
  switch (c) {
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    default:
      return c;
  }
}

// Looks one token ahead.  The open groups, the alternatives of each, and the
// terms of the last alternative are lists and not recursive calls, because a
// pattern may have thousands of parentheses.
class Parser {
 public:
  Parser(absl::string_view text, Tree& tree, std::string& err)
      : rest_(text), tree_(tree), err_(err) {
    Advance();
  }

  size_t Parse() {
    groups_.emplace_back();
    while (true) {
      if (token_ == '(') {
        Advance();
        groups_.push_back({alternatives_.size(), terms_.size()});
        continue;
      }
      size_t term = 0;
      if (token_ == kSet) {
        term = tree_.Add({Tree::kCharset, 0, 0, charset_});
        Advance();
      }
      // A group that ends is a term of the one around it.
      while (!Append(term)) {
        const size_t group = TakeAlternatives();
        groups_.pop_back();
        if (groups_.empty()) return group;
        if (token_ == ')') {
          Advance();
          term = group;
        } else {
          term = Fail("missing ')' in regular expression");
        }
      }
    }
  }

 private:
  // Tokens are operators, a set of characters, or the end, which an error is
  // as well.
  static constexpr int kSet = 0, kEnd = -1;

  // Where those of a group begin.
  struct Group {
    size_t alternatives = 0, terms = 0;
  };

  size_t Fail(absl::string_view text) {
    absl::StrAppend(&err_, text, "\n");
    return 0;
  }

  // Whether the group goes on after `term`, which is 0 where none is.
  bool Append(size_t term) {
    if (term != 0) {
      terms_.push_back(Closures(term));
      if (token_ != '|') return true;
    }
    const size_t from = groups_.back().terms;
    alternatives_.push_back(
        terms_.size() == from ? 0 : Fold(Tree::kCat, terms_, from));
    if (alternatives_.back() == 0 || token_ != '|') return false;
    Advance();
    return true;
  }

  size_t Closures(size_t node) {
    for (;; Advance()) {
      if (token_ == '*') {
        node = tree_.Add({Tree::kStar, node});
      } else if (token_ == '+') {
        node = tree_.Add({Tree::kPlus, node});
      } else if (token_ == '?') {
        node = tree_.Add({Tree::kQuest, node});
      } else {
        return node;
      }
    }
  }

  // Only the last alternative may be empty; then the group is empty, and each
  // alternative that should continue with it complains.
  size_t TakeAlternatives() {
    const size_t from = groups_.back().alternatives;
    if (alternatives_.back() != 0) return Fold(Tree::kOr, alternatives_, from);
    for (size_t i = from + 1; i < alternatives_.size(); ++i) {
      Fail("Badly formed 'or' expression");
    }
    alternatives_.resize(from);
    return 0;
  }

  // Takes off a, b, c: a(bc), or a|(b|c).
  size_t Fold(Tree::Kind kind, std::vector<size_t>& nodes, size_t from) {
    size_t node = nodes.back();
    for (size_t i = nodes.size() - 1; i-- > from;) {
      node = tree_.Add({kind, nodes[i], node});
    }
    nodes.resize(from);
    return node;
  }

  void Advance() {
    token_ = kEnd;
    if (rest_.empty()) return;
    const char c = rest_[0];
    if (absl::string_view("()*+?|").find(c) != absl::string_view::npos) {
      token_ = c;
    } else if (c == '[') {
      if (!TakeClass()) return;
    } else if (c == '\\') {
      rest_.remove_prefix(1);
      if (rest_.empty()) {
        Fail("Badly quoted character at end of expression");
        return;
      }
      SetOf(Single(Unescape(rest_[0])));
    } else if (c == '.') {
      SetOf(~(Single('\n') | Single('\r') | Single(Tree::kTarget)));
    } else if (c == '^') {
      SetOf(Single(Tree::kHat));
    } else if (c == '$') {
      SetOf(Single(Tree::kDollar));
    } else {
      SetOf(Single(c));
    }
    rest_.remove_prefix(1);
  }

  void SetOf(const Charset& charset) {
    token_ = kSet;
    charset_ = charset;
  }

  // "[a-z]", up to its "]", which Advance() takes off.
  bool TakeClass() {
    absl::string_view s = rest_.substr(1);
    const bool negated = !s.empty() && s[0] == '^';
    if (negated) s.remove_prefix(1);
    Charset charset;
    char last = 0;
    for (; !s.empty() && s[0] != ']'; s.remove_prefix(1)) {
      char c = s[0];
      size_t from = Index(c);
      if (c == '\\' && s.size() > 1) {
        s.remove_prefix(1);
        c = Unescape(s[0]);
        from = Index(c);
      } else if (c == '-' && last != 0) {
        s.remove_prefix(1);
        if (s.empty()) {
          Fail("Incomplete rangespecification");
          return false;
        }
        c = std::max(last, s[0]);
        from = Index(std::min(last, s[0]));
      }
      for (; from <= Index(c); ++from) charset.set(from);
      last = c;
    }
    if (s.empty()) return false;
    // Nothing goes on from the end of the pattern.
    SetOf(negated ? ~(charset | Single(Tree::kTarget)) : charset);
    rest_ = s;
    return true;
  }

  absl::string_view rest_;
  Tree& tree_;
  std::string& err_;
  std::vector<Group> groups_;
  std::vector<size_t> alternatives_;
  std::vector<size_t> terms_;
  int token_ = kEnd;
  Charset charset_;
};

}  // namespace

size_t ParseDmRegex(absl::string_view pattern, DmRegexTree& tree,
                    std::string& err) {
  const size_t root = Parser(pattern, tree, err).Parse();
  if (root == 0) absl::StrAppend(&err, "Parse error in regex\n");
  return root;
}

}  // namespace dmdax
