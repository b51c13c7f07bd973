// SPDX-License-Identifier: Apache-2.0
//
// dmdax fault: one touch of a fresh mapping, and what came of it.
#include "tools/cmd_fault.h"

#include <iostream>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/str_join.h"
#include "mm/fault_graph.h"
#include "tools/command_line.h"
#include "tools/fault_report.h"

namespace dmdax {

void RunFault(App& app, const FaultRequest& o, FaultDetail detail) {
  std::optional<FaultTarget> target;
  absl::StatusOr<Session> session = app.Ask([&](Session& asked) {
    absl::StatusOr<FaultTarget> opened = FaultTarget::Open(asked, o);
    if (opened.ok()) target = *std::move(opened);
    return opened.status();
  });
  if (!session.ok()) return app.Report(session.status());
  UserSpace& user = *session->user;
  // A process of its own.  What other processes did shows in the DAX entries of
  // the file.
  Task task(/*pid=*/1, user.faults(), user.mem());
  absl::StatusOr<VmAreaStruct*> vma = target->Map(task);
  app.TellLog(task.mm().log().TakeNew());
  if (!vma.ok()) return app.Report(vma.status());
  const TouchReport report = task.Touch(target->Address(**vma), target->kind());
  const int want = target->WantOrder(user.faults());
  const bool calls = detail == FaultDetail::kCallChain;
  if (app.json) {
    nlohmann::ordered_json j = FaultToJson(user, report, want);
    if (calls) j["graph"] = FaultGraph(user.faults(), report.record);
    app.Answer("fault", std::move(j));
  } else {
    if (calls) {
      std::cout << absl::StrJoin(FaultGraph(user.faults(), report.record), "\n")
                << "\n";
    }
    PrintFault(std::cout, user, report, want);
  }
  if (report.outcome.sig != 0) app.exit_code = 1;
}

void RegisterFault(CLI::App& cli, App& app) {
  auto o = std::make_shared<FaultRequest>();
  CLI::App* verb = cli.add_subcommand(
      "fault",
      "Map a file, touch one byte, and tell which page-table entry the kernel\n"
      "makes: its size, page frame and place; or the signal; and if the entry\n"
      "is smaller than wanted, why, and which level of the stack caused it.\n\n"
      "  dmdax fault --file /mnt/f --offset 2M --write\n"
      "  dmdax fault --device /dev/dax0.0 --offset 0 --want PUD\n"
      "  dmdax fault --device vg-home --offset 0\n"
      "  dmdax --world lvm.textproto --kernel 6.12 fault --file /mnt/f\n\n"
      "Nothing is remembered: dmdax mmap and dmdax touch work on a process\n"
      "that is kept.  Exit 1 if the touch ends in a signal.");
  const FaultOptions options = AddFaultOptions(*verb, *o);
  verb->callback([o, options, &app] {
    RequireOneOf({options.file, options.device});
    RunFault(app, *o, FaultDetail::kOutcome);
  });
}

}  // namespace dmdax
