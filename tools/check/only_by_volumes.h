// SPDX-License-Identifier: Apache-2.0
//
// Physical volumes of LVM2 on which no volume stands: no program maps one
// itself, so that its own pages are nobody's answer.
// Threading: pure function of a machine.
#ifndef DMDAX_TOOLS_CHECK_ONLY_BY_VOLUMES_H_
#define DMDAX_TOOLS_CHECK_ONLY_BY_VOLUMES_H_

#include <string>

#include "state/session.h"
#include "tools/check/subject.h"

namespace dmdax {

// "pmem0 is a physical volume of vg: ...", with what to do; "": the subject is
// none, or something stands on it.
std::string OnlyByVolumes(const Session& session, const Subject& subject);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_CHECK_ONLY_BY_VOLUMES_H_
