// SPDX-License-Identifier: Apache-2.0
#include "tools/command_line.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "tools/dmsetup/command.h"

namespace dmdax {
namespace {

constexpr int kUsage = 2;

[[noreturn]] void Refuse(std::string what) {
  throw CLI::ParseError(std::move(what), kUsage);
}

bool Given(const CLI::Option* option) { return option->count() > 0; }

// The options that were given, those of the verb and its part too.
std::vector<const CLI::Option*> GivenOptions(const CLI::App& cli) {
  std::vector<const CLI::Option*> given;
  for (const CLI::Option* option : cli.get_options()) {
    if (Given(option)) given.push_back(option);
  }
  for (const CLI::App* part : cli.get_subcommands()) {
    for (const CLI::Option* option : GivenOptions(*part)) {
      given.push_back(option);
    }
  }
  return given;
}

// "DEVICE, --file or --device".
std::string Names(std::initializer_list<const CLI::Option*> options) {
  std::vector<std::string> names;
  for (const CLI::Option* option : options) {
    names.push_back(option->get_name());
  }
  const std::string last = names.back();
  names.pop_back();
  return absl::StrCat(absl::StrJoin(names, ", "), " or ", last);
}

class Wrapping : public CLI::Formatter {
 public:
  std::string make_option_desc(const CLI::Option* option) const override {
    // CLI11 puts what is behind a line break into the column, too.
    constexpr size_t kWidth = 100;
    const size_t most = kWidth - get_column_width();
    std::string text;
    size_t line = 0;  // characters of the last one
    for (absl::string_view word :
         absl::StrSplit(CLI::Formatter::make_option_desc(option), ' ')) {
      if (line != 0 && line + 1 + word.size() > most) {
        text.push_back('\n');
        line = 0;
      } else if (!text.empty()) {
        text.push_back(' ');
        ++line;
      }
      absl::StrAppend(&text, word);
      const size_t broken = word.rfind('\n');
      line =
          broken == word.npos ? line + word.size() : word.size() - broken - 1;
    }
    return text;
  }
};

}  // namespace

std::shared_ptr<CLI::Formatter> HelpFormatter() {
  return std::make_shared<Wrapping>();
}

std::vector<char*> SplitEmptyValues(const CLI::App& cli, int argc,
                                    char** argv) {
  static char none[] = "";
  std::vector<char*> words;
  // Options of other programs, and dmsetup's, are not known here.
  std::vector<const CLI::App*> verbs = {&cli};
  bool over = false;
  for (int i = 0; i < argc; ++i) {
    words.push_back(argv[i]);
    std::string name = argv[i];
    over |= name == "--";
    if (over) continue;
    for (const CLI::App* verb : verbs.back()->get_subcommands(
             [&](const CLI::App* v) { return v->check_name(name); })) {
      verbs.push_back(verb);
    }
    if (name.size() < 4 || name.substr(0, 2) != "--" || name.back() != '=') {
      continue;
    }
    name.pop_back();
    for (const CLI::App* verb : verbs) {
      const CLI::Option* option = verb->get_option_no_throw(name);
      if (option == nullptr) continue;
      argv[i][name.size()] = '\0';
      words.push_back(none);
      break;
    }
  }
  return words;
}

std::vector<char*> VerbFirst(const CLI::App& cli, std::vector<char*> words) {
  size_t verb = 1;
  for (; verb < words.size(); ++verb) {
    const std::string word = words[verb];
    if (word.empty() || word[0] != '-') break;
    const CLI::Option* const own = cli.get_option_no_throw(word);
    if (own != nullptr && own->get_items_expected_min() > 0) ++verb;
  }
  if (verb >= words.size() || FindDmsetupCommand(words[verb]) == nullptr) {
    return words;
  }
  // Before it those that stay, and then it.
  const auto at = words.begin() + static_cast<std::ptrdiff_t>(verb);
  const auto flags =
      std::stable_partition(words.begin(), at, [](absl::string_view word) {
        return word.size() < 2 || word[0] != '-' ||
               word.find_first_not_of("cCfrvy", 1) != word.npos;
      });
  std::rotate(flags, at, at + 1);
  return words;
}

void CheckCommandLine(const CLI::App& cli) {
  const std::vector<const CLI::Option*> given = GivenOptions(cli);
  for (const CLI::Option* option : given) {
    // Another program's arguments are its own.
    if (option->get_name() == "COMMAND") continue;
    for (const std::string& word : option->results()) {
      if (word.empty()) Refuse(absl::StrCat(option->get_name(), " is empty"));
    }
  }
  const auto has = [&](const char* name) {
    return std::any_of(given.begin(), given.end(), [&](const auto* option) {
      return option->check_name(name);
    });
  };
  if (has("--state") && has("--world")) {
    Refuse("--state or --world: one of them");
  }
}

void RequireOneOf(std::initializer_list<const CLI::Option*> options) {
  if (std::count_if(options.begin(), options.end(), Given) != 1) {
    Refuse(absl::StrCat(Names(options), ": one of them"));
  }
}

void RequireAtMostOneOf(std::initializer_list<const CLI::Option*> options) {
  if (std::count_if(options.begin(), options.end(), Given) > 1) {
    Refuse(absl::StrCat(Names(options), ": one of them"));
  }
}

void GoesWith(const std::vector<const CLI::Option*>& options,
              absl::string_view what) {
  for (const CLI::Option* option : options) {
    if (Given(option)) {
      Refuse(absl::StrCat(option->get_name(), " goes with ", what));
    }
  }
}

CLI::Validator Accepted(std::function<absl::Status(const std::string&)> check) {
  return CLI::Validator(
      [check = std::move(check)](std::string& text) {
        return std::string(check(text).message());
      },
      "");
}

}  // namespace dmdax
