// SPDX-License-Identifier: Apache-2.0
#include "fs/ext4_quota.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace dmdax {
namespace {

constexpr absl::string_view kOptions = "Journaled quota options";
constexpr absl::string_view kFormat = "Quota format mount options";

}  // namespace

std::string Ext4Quota::Take(absl::string_view option) {
  if (option == "prjquota") projects_ = true;
  if (option == "grpquota") groups_.on = true;
  if (option == "usrquota" || option == "quota") users_.on = true;
  if (option == "noquota") projects_ = groups_.on = users_.on = false;
  // Before the mount API the file system is known already.
  const bool knows = !fc_.profile().ext4_has_mount_api;
  if (absl::StartsWith(option, "jqfmt=")) {
    has_format_ = !knows || !Ignores(kFormat);
  }
  if (absl::ConsumePrefix(&option, "usrjquota=")) {
    return TakeName(users_, option);
  }
  if (absl::ConsumePrefix(&option, "grpjquota=")) {
    return TakeName(groups_, option);
  }
  return "";
}

std::string Ext4Quota::TakeName(Files& files, absl::string_view name) {
  has_names_ = true;
  if (name.empty()) {
    files.name.reset();
    return "";
  }
  const bool knows = !fc_.profile().ext4_has_mount_api;
  if (knows && Ignores(kOptions)) return "";
  std::string again = NameAgain(files, name);
  if (knows && files.name) return again;
  if (absl::StrContains(name, '/')) {
    return "quotafile must be on filesystem root";
  }
  if (!files.name) files.name = std::string(name);
  return again;
}

std::string Ext4Quota::NameAgain(const Files& files,
                                 absl::string_view name) const {
  if (!files.name || *files.name == name) return "";
  return absl::StrCat(files.type, " quota file already specified");
}

bool Ext4Quota::Ignores(absl::string_view what) const {
  if (!fc_.request().quota) return false;
  Say(KernLevel::kInfo,
      absl::StrCat(what, " ignored when QUOTA feature is enabled"));
  return true;
}

absl::Status Ext4Quota::Check() {
  if (projects_ && !fc_.request().project) {
    return Refuse(
        "Project quota feature not enabled. Cannot enable project quota "
        "enforcement.");
  }
  if (fc_.profile().ext4_has_mount_api && ((has_names_ && Ignores(kOptions)) ||
                                           (has_format_ && Ignores(kFormat)))) {
    return absl::OkStatus();
  }
  if (!users_.name && !groups_.name) return absl::OkStatus();
  if ((users_.on && !users_.name) || (groups_.on && !groups_.name)) {
    return Refuse("old and new quota format mixing");
  }
  if (!has_format_) return Refuse("journaled quota format not specified");
  return absl::OkStatus();
}

absl::Status Ext4Quota::Refuse(absl::string_view words) {
  return fc_.profile().ext4_has_mount_api
             ? fc_.RefuseParameter(absl::StrCat("EXT4-fs: ", words))
             : fc_.Refuse(KernLevel::kErr, words);
}

void Ext4Quota::Say(KernLevel level, absl::string_view words) const {
  if (fc_.profile().ext4_has_mount_api) {
    fc_.SayPlain(level, absl::StrCat("EXT4-fs: ", words));
  } else {
    fc_.Say(level, words);
  }
}

}  // namespace dmdax
