// SPDX-License-Identifier: Apache-2.0
//
// dmdax draw: the stacks as a picture.
#include <cerrno>
#include <iostream>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "base/usage_error.h"
#include "tools/app.h"
#include "tools/draw/draw_model.h"
#include "tools/draw/draw_write.h"
#include "tools/draw/output_file.h"
#include "tools/print_json.h"
#include "tools/tell.h"

namespace dmdax {
namespace {

struct DrawOptions {
  std::vector<std::string> names;
  std::string format;  // "": as `output` says, or html
  std::string output;
};

absl::StatusOr<DrawModel> Draw(const App& app, const DrawOptions& o) {
  if (!app.kernel.ok()) return app.kernel.status();
  absl::StatusOr<ParsedWorld> world = app.AskWorld();
  if (!world.ok()) return world.status();
  return MakeDrawModel({world->world, *app.kernel, o.names, world->source});
}

// A file is what its name says it is.
absl::StatusOr<std::string> FormatOf(const DrawOptions& o) {
  if (!o.format.empty()) return o.format;
  const size_t slash = o.output.rfind('/');
  const std::string name =
      slash == o.output.npos ? o.output : o.output.substr(slash + 1);
  const size_t dot = name.rfind('.');
  if (dot == name.npos) return "html";
  const std::string ending = absl::AsciiStrToLower(name.substr(dot + 1));
  if (ending == "htm" || ending == "html") return "html";
  if (ending == "svg" || ending == "dot") return ending;
  if (ending == "gv") return "dot";
  return UsageError(absl::StrCat("--output ", o.output, ": a .", ending,
                                 " cannot be drawn; html, svg or dot can, and "
                                 "--format says which"));
}

std::string Picture(const DrawModel& model, const std::string& format) {
  if (format == "dot") return DrawDot(model);
  return format == "svg" ? DrawSvg(model) : DrawHtml(model);
}

// What has too many pages is drawn, but without them.
void TellNotAsked(const DrawModel& model) {
  size_t count = 0;
  const DrawNode* first = nullptr;
  for (const DrawNode& node : model.nodes) {
    if (node.not_asked.empty()) continue;
    if (first == nullptr) first = &node;
    ++count;
  }
  if (first == nullptr) return;
  Tell(absl::StrCat(count, " of ", model.nodes.size(),
                    " files and devices are drawn without their pages: ",
                    first->name, ": ", first->not_asked));
}

void RunDraw(App& app, const DrawOptions& o) {
  absl::StatusOr<std::string> format = "json";
  if (!app.json) format = FormatOf(o);
  if (!format.ok()) return app.Report(format.status());
  absl::StatusOr<DrawModel> model = Draw(app, o);
  if (!model.ok()) return app.Report(model.status());
  if (model->left_out != 0) {
    Tell(absl::StrCat(model->left_out,
                      " files and devices are left out: the picture has no "
                      "room; name what to draw"));
  }
  TellNotAsked(*model);
  if (app.json) {
    if (o.output.empty()) return app.Answer("picture", DrawJson(*model));
    std::ostringstream text;
    PrintJson(text, "picture", DrawJson(*model));
    return app.Report(WriteOutputFile(o.output, text.str()));
  }
  const std::string picture = Picture(*model, *format);
  if (!o.output.empty()) {
    return app.Report(WriteOutputFile(o.output, picture));
  }
  std::cout.write(picture.data(), static_cast<std::streamsize>(picture.size()));
  // main() says it if standard output failed.
}

}  // namespace

void RegisterDraw(CLI::App& cli, App& app) {
  auto o = std::make_shared<DrawOptions>();
  CLI::App* verb = cli.add_subcommand(
      "draw",
      "The stacks as a picture: what stands on what, which pages each part of\n"
      "each level gets and why, where it lands, and the cure "
      "(docs/draw.md).\n\n"
      "  dmdax draw --output stack.html           (all that can be mapped)\n"
      "  dmdax draw vg-home --format svg > home.svg\n"
      "  dmdax draw --format dot | dot -Tpdf > stack.pdf\n\n"
      "The HTML page needs nothing else, and no network.");
  verb->add_option("NAME", o->names,
                   "Files (/mnt/f), device-dax or block devices (default: all "
                   "that a program can map)");
  verb->add_option("--format", o->format,
                   "html, svg or dot (default: as FILE is called, else html)")
      ->check(CLI::IsMember({"html", "svg", "dot"}))
      ->type_name("FORMAT");
  verb->add_option("--output", o->output,
                   "Write to this file, whole or not at all (default, or -: "
                   "standard output)")
      ->type_name("FILE");
  verb->callback([o, &app] {
    if (o->output == "-") o->output.clear();
    RunDraw(app, *o);
  });
}

}  // namespace dmdax
