// SPDX-License-Identifier: Apache-2.0
#include "tools/dmsetup/report/dm_regex.h"

#include "absl/strings/str_cat.h"
#include "tools/dmsetup/report/dm_regex_tree.h"

namespace dmdax {
namespace {

using Tree = DmRegexTree;

}  // namespace

// Each node has a state to enter it, and each "+" one more to come back.
class DmRegexBuilder {
 public:
  DmRegexBuilder(const Tree& tree, DmRegex& regex)
      : tree_(tree), regex_(regex) {}

  void Run(size_t root) {
    regex_.states_.resize(tree_.nodes.size());
    regex_.first_ = root;
    todo_.push_back({root, 0});
    while (!todo_.empty()) {
      const auto [i, next] = todo_.back();
      todo_.pop_back();
      regex_.states_[i] = Enter(i, next);
    }
  }

 private:
  // Nodes, and what comes after each.
  struct Node {
    size_t node;
    uint32_t next;
  };

  DmRegex::State Enter(uint32_t i, uint32_t next) {
    const Tree::Node& node = tree_.nodes[i];
    const uint32_t left = node.left, right = node.right;
    switch (node.kind) {
      case Tree::kCharset:
        regex_.charsets_.push_back(node.charset);
        return {next, 0, static_cast<uint32_t>(regex_.charsets_.size() - 1)};
      case Tree::kCat:
        todo_.push_back({left, right});
        todo_.push_back({right, next});
        return {left};
      case Tree::kOr:
        todo_.push_back({left, next});
        todo_.push_back({right, next});
        return {left, right};
      case Tree::kQuest:
        todo_.push_back({left, next});
        return {left, next};
      case Tree::kStar:
        todo_.push_back({left, i});
        return {left, next};
      case Tree::kPlus:
        todo_.push_back({left, static_cast<uint32_t>(regex_.states_.size())});
        regex_.states_.push_back({left, next});
        return {left};
    }
    return {};
  }

  const Tree& tree_;
  DmRegex& regex_;
  std::vector<Node> todo_;
};

// One text.
class DmRegexRun {
 public:
  explicit DmRegexRun(const DmRegex& regex)
      : regex_(regex), seen_(regex.states_.size()) {
    Enter(regex.first_);
  }

  // True where the end of the pattern is reached.
  bool Step(char c) {
    std::swap(from_, to_);
    to_.clear();
    ++step_;
    end_ = false;
    for (const uint32_t i : from_) {
      const DmRegex::State& state = regex_.states_[i];
      if (regex_.charsets_[*state.charset][static_cast<unsigned char>(c)]) {
        Enter(state.next);
      }
    }
    return end_;
  }

 private:
  void Enter(uint32_t i) {
    todo_.push_back(i);
    while (!todo_.empty()) {
      i = todo_.back();
      todo_.pop_back();
      if (i == 0 || seen_[i] == step_) continue;
      seen_[i] = step_;
      const DmRegex::State& state = regex_.states_[i];
      if (state.charset) {
        to_.push_back(i);
        end_ |= regex_.charsets_[*state.charset][Tree::kTarget];
      } else {
        todo_.push_back(state.next);
        todo_.push_back(state.other);
      }
    }
  }

  const DmRegex& regex_;
  // The step at which a state was last entered.
  std::vector<uint32_t> seen_;
  uint32_t step_ = 1;
  // States with a charset.
  std::vector<uint32_t> from_, to_;
  std::vector<uint32_t> todo_;
  bool end_ = false;
};

std::optional<DmRegex> DmRegex::Compile(absl::string_view pattern,
                                        std::string& err) {
  Tree tree;
  size_t root = 0;
  if (pattern.size() > kMaxPattern) {
    absl::StrAppend(&err, "Regex of ", pattern.size(),
                    " characters, of at most ", kMaxPattern, "\n");
  } else {
    // What comes before a match, the match, and its end.
    root = ParseDmRegex(
        absl::StrCat("(.*(", pattern, ")", absl::string_view("\0", 1), ")"),
        tree, err);
    if (root != 0) {
      root =
          OptimiseDmRegex(tree, root, kMaxVisits * (pattern.size() + 100), err);
    }
  }
  if (root == 0) {
    absl::StrAppend(&err, "Couldn't parse regex\n");
    return std::nullopt;
  }
  DmRegex regex;
  DmRegexBuilder(tree, regex).Run(root);
  return regex;
}

bool DmRegex::Matches(absl::string_view text) const {
  DmRegexRun run(*this);
  if (run.Step(Tree::kHat)) return true;
  for (const char c : text) {
    if (run.Step(c)) return true;
  }
  return run.Step(Tree::kDollar);
}

}  // namespace dmdax
