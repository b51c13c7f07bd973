// SPDX-License-Identifier: Apache-2.0
//
// What came of a touch, for people and for programs.
//
//   PMD 2 MiB  pfn 0x128000  phys 0x128000000  pmem1+0x0  rw
//   minor faults 1, major 0
//
// or a signal; and, when the entry is smaller than wanted, the one reason
// with its numbers, the level that caused it, and where the cure is written.
#ifndef DMDAX_TOOLS_FAULT_REPORT_H_
#define DMDAX_TOOLS_FAULT_REPORT_H_

#include <ostream>

#include "absl/strings/string_view.h"
#include "nlohmann/json.hpp"
#include "process/user_space.h"

namespace dmdax {

void PrintFault(std::ostream& out, const UserSpace& user,
                const TouchReport& report, int want_order);
nlohmann::ordered_json FaultToJson(const UserSpace& user,
                                   const TouchReport& report, int want_order);

// The reason's text, the level, and where the cure is written: three lines.
// The second and third begin with `indent`.
void PrintReason(std::ostream& out, const FaultProfile& faults,
                 const FaultReason& reason, absl::string_view indent);

// Name, text, numbers, level and cure.
nlohmann::ordered_json ReasonToJson(const FaultProfile& faults,
                                    const FaultReason& reason);

// "pmem0+0x1300000", "dax3.0+0x0", "zero page", "ordinary memory".
std::string FrameText(const FrameOwner& owner);

// "SIGBUS", "BUS_ADRERR".
std::string SignalName(int sig);
std::string SiCodeName(int sig, int si_code);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_FAULT_REPORT_H_
