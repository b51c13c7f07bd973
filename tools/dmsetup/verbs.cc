// SPDX-License-Identifier: Apache-2.0
//
// The one list of dmsetup's verbs: in the order in which its usage and
// `dmdax --help` have them.  What a verb is, its own file says; one more is a
// file and a name in each half of this one.
#include "tools/dmsetup/command.h"

namespace dmdax {

extern const DmsetupCommand kHelpVerb, kCreateVerb, kRemoveVerb, kRemoveAllVerb,
    kSuspendVerb, kResumeVerb, kLoadVerb, kClearVerb, kReloadVerb,
    kWipeTableVerb, kRenameVerb, kMeasureVerb, kMessageVerb, kLsVerb, kInfoVerb,
    kDepsVerb, kStatsVerb, kStatusVerb, kTableVerb, kWaitVerb, kMknodesVerb,
    kMangleVerb, kUdevCreateCookieVerb, kUdevReleaseCookieVerb, kUdevFlagsVerb,
    kUdevCompleteVerb, kUdevCompleteAllVerb, kUdevCookiesVerb,
    kTargetVersionVerb, kTargetsVerb, kVersionVerb, kSetGeometryVerb,
    kSplitNameVerb;

namespace {

constexpr const DmsetupCommand* kVerbs[] = {
    &kHelpVerb,
    &kCreateVerb,
    &kRemoveVerb,
    &kRemoveAllVerb,
    &kSuspendVerb,
    &kResumeVerb,
    &kLoadVerb,
    &kClearVerb,
    &kReloadVerb,
    &kWipeTableVerb,
    &kRenameVerb,
    &kMeasureVerb,
    &kMessageVerb,
    &kLsVerb,
    &kInfoVerb,
    &kDepsVerb,
    &kStatsVerb,
    &kStatusVerb,
    &kTableVerb,
    &kWaitVerb,
    &kMknodesVerb,
    &kMangleVerb,
    &kUdevCreateCookieVerb,
    &kUdevReleaseCookieVerb,
    &kUdevFlagsVerb,
    &kUdevCompleteVerb,
    &kUdevCompleteAllVerb,
    &kUdevCookiesVerb,
    &kTargetVersionVerb,
    &kTargetsVerb,
    &kVersionVerb,
    &kSetGeometryVerb,
    &kSplitNameVerb,
};

}  // namespace

absl::Span<const DmsetupCommand* const> DmsetupCommands() { return kVerbs; }

const DmsetupCommand* FindDmsetupCommand(absl::string_view name) {
  for (const DmsetupCommand* command : kVerbs) {
    if (command->name == name) return command;
  }
  return nullptr;
}

}  // namespace dmdax
