// SPDX-License-Identifier: Apache-2.0
//
// dmdax translate: page offsets to page frames, one or millions.
#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/read_input.h"
#include "base/usage_error.h"
#include "tools/app.h"
#include "tools/byte_count.h"
#include "tools/dax_query.h"
#include "tools/stream/page_stream.h"
#include "tools/tell.h"

namespace dmdax {
namespace {

struct TranslateOptions {
  std::string device;
  std::vector<std::string> pages;
  int64_t nr = 1;
  bool raw = false;
  std::string out = "text";
};

// "-" is standard input.
CLI::Validator PageOffset() {
  CLI::Validator number = Number();
  return CLI::Validator(
      [number](std::string& text) {
        return text == "-" ? std::string() : number(text);
      },
      "NUMBER or -");
}

// Before anything is printed: each "-" is standard input, and so may be the
// World.
absl::Status TakeInputs(const TranslateOptions& o) {
  const auto inputs = std::count(o.pages.begin(), o.pages.end(), "-");
  for (auto i = inputs; i > 0; --i) {
    if (absl::Status s = TakeStandardInput(); !s.ok()) return s;
  }
  if (o.raw && inputs == 0) return UsageError("--raw goes with -");
  return absl::OkStatus();
}

// What --json and --out ask for together.
absl::StatusOr<AnswerForm> FormOf(const TranslateOptions& o, bool json) {
  if (o.out == "text") return json ? AnswerForm::kJson : AnswerForm::kText;
  if (json) {
    return UsageError(absl::StrCat("--out ", o.out, " goes without --json"));
  }
  return o.out == "raw" ? AnswerForm::kRaw : AnswerForm::kRawRuns;
}

absl::Status AnswerAll(const TranslateOptions& o, PageStream& stream) {
  for (const std::string& text : o.pages) {
    if (text == "-") {
      absl::Status s = o.raw ? stream.AnswerRaw(STDIN_FILENO)
                             : stream.AnswerText(STDIN_FILENO);
      if (!s.ok()) return s;
      continue;
    }
    absl::StatusOr<pgoff_t> page = ParsePage(text);
    if (!page.ok()) return page.status();
    if (absl::Status s = stream.Answer(*page); !s.ok()) return s;
  }
  return absl::OkStatus();
}

void Translate(App& app, const TranslateOptions& o) {
  const absl::StatusOr<AnswerForm> form = FormOf(o, app.json);
  if (!form.ok()) return app.Report(form.status());
  if (absl::Status s = TakeInputs(o); !s.ok()) return app.Report(s);
  absl::StatusOr<Session> session = app.Ask([&](Session& asked) {
    return DaxQuery::Create(asked, o.device).status();
  });
  if (!session.ok()) return app.Report(session.status());
  absl::StatusOr<DaxQuery> query = DaxQuery::Create(*session, o.device);
  if (!query.ok()) return app.Report(query.status());
  if (!query->not_dax().empty()) {
    Tell(absl::StrCat(o.device, " is not DAX: ", query->not_dax()));
  }
  PageStream stream(*query, {.nr = o.nr, .form = *form});
  app.answered = true;  // bit by bit
  const absl::Status s = stream.Finish(AnswerAll(o, stream));
  TellAll(stream.notes());
  if (!stream.all_have_addresses()) app.exit_code = 1;
  app.Report(s);
}

}  // namespace

void RegisterTranslate(CLI::App& cli, App& app) {
  auto o = std::make_shared<TranslateOptions>();
  CLI::App* verb = cli.add_subcommand(
      "translate",
      "Page offsets of a device to page frames.\n\n"
      "  dmdax translate home 0 512 1024\n"
      "  dmdax translate home 0 --nr 512         (ask for 512 pages)\n"
      "  seq 0 999999 | dmdax translate home -   (one per word)\n"
      "  dmdax translate home - --raw < pages    (little-endian u64)\n"
      "  dmdax translate home - --raw --out raw < pages > frames\n\n"
      "Each answer is one line: the page offset, then the page frame, the\n"
      "physical address and how many pages from there are contiguous (at\n"
      "most --nr), or the error.  Exit 1 if any page had none.\n\n"
      "With --out raw each answer is a little-endian u64, the page frame,\n"
      "or 2^64-1 if there is none; with --out raw-runs a second one follows\n"
      "it: the pages, or, negative, the errno (-5 is -EIO).");
  verb->add_option("DEVICE", o->device, "Name, path or major:minor")
      ->required();
  verb->add_option("PGOFF", o->pages, "Page offsets, or - for standard input")
      ->required()
      ->transform(PageOffset());
  verb->add_option("--nr", o->nr, "Pages to ask for")
      ->transform(Number(1, kMostPages));
  verb->add_flag("--raw", o->raw, "Standard input is little-endian u64s");
  verb->add_option("--out", o->out,
                   "text, raw (page frames as little-endian u64s) or raw-runs "
                   "(page frame and pages each)")
      ->check(CLI::IsMember({"text", "raw", "raw-runs"}))
      ->type_name("FORM");
  verb->callback([o, &app] { Translate(app, *o); });
}

}  // namespace dmdax
