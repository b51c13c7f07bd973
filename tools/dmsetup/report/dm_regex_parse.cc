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

// Recursive descent, one token ahead.  Where an operand is missing a function
// returns 0; whoever needs one complains.
class Parser {
 public:
  Parser(absl::string_view text, Tree& tree, std::string& err)
      : rest_(text), tree_(tree), err_(err) {
    Advance();
  }

  size_t ParseOr() {
    const size_t left = ParseCat();
    if (left == 0 || token_ != '|') return left;
    Advance();
    const size_t right = ParseOr();
    if (right == 0) return Fail("Badly formed 'or' expression");
    return tree_.Add({Tree::kOr, left, right});
  }

 private:
  // Tokens are operators, a set of characters, or the end, which an error is
  // as well.
  static constexpr int kSet = 0, kEnd = -1;

  size_t Fail(absl::string_view text) {
    absl::StrAppend(&err_, text, "\n");
    return 0;
  }

  size_t ParseCat() {
    const size_t left = ParseClosure();
    if (left == 0 || token_ == '|') return left;
    const size_t right = ParseCat();
    return right == 0 ? left : tree_.Add({Tree::kCat, left, right});
  }

  size_t ParseClosure() {
    size_t node = ParseTerm();
    while (node != 0) {
      if (token_ == '*') {
        node = tree_.Add({Tree::kStar, node});
      } else if (token_ == '+') {
        node = tree_.Add({Tree::kPlus, node});
      } else if (token_ == '?') {
        node = tree_.Add({Tree::kQuest, node});
      } else {
        break;
      }
      Advance();
    }
    return node;
  }

  size_t ParseTerm() {
    size_t node = 0;
    if (token_ == kSet) {
      node = tree_.Add({Tree::kCharset, 0, 0, charset_});
      Advance();
    } else if (token_ == '(') {
      Advance();
      node = ParseOr();
      if (token_ != ')') return Fail("missing ')' in regular expression");
      Advance();
    }
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
  int token_ = kEnd;
  Charset charset_;
};

}  // namespace

size_t ParseDmRegex(absl::string_view pattern, DmRegexTree& tree,
                    std::string& err) {
  const size_t root = Parser(pattern, tree, err).ParseOr();
  if (root == 0) absl::StrAppend(&err, "Parse error in regex\n");
  return root;
}

}  // namespace dmdax
