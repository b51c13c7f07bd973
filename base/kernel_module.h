// SPDX-License-Identifier: Apache-2.0
//
// LoadModule(): whether a driver's module finds the functions it imports.
//
//   KernelLog log;
//   absl::Status s = LoadModule(profile, log,
//                               {.name = "huge_test",
//                                .imports = {"vmf_insert_pfn_pud"}});
//   // arm64_4_14: ENOENT "Unknown symbol in module", and in the log
//   // "huge_test: Unknown symbol vmf_insert_pfn_pud (err 0)"
//
// Only the huge-page insertion functions of mm/huge_memory.c are known, see
// ExportsSymbol(); anything else is an unknown symbol.
//
// Mirrors: simplify_symbols and resolve_symbol_wait of kernel/module.c (4.14,
// 4.19), mod_strerror of kmod.  Threading: thread-safe.
#ifndef DMDAX_BASE_KERNEL_MODULE_H_
#define DMDAX_BASE_KERNEL_MODULE_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "base/fault_profile.h"
#include "base/kernel_log.h"

namespace dmdax {

struct KernelModule {
  std::string name;                  // "huge_test"
  std::vector<std::string> imports;  // undefined symbols, in their order
};

// init_module(2).  ENOENT, with insmod's words, when the kernel does not export
// an import; each of those has its line in the log.
absl::Status LoadModule(const FaultProfile& profile, KernelLog& log,
                        const KernelModule& module);

}  // namespace dmdax

#endif  // DMDAX_BASE_KERNEL_MODULE_H_
