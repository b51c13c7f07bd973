// SPDX-License-Identifier: Apache-2.0
//
// uname -r, uname -a, /proc/version: the kernel's release.
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "import/formats/input_lines.h"
#include "import/import_format.h"

namespace dmdax {
namespace {

bool IsRelease(absl::string_view word) {
  // 6.1.0-56-amd64, 5.14.0-427.el9.x86_64, 6.12
  size_t dots = 0;
  size_t digits = 0;
  for (char c : word) {
    if (absl::ascii_isdigit(static_cast<unsigned char>(c))) {
      ++digits;
    } else if (c == '.' && digits > 0) {
      ++dots;
      digits = 0;
    } else {
      break;
    }
  }
  return dots >= 1 && (digits > 0 || dots >= 2);
}

// What uname -m says.
bool IsMachine(absl::string_view word) {
  for (absl::string_view machine :
       {"x86_64", "aarch64", "armv7l", "i386", "i586", "i686", "loongarch64",
        "mips64", "parisc64", "ppc64", "ppc64le", "riscv64", "s390x",
        "sparc64"}) {
    if (word == machine) return true;
  }
  return false;
}

struct UnameLine {
  absl::string_view release;  // "": the line has none
  absl::string_view machine;  // "": the line does not say
};

// As a compiler is called: "(aarch64-linux-gnu-gcc-13".
absl::string_view CompilerMachine(absl::string_view word) {
  if (!absl::ConsumePrefix(&word, "(")) return "";
  const size_t end = word.find("-linux-gnu");
  return end == word.npos ? "" : word.substr(0, end);
}

UnameLine SaidIn(absl::string_view line) {
  const std::vector<absl::string_view> words =
      absl::StrSplit(line, ' ', absl::SkipEmpty());
  if (words.empty()) return {};
  // uname -r, and uname -rm.
  if (IsRelease(words[0])) {
    if (words.size() == 1) return {words[0], ""};
    const bool named = words.size() == 2 && IsMachine(words[1]);
    return named ? UnameLine{words[0], words[1]} : UnameLine{};
  }
  if (words.size() <= 2 || words[0] != "Linux" || !IsRelease(words[2]) ||
      (words[1] != "version" && words.size() <= 3)) {
    return {};
  }
  if (words[1] == "version") {
    for (absl::string_view word : words) {
      if (const absl::string_view machine = CompilerMachine(word);
          !machine.empty()) {
        return {words[2], machine};
      }
    }
    return {words[2], ""};
  }
  // uname -a has it behind the version, perhaps three times, and more.
  UnameLine said{words[2], ""};
  for (size_t i = 3; i < words.size(); ++i) {
    if (IsMachine(words[i])) said.machine = words[i];
  }
  return said;
}

absl::string_view ReleaseIn(absl::string_view line) {
  return SaidIn(line).release;
}

// What a release may end with, so that one input says it and another does not.
absl::Status SayMachine(absl::string_view line, InputLines& lines,
                        Facts* facts) {
  const absl::string_view machine = SaidIn(line).machine;
  if (machine.empty()) return absl::OkStatus();
  return Facts::Say(facts->machine, std::string(machine), lines.At(machine),
                    "the kernel", "machine");
}

bool Detect(const ImportInput& input) {
  const absl::string_view line = FirstLine(input.text);
  return line.size() < 1024 && !ReleaseIn(line).empty();
}

absl::Status Read(const ImportInput& input, Facts* facts) {
  InputLines lines(input);
  if (!lines.Next()) return absl::OkStatus();
  const absl::string_view release = ReleaseIn(lines.line());
  if (release.empty()) {
    return lines.place().Error("a kernel's release is expected");
  }
  absl::Status s = Facts::Say(facts->kernel, std::string(release),
                              lines.At(release), "the kernel", "release");
  if (s.ok()) s = SayMachine(lines.line(), lines, facts);
  while (s.ok() && lines.Next()) {
    const absl::string_view other = ReleaseIn(lines.line());
    if (other.empty()) continue;
    s = Facts::Say(facts->kernel, std::string(other), lines.At(other),
                   "the kernel", "release");
    if (s.ok()) s = SayMachine(lines.line(), lines, facts);
  }
  return s;
}

}  // namespace

extern const ImportFormat kKernelImport = {"uname", "uname -r", Detect, Read,
                                           LastLine::kAny};

}  // namespace dmdax
