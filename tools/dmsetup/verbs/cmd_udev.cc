// SPDX-License-Identifier: Apache-2.0
//
// Verbs that talk to udev.  An emulated machine has no udev: cookies are read
// and shown, and nothing waits.
#include <cerrno>
#include <cstdlib>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "tools/dmsetup/command.h"

namespace dmdax {
namespace {

constexpr char kKeyPrefix[] = "3405 (0xd4d)";  // DM_COOKIE_MAGIC

bool CmdUdevCreateCookie(DmsetupContext&, const CommandCall&) { return true; }

bool CmdUdevReleaseCookie(DmsetupContext& ctx, const CommandCall& call) {
  uint32_t cookie = ctx.options.udev_cookie;
  if (!call.args.empty()) {
    cookie = CookieValue(call.args[0], &ctx.err).value_or(0);
    if (cookie == 0) return false;
  }
  if (cookie == 0) return Say(ctx, "No udev transaction cookie given.");
  return true;
}

bool CmdUdevFlags(DmsetupContext& ctx, const CommandCall& call) {
  constexpr const char* kNames[] = {
      "DISABLE_DM_RULES_",   "DISABLE_SUBSYSTEM_RULES_",
      "DISABLE_DISK_RULES_", "DISABLE_OTHER_RULES_",
      "LOW_PRIORITY_",       "DISABLE_LIBRARY_FALLBACK_",
      "PRIMARY_SOURCE_",
  };
  constexpr unsigned kOwnFlags = 8;
  const std::optional<uint32_t> cookie = CookieValue(call.args[0], &ctx.err);
  if (!cookie) return false;
  for (unsigned i = 0; i < 16; ++i) {
    if (!(*cookie >> (16 + i) & 1)) continue;
    if (i < std::size(kNames)) {
      absl::StrAppend(&ctx.out, "DM_UDEV_", kNames[i], "FLAG='1'\n");
    } else if (i < kOwnFlags) {
      absl::StrAppend(&ctx.out, "DM_UDEV_FLAG", i, "='1'\n");
    } else {
      absl::StrAppend(&ctx.out, "DM_SUBSYSTEM_UDEV_FLAG", i - kOwnFlags,
                      "='1'\n");
    }
  }
  return true;
}

bool CmdUdevComplete(DmsetupContext& ctx, const CommandCall& call) {
  const std::optional<uint32_t> cookie = CookieValue(call.args[0], &ctx.err);
  if (!cookie) return false;
  absl::StrAppendFormat(&ctx.out, "DM_COOKIE_COMPLETED=0x%-10x\n", *cookie);
  return true;
}

bool CmdUdevCompleteAll(DmsetupContext& ctx, const CommandCall& call) {
  unsigned age = 0;
  if (!call.args.empty() && sscanf(call.args[0].c_str(), "%u", &age) != 1) {
    return Say(ctx, "Failed to read age_in_minutes parameter.");
  }
  if (!ctx.options.yes) {
    const std::string older =
        age ? absl::StrCat("older than ", age, " minutes ") : "";
    absl::StrAppend(&ctx.err,
                    "WARNING: This operation will destroy all semaphores ",
                    older, "with keys that have a prefix ", kKeyPrefix, ".\n");
    absl::StrAppend(&ctx.out, "Do you really want to continue? [y/n]: ");
    const bool yes = ctx.input == "y\n" || ctx.input == "Y\n";
    if (!yes) {
      absl::StrAppend(&ctx.out, ctx.input.empty() ? "\n" : "",
                      "Semaphores with keys prefixed by ", kKeyPrefix,
                      " NOT destroyed.\n");
      return true;
    }
  }
  absl::StrAppend(&ctx.out, "0 semaphores with keys prefixed by ", kKeyPrefix,
                  " destroyed. 0 skipped.\n");
  return true;
}

bool CmdUdevCookies(DmsetupContext& ctx, const CommandCall&) {
  absl::StrAppend(&ctx.out,
                  "Cookie       Semid      Value      Last semop time"
                  "           Last change time\n");
  return true;
}

}  // namespace

extern const DmsetupCommand kUdevCreateCookieVerb = {
    .name = "udevcreatecookie",
    .help = "Make a cookie; nobody waits for one.",
    .fn = CmdUdevCreateCookie,
};

extern const DmsetupCommand kUdevReleaseCookieVerb = {
    .name = "udevreleasecookie",
    .arguments = "[<cookie>]",
    .max_args = 1,
    .help = "Wait for a cookie; it is done at once.",
    .fn = CmdUdevReleaseCookie,
};

extern const DmsetupCommand kUdevFlagsVerb = {
    .name = "udevflags",
    .arguments = "<cookie>",
    .min_args = 1,
    .max_args = 1,
    .effect = DmsetupCommand::kAsks,
    .help = "Print the flags of a cookie.",
    .fn = CmdUdevFlags,
};

extern const DmsetupCommand kUdevCompleteVerb = {
    .name = "udevcomplete",
    .arguments = "<cookie>",
    .min_args = 1,
    .max_args = 1,
    .help = "Say that udev is done with a cookie.",
    .fn = CmdUdevComplete,
};

extern const DmsetupCommand kUdevCompleteAllVerb = {
    .name = "udevcomplete_all",
    .arguments = "[<age_in_minutes>]",
    .max_args = 1,
    .help = "Destroy all cookies; there are none.",
    .fn = CmdUdevCompleteAll,
    .reads_input = [](const DmsetupOptions& o) { return !o.yes; },
};

extern const DmsetupCommand kUdevCookiesVerb = {
    .name = "udevcookies",
    .help = "List the cookies; there are none.",
    .fn = CmdUdevCookies,
};

}  // namespace dmdax
