// SPDX-License-Identifier: Apache-2.0
#include "tests/hostile/machine_of.h"

#include <google/protobuf/text_format.h>

#include "state/any_bytes.h"
#include "state/session.h"
#include "state/state_dir.h"
#include "tests/testing.h"

namespace dmdax::hostile {

std::string MachineOf(const std::string& state) {
  absl::StatusOr<StateDir> dir = StateDir::Open(state, StateDir::kRead);
  EXPECT_THAT(dir, IsOk());
  if (!dir.ok()) return "";
  absl::StatusOr<proto::StateSnapshot> snapshot = dir->Read();
  EXPECT_THAT(snapshot, IsOk());
  if (!snapshot.ok()) return "";
  EXPECT_THAT(SessionFromState(*snapshot, dir->disk_files()), IsOk());
  EscapeAnyBytes(*snapshot->mutable_world());
  std::string text;
  google::protobuf::TextFormat::PrintToString(snapshot->world(), &text);
  return text;
}

}  // namespace dmdax::hostile
