// SPDX-License-Identifier: Apache-2.0
//
// The one list of dmdax's verbs, in the order in which --help has them.  Each
// file cmd_*.cc registers what belongs together; one more is a file and a name
// in each half of this one.
#include "tools/app.h"

namespace dmdax {

using RegisterFn = void(CLI::App& cli, App& app);

RegisterFn RegisterDmsetupVerbs, RegisterMachine, RegisterCheck, RegisterAdvise,
    RegisterMerge, RegisterDraw, RegisterTranslate, RegisterExplain,
    RegisterMap, RegisterDiff, RegisterConvert, RegisterImport, RegisterFault,
    RegisterSweep, RegisterReplay, RegisterMount, RegisterProcess, RegisterRun,
    RegisterKernels, RegisterWhy, RegisterHelp;

void RegisterVerbs(CLI::App& cli, App& app,
                   absl::FunctionRef<void()> family_done) {
  // What people come for first; dmsetup's verbs are many, and known.
  for (RegisterFn* add : {
           RegisterCheck,     RegisterAdvise,  RegisterImport,
           RegisterMachine,   RegisterDraw,    RegisterFault,
           RegisterSweep,     RegisterReplay,  RegisterExplain,
           RegisterTranslate, RegisterMap,     RegisterDiff,
           RegisterMerge,     RegisterConvert, RegisterMount,
           RegisterProcess,   RegisterRun,     RegisterDmsetupVerbs,
           RegisterKernels,   RegisterWhy,     RegisterHelp,
       }) {
    add(cli, app);
    family_done();
  }
}

}  // namespace dmdax
