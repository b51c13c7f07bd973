// SPDX-License-Identifier: Apache-2.0
#include "tests/golden/script.h"

#include <stdlib.h>
#include <sys/wait.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"

namespace dmdax::golden {
namespace {

namespace fs = std::filesystem;

bool IsCommand(const std::string& line) { return absl::StartsWith(line, "$ "); }

// Output ends where only blank lines stand before a comment, a command or
// the end.
bool EndsOutput(const std::vector<std::string>& lines, size_t at) {
  if (IsCommand(lines[at])) return true;
  if (!lines[at].empty()) return false;
  while (at < lines.size() && lines[at].empty()) ++at;
  return at == lines.size() || IsCommand(lines[at]) || lines[at][0] == '#';
}

Step ParseStep(const std::vector<std::string>& lines, size_t& at) {
  Step step;
  step.line = static_cast<int>(at) + 1;
  step.command_lines.push_back(lines[at++]);
  while (at < lines.size() && absl::StartsWith(lines[at], "> ")) {
    step.command_lines.push_back(lines[at++]);
  }
  while (at < lines.size() && !EndsOutput(lines, at)) {
    step.expected.push_back(lines[at++]);
  }
  return step;
}

}  // namespace

std::vector<std::string> SplitLines(const std::string& text) {
  std::vector<std::string> lines = absl::StrSplit(text, '\n');
  if (lines.back().empty()) lines.pop_back();
  return lines;
}

std::string ReadFile(const std::string& path) {
  std::ostringstream all;
  all << std::ifstream(path, std::ios::binary).rdbuf();
  return all.str();
}

std::string Step::Command() const {
  std::string command;
  for (const std::string& line : command_lines) {
    absl::StrAppend(&command, command.empty() ? "" : "\n", line.substr(2));
  }
  return command;
}

std::vector<Step> ParseScript(const std::string& text) {
  const std::vector<std::string> lines = SplitLines(text);
  std::vector<Step> steps;
  std::vector<std::string> before;
  for (size_t at = 0; at < lines.size();) {
    if (!IsCommand(lines[at])) {
      before.push_back(lines[at++]);
      continue;
    }
    steps.push_back(ParseStep(lines, at));
    steps.back().before.swap(before);
  }
  if (!before.empty()) steps.push_back(Step{.before = before});
  return steps;
}

std::string PrintScript(const std::vector<Step>& steps) {
  std::string text;
  for (const Step& step : steps) {
    for (const auto* lines :
         {&step.before, &step.command_lines, &step.expected}) {
      for (const std::string& line : *lines) absl::StrAppend(&text, line, "\n");
    }
  }
  return text;
}

std::vector<Step> ParseMarkdown(const std::string& text) {
  const std::vector<std::string> lines = SplitLines(text);
  std::vector<Step> steps;
  for (size_t at = 0; at < lines.size(); ++at) {
    if (lines[at] != "```console") continue;
    std::vector<std::string> block;
    const int first = static_cast<int>(at) + 1;
    while (++at < lines.size() && lines[at] != "```")
      block.push_back(lines[at]);
    for (size_t i = 0; i < block.size();) {
      if (!IsCommand(block[i])) {
        ++i;
        continue;
      }
      steps.push_back(ParseStep(block, i));
      steps.back().line += first;
    }
  }
  return steps;
}

Shell::Shell(const std::string& dmdax, const std::vector<std::string>& links) {
  const char* tmp = getenv("TEST_TMPDIR");
  std::string pattern = absl::StrCat(tmp != nullptr ? tmp : "/tmp", "/sXXXXXX");
  dir_ = mkdtemp(pattern.data());
  fs::create_directories(dir_ + "/.bin");
  fs::create_symlink(fs::absolute(dmdax), dir_ + "/.bin/dmdax");
  for (const std::string& link : links) {
    if (!fs::exists(link)) continue;
    fs::create_symlink(fs::absolute(link), dir_ + "/" + link);
  }
}

Shell::~Shell() {
  std::error_code ignored;
  fs::remove_all(dir_, ignored);
}

Shell::Result Shell::Run(const std::string& command, bool merge) const {
  std::ofstream(dir_ + "/.command") << command << "\n";
  // The streams go to files: pipes could fill up and block.  BUILT is where
  // tools/install.sh finds what it would build.
  const std::string line = absl::StrCat(
      "cd '", dir_, "' && env -i PATH=\"$PWD/.bin:$PATH\" HOME=\"$PWD\" ",
      "DMDAX_STATE=\"$PWD/.state\" BUILT=\"$BUILT\" LC_ALL=C sh .command > "
      ".out ",
      merge ? "2>&1" : "2> .err", " < /dev/null");
  const int status = system(line.c_str());
  auto read = [&](const char* name) {
    return absl::StrReplaceAll(ReadFile(dir_ + name), {{dir_, "$TMP"}});
  };
  Result result;
  result.out = read("/.out");
  if (!merge) result.err = read("/.err");
  result.rc = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return result;
}

std::vector<std::string> Shell::Expected(const Result& result) {
  std::vector<std::string> lines = SplitLines(result.out);
  for (const std::string& line : SplitLines(result.err)) {
    lines.push_back(line.empty() ? "!" : "! " + line);
  }
  if (result.rc != 0) lines.push_back(absl::StrCat("? ", result.rc));
  // Blank lines at the end can not be written in a script.
  while (!lines.empty() && lines.back().empty()) lines.pop_back();
  return lines;
}

}  // namespace dmdax::golden
