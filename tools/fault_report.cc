// SPDX-License-Identifier: Apache-2.0
#include "tools/fault_report.h"

#include <csignal>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/one_line.h"
#include "mm/pte.h"
#include "tools/byte_count.h"
#include "tools/reason_page.h"

namespace dmdax {
namespace {

uint64_t EntryBytes(const UserSpace& user, int order) {
  return user.faults().page_size() << order;
}

uint64_t PhysOf(const UserSpace& user, pfn_t pfn) {
  return pfn.value() << user.faults().page_shift;
}

bool Writable(const UserSpace& user, const FaultOutcome& o) {
  return PteOps(user.faults()).Write(o.entry);
}

// The reason to tell: none when the entry is as large as wanted.
bool Tells(const FaultOutcome& o, int want_order) {
  return o.reason && (o.sig != 0 || o.order < want_order);
}

void PrintOutcome(std::ostream& out, const UserSpace& user,
                  const FaultOutcome& o) {
  if (o.sig != 0) {
    out << SignalName(o.sig) << " " << SiCodeName(o.sig, o.si_code)
        << absl::StreamFormat(" at 0x%x\n", o.sig_addr);
    return;
  }
  out << OrderText(user.faults(), o.order) << " "
      << BytesText(EntryBytes(user, o.order))
      << absl::StreamFormat("  pfn 0x%x  phys 0x%x  ", o.pfn.value(),
                            PhysOf(user, o.pfn))
      << FrameText(user.OwnerOf(o.pfn)) << (Writable(user, o) ? "  rw" : "  ro")
      << "\n";
}

}  // namespace

std::string SignalName(int sig) {
  return sig == SIGBUS ? "SIGBUS" : sig == SIGSEGV ? "SIGSEGV" : "SIGKILL";
}

std::string SiCodeName(int sig, int si_code) {
  if (sig == SIGBUS) {
    return si_code == 2   ? "BUS_ADRERR"
           : si_code == 4 ? "BUS_MCEERR_AR"
                          : absl::StrCat("si_code ", si_code);
  }
  if (sig == SIGSEGV) {
    return si_code == 1   ? "SEGV_MAPERR"
           : si_code == 2 ? "SEGV_ACCERR"
           : si_code == 4 ? "SEGV_PKUERR"
                          : absl::StrCat("si_code ", si_code);
  }
  return absl::StrCat("si_code ", si_code);
}

std::string FrameText(const FrameOwner& owner) {
  switch (owner.kind) {
    case FrameOwner::kRam:
      return "ordinary memory";
    case FrameOwner::kZeroPage:
      return "zero page";
    case FrameOwner::kPmem:
    case FrameOwner::kDevDax:
      break;
  }
  return absl::StrFormat("%s+0x%x", owner.name, owner.offset);
}

void PrintFault(std::ostream& out, const UserSpace& user,
                const TouchReport& report, int want_order) {
  const FaultOutcome& o = report.outcome;
  PrintOutcome(out, user, o);
  out << "minor faults " << o.min_flt << ", major " << o.maj_flt << "\n";
  if (!o.bug.empty()) out << "kernel BUG: " << o.bug << "\n";
  for (const std::string& warning : o.warnings) {
    out << "WARNING: " << warning << "\n";
  }
  if (!Tells(o, want_order)) return;
  PrintReason(out, user.faults(), o.reason, "");
}

void PrintReason(std::ostream& out, const FaultProfile& faults,
                 const FaultReason& reason, absl::string_view indent) {
  if (reason.order != 0) {
    out << "no " << BytesText(faults.page_size() << reason.order) << ": ";
  }
  out << OneLine(FaultReasonText(reason)) << "\n";
  if (reason.level.has_value()) {
    out << indent << "level: " << OneLine(LevelText(reason.level)) << "\n";
  }
  out << CureLines(FaultReasonName(reason.code), indent);
}

nlohmann::ordered_json ReasonToJson(const FaultProfile& faults,
                                    const FaultReason& r) {
  nlohmann::ordered_json reason = {{"name", FaultReasonName(r.code)},
                                   {"text", FaultReasonText(r)}};
  if (r.order != 0) reason["wanted_bytes"] = faults.page_size() << r.order;
  reason["want"] = r.want;
  reason["have"] = r.have;
  if (r.level.has_value()) {
    reason["level"] = LevelText(r.level);
    reason["device"] = r.level.device();
  }
  const ReasonPage* const page = FindReasonPage(FaultReasonName(r.code));
  if (page != nullptr) reason["cure"] = page->cure;
  return reason;
}

nlohmann::ordered_json FaultToJson(const UserSpace& user,
                                   const TouchReport& report, int want_order) {
  const FaultOutcome& o = report.outcome;
  nlohmann::ordered_json j = {{"kernel", user.kernel().name},
                              {"faulted", o.faulted}};
  if (o.sig != 0) {
    j["signal"] = SignalName(o.sig);
    j["si_code"] = SiCodeName(o.sig, o.si_code);
    j["si_addr"] = o.sig_addr;
  } else {
    j["entry"] = OrderText(user.faults(), o.order);
    j["bytes"] = EntryBytes(user, o.order);
    j["pfn"] = o.pfn.value();
    j["phys"] = PhysOf(user, o.pfn);
    const FrameOwner owner = user.OwnerOf(o.pfn);
    if (!owner.name.empty()) {
      j["at"] = {{"device", owner.name}, {"offset", owner.offset}};
    }
    j["zero_page"] = o.zero_page;
    j["writable"] = Writable(user, o);
  }
  j["minor_faults"] = o.min_flt;
  j["major_faults"] = o.maj_flt;
  if (!o.bug.empty()) j["bug"] = o.bug;
  if (!o.warnings.empty()) j["warnings"] = o.warnings;
  if (!Tells(o, want_order)) return j;
  j["reason"] = ReasonToJson(user.faults(), o.reason);
  return j;
}

}  // namespace dmdax
