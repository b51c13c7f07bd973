// SPDX-License-Identifier: Apache-2.0
#include "tools/check/kept_identity.h"

#include "absl/strings/str_cat.h"
#include "base/one_line.h"
#include "tools/check/cure_lines.h"
#include "tools/check/dax_depth.h"
#include "tools/check/shell_variable.h"

namespace dmdax {
namespace {

std::string Variable(const char* what, const Session& session,
                     const BlockDevice& bdev) {
  return absl::StrCat(what, "_", VariableOf(NameOfDevice(session, bdev)));
}

}  // namespace

CureStep IdentityStep(const Session& session, const std::string& about,
                      const BlockDevice& bdev) {
  const std::string path = ShellWord(DevicePath(session, bdev));
  // Not from blkid's cache, which may be of what was there before.
  const std::string uuid = Variable("uuid", session, bdev);
  return {
      CureStage::kRemember, about,
      absl::StrCat(uuid, "=$(blkid -p -s UUID -o value ", path, ") && test \"$",
                   uuid, "\" && ", Variable("label", session, bdev),
                   "=$(blkid -p -s LABEL -o value ", path, ")")};
}

std::string UuidWord(const Session& session, const BlockDevice& bdev) {
  return absl::StrCat("$", Variable("uuid", session, bdev));
}

std::string LabelWord(const Session& session, const BlockDevice& bdev) {
  return absl::StrCat("\"$", Variable("label", session, bdev), "\"");
}

}  // namespace dmdax
