// SPDX-License-Identifier: Apache-2.0
//
// Script: command lines with what they are expected to print.
//
//   # A comment; blank lines separate.
//   $ dmdax create home --table '0 2048 linear /dev/pmem0 0'
//   $ dmdax table nope
//   ! Device nope not found
//   ! Command failed.
//   ? 1
//
// A line of standard output stands as it is, one of standard error after
// "! ", an exit status that is not 0 after "? ".  A command goes on in lines
// that begin with "> ".  Commands are the shell's; each script has a fresh
// directory and a fresh state.
#ifndef DMDAX_TESTS_GOLDEN_SCRIPT_H_
#define DMDAX_TESTS_GOLDEN_SCRIPT_H_

#include <string>
#include <vector>

namespace dmdax::golden {

struct Step {
  std::vector<std::string> before;         // comments and blank lines
  std::vector<std::string> command_lines;  // as written
  std::vector<std::string> expected;
  int line = 0;  // of the command, from 1

  std::string Command() const;
};

// The steps of a script; the last may be comments without a command.
std::vector<Step> ParseScript(const std::string& text);

// The reverse.
std::string PrintScript(const std::vector<Step>& steps);

// The commands in the ```console blocks of a Markdown text, in order.
std::vector<Step> ParseMarkdown(const std::string& text);

// Runs commands in a directory of its own, with a state of its own.
class Shell {
 public:
  // `dmdax` is the command under test; `links` are files and folders of the
  // runfiles that commands find in their directory by the same name.
  Shell(const std::string& dmdax, const std::vector<std::string>& links);
  ~Shell();

  struct Result {
    std::string out, err;
    int rc = 0;
  };
  // With `merge`, both streams go to `out` in the order they were written.
  // The name of the directory is shown as "$TMP".
  Result Run(const std::string& command, bool merge) const;

  // What a Script expects of `result`.
  static std::vector<std::string> Expected(const Result& result);

 private:
  std::string dir_;
};

std::vector<std::string> SplitLines(const std::string& text);
std::string ReadFile(const std::string& path);

}  // namespace dmdax::golden

#endif  // DMDAX_TESTS_GOLDEN_SCRIPT_H_
