// SPDX-License-Identifier: Apache-2.0
#include "import/guess.h"

#include "absl/strings/str_cat.h"

namespace dmdax {

proto::Guess MakeGuess(proto::Guess::Decides decides, absl::string_view name,
                       absl::string_view what, absl::string_view taken,
                       absl::string_view ask) {
  proto::Guess guess;
  guess.set_decides(decides);
  guess.set_name(std::string(name));
  guess.set_what(std::string(what));
  guess.set_taken(std::string(taken));
  guess.set_ask(std::string(ask));
  return guess;
}

std::string GuessText(const proto::Guess& guess) {
  std::string text = guess.what();
  if (!guess.taken().empty()) {
    absl::StrAppend(&text, ": ", guess.taken(), " taken");
  }
  if (!guess.ask().empty()) absl::StrAppend(&text, "; to add: ", guess.ask());
  return text;
}

}  // namespace dmdax
