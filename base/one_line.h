// SPDX-License-Identifier: Apache-2.0
//
// OneLine, ShellWord: names as they are shown to people and to shells.
//
// Names of files, mounts and devices may hold any byte but '\0' and, some, '/'.
// A newline in one would forge a line of an answer, an escape character would
// command the terminal, and a blank or a ';' would change the command that a
// reader is told to type.
//
//   OneLine("a\nb");            // "a\\012b"
//   ShellWord("/dev/vg-home");  // "/dev/vg-home"
//   ShellWord("it's me");       // "'it'\\''s me'"
//   ShellWord("a\nb");          // "\"$(printf 'a\\012b')\""
//
// Mirrors: seq_escape() of fs/seq_file.c, with all control characters.
// Threading: pure functions.
#ifndef DMDAX_BASE_ONE_LINE_H_
#define DMDAX_BASE_ONE_LINE_H_

#include <string>

#include "absl/strings/string_view.h"

namespace dmdax {

// Each byte of a control character as a backslash and three octal digits: of
// ASCII's, of those behind it (C1), and of those that change the direction or
// the line of what is shown.
std::string OneLine(absl::string_view text);

// One word of a POSIX shell that means `text`, as plain as can be, without
// control characters and on one line.
std::string ShellWord(absl::string_view text);

}  // namespace dmdax

#endif  // DMDAX_BASE_ONE_LINE_H_
