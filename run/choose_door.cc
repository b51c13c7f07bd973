// SPDX-License-Identifier: Apache-2.0
#include "run/choose_door.h"

#include "run/runs_alone.h"

namespace dmdax {

Door ChooseDoor(const std::string& program) {
  return run::RunsAlone(program.c_str()) ? Door::kNotify : Door::kBoth;
}

}  // namespace dmdax
