// SPDX-License-Identifier: Apache-2.0
//
// dmdax explain: one translation, level by level; or one fault, call by call.
#include <iostream>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/errno_status.h"
#include "base/one_line.h"
#include "mm/fault_reason.h"
#include "nlohmann/json.hpp"
#include "tools/byte_count.h"
#include "tools/check/too_deep.h"
#include "tools/cmd_fault.h"
#include "tools/command_line.h"
#include "tools/dax_query.h"
#include "tools/diff/step_text.h"
#include "tools/fault_report.h"
#include "tools/tell.h"

namespace dmdax {
namespace {

constexpr uint64_t kPageBytes = kPageSectors * kSectorSize;

// Whether the 2 MiB around a page can be one entry, as a file that covers the
// device would ask for it.
struct HugeVerdict {
  pfn_t pfn{};         // of its first page
  FaultReason reason;  // none: it can
};

HugeVerdict AskHuge(const DaxQuery& query, uint64_t pgoff) {
  constexpr uint64_t kPmdPages = 512;
  const pgoff_t first(pgoff / kPmdPages * kPmdPages);
  Trace trace;
  const DaxAccess access = query.Ask(first, kPmdPages, &trace);
  HugeVerdict verdict{.pfn = access.pfn};
  if (access.ret < 0) {
    verdict.reason = {.code = FaultReasonCode::kDirectAccess,
                      .err = static_cast<int>(-access.ret),
                      .where = query.bdev().name()};
    if (!trace.steps().empty()) verdict.reason.level = trace.steps().back();
  } else if (access.ret < static_cast<int64_t>(kPmdPages)) {
    verdict.reason = ShortRunReason(trace.steps(), kPmdPages,
                                    static_cast<uint64_t>(access.ret));
  } else if (access.pfn.value() % kPmdPages != 0) {
    verdict.reason =
        MisalignedReason(trace.steps(), first + query.first_page(),
                         query.first_page(), access.pfn, kPmdPages);
  }
  return verdict;
}

void PrintHuge(const HugeVerdict& verdict) {
  std::cout << "   2 MiB: ";
  if (!verdict.reason) {
    std::cout << absl::StreamFormat("yes, at pfn 0x%x\n", verdict.pfn.value());
    return;
  }
  std::cout << "no, " << OneLine(FaultReasonText(verdict.reason)) << " ("
            << FaultReasonName(verdict.reason.code) << ")\n";
}

// A partition has no function of its own: its disk is asked.
void PrintPartition(BlockDevice& bdev) {
  if (!bdev.is_partition()) return;
  std::cout << "partition " << bdev.name() << ": from sector "
            << bdev.start_sect().value() << " of " << bdev.whole().name()
            << ", page " << bdev.start_sect().value() / kPageSectors << "\n";
}

void PrintText(const Session& session, const Trace& trace,
               const DaxAccess& answer, const HugeVerdict& huge) {
  for (const TraceStep& s : trace.steps()) {
    PrintStep(std::cout, session, s, std::string(s.depth * 2, ' '));
  }
  if (answer.ret < 0) {
    std::cout << "=> -" << ErrnoName(static_cast<int>(-answer.ret)) << "\n";
  } else {
    std::cout << absl::StreamFormat("=> pfn 0x%x, phys 0x%x, %d pages\n",
                                    answer.pfn.value(), PfnPhys(answer.pfn),
                                    answer.ret);
  }
  PrintHuge(huge);
}

nlohmann::ordered_json TraceToJson(const Session& session, const Trace& trace,
                                   const DaxAccess& answer,
                                   const HugeVerdict& huge) {
  nlohmann::ordered_json steps = nlohmann::ordered_json::array();
  for (const TraceStep& s : trace.steps()) {
    steps.push_back(StepToJson(session, s));
  }
  nlohmann::ordered_json j = {{"steps", std::move(steps)}, {"ret", answer.ret}};
  if (answer.ret < 0) {
    j["errno"] = ErrnoName(static_cast<int>(-answer.ret));
  } else {
    j["pfn"] = answer.pfn.value();
    j["phys"] = PfnPhys(answer.pfn);
    j["pages"] = answer.ret;
  }
  nlohmann::ordered_json verdict = {{"bytes", 2 << 20},
                                    {"possible", !huge.reason}};
  if (huge.reason) {
    verdict["reason"] =
        ReasonToJson(session.machine->profile().fault, huge.reason);
  }
  j["huge_page"] = std::move(verdict);
  return j;
}

struct ExplainOptions {
  std::string device;
  uint64_t pgoff = 0;
  int64_t nr = 512;
};

void Explain(App& app, const ExplainOptions& o) {
  absl::StatusOr<Session> session = app.Ask([&](Session& asked) {
    return DaxQuery::Create(asked, o.device).status();
  });
  if (!session.ok()) return app.Report(session.status());
  absl::StatusOr<DaxQuery> query = DaxQuery::Create(*session, o.device);
  if (!query.ok()) return app.Report(query.status());
  if (!query->not_dax().empty()) {
    Tell(absl::StrCat(o.device, " is not DAX: ", query->not_dax()));
  }
  Trace trace;
  const DaxAccess answer = query->Ask(pgoff_t(o.pgoff), o.nr, &trace);
  const HugeVerdict huge = AskHuge(*query, o.pgoff);
  if (app.json) {
    nlohmann::ordered_json j = {{"device", o.device}, {"pgoff", o.pgoff}};
    if (!query->not_dax().empty()) j["not_dax"] = query->not_dax();
    if (query->bdev().is_partition()) {
      j["partition"] = PartitionToJson(query->bdev());
    }
    j.update(TraceToJson(*session, trace, answer, huge));
    app.Answer("explain", std::move(j));
  } else {
    PrintPartition(query->bdev());
    PrintText(*session, trace, answer, huge);
  }
  if (answer.ret < 0) app.exit_code = 1;
  if (absl::Status s = query->BeyondEnd(pgoff_t(o.pgoff)); !s.ok()) {
    Tell(s.message());
  }
  if (answer.ret == -ELOOP) app.Report(StackTooDeep());
}

}  // namespace

void RegisterExplain(CLI::App& cli, App& app) {
  auto o = std::make_shared<ExplainOptions>();
  auto fault = std::make_shared<FaultRequest>();
  CLI::App* verb = cli.add_subcommand(
      "explain",
      "How a page offset becomes a page frame: every level of the chain,\n"
      "its arithmetic, its run of pages and what cut it short.\n\n"
      "  dmdax explain home 0             (512 pages: a 2 MiB entry's need)\n"
      "  dmdax explain home 0 --nr 1\n"
      "  dmdax explain home --offset 2M   (the page of that byte)\n\n"
      "Or a page fault: the kernel's calls as ftrace's function_graph prints\n"
      "them in that kernel, with the events of its trace points:\n\n"
      "  dmdax explain --file /mnt/f --offset 2M --write\n"
      "  dmdax explain --device /dev/dax0.0 --offset 0");
  const CLI::Option* device =
      verb->add_option("DEVICE", o->device, "Name, path or major:minor");
  const CLI::Option* pgoff =
      verb->add_option("PGOFF", o->pgoff, "Page offset")->transform(Number());
  const CLI::Option* nr =
      verb->add_option("--nr", o->nr, "Pages to ask for (default 512)")
          ->transform(Number(1, kMostPages));
  const FaultOptions options = AddFaultOptions(*verb, *fault);
  verb->callback([=, &app] {
    RequireOneOf({device, options.file, options.device});
    if (o->device.empty()) {
      GoesWith({nr}, "DEVICE");
      return RunFault(app, *fault, FaultDetail::kCallChain);
    }
    GoesWith(options.others, "--file or --device");
    RequireOneOf({pgoff, options.offset});
    if (pgoff->count() == 0) o->pgoff = fault->offset / kPageBytes;
    Explain(app, *o);
  });
}

}  // namespace dmdax
