// SPDX-License-Identifier: Apache-2.0
//
// What a command line must be before its verb begins: the rules that hold for
// options in general, and "one of them".
//
//   verb->add_option("--prot", o->prot)
//       ->check(Accepted([](const std::string& text) {
//         return ParseProt(text).status();
//       }));
//   verb->callback([=, &app] {
//     RequireOneOf({file, device});
//     Run(app, *o);
//   });
//
// All throw CLI::ParseError, which main() prints as "dmdax VERB: <what>; dmdax
// VERB --help", with exit status 2; so they are for CLI11's callbacks alone.
#ifndef DMDAX_TOOLS_COMMAND_LINE_H_
#define DMDAX_TOOLS_COMMAND_LINE_H_

#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace dmdax {

// "--output=" as the two words "--output" and "": CLI11 takes the next word for
// its value.  The words point into `argv`, or are constant.
std::vector<char*> SplitEmptyValues(const CLI::App& cli, int argc, char** argv);

// Options that dmsetup takes before its verb as well, without a value ("-r
// create x"), behind it, where they are read.
std::vector<char*> VerbFirst(const CLI::App& cli, std::vector<char*> words);

// No argument is empty, as that of a script whose variable is unset would be;
// and the machine comes from one place.
void CheckCommandLine(const CLI::App& cli);

// "--file or --device: one of them", unless exactly one is given.
void RequireOneOf(std::initializer_list<const CLI::Option*> options);
// The same if more than one is given.
void RequireAtMostOneOf(std::initializer_list<const CLI::Option*> options);

// "--nr goes with DEVICE" for the first of `options` that is given.
void GoesWith(const std::vector<const CLI::Option*>& options,
              absl::string_view what);

// Prints help whose lines end with words, at column 100 or before.
std::shared_ptr<CLI::Formatter> HelpFormatter();

// A word that `check` accepts; what it says otherwise is the error.
CLI::Validator Accepted(std::function<absl::Status(const std::string&)> check);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_COMMAND_LINE_H_
