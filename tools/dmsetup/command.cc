// SPDX-License-Identifier: Apache-2.0
#include "tools/dmsetup/command.h"

#include "absl/strings/str_cat.h"

namespace dmdax {

bool AboutAll(const DmsetupContext& ctx, const CommandCall& call) {
  return call.listed_name == nullptr && call.args.empty() &&
         !ctx.options.uuid && !ctx.options.major;
}

std::optional<std::string> DeviceOf(const CommandCall& call) {
  if (call.listed_name != nullptr) return *call.listed_name;
  if (call.args.empty()) return std::nullopt;
  return call.args[0];
}

std::optional<std::string> TakeDevice(const DmsetupContext& ctx,
                                      absl::Span<const std::string>& args) {
  if (ByNumberOrUuid(ctx)) return std::nullopt;
  const std::string device = args[0];
  args.remove_prefix(1);
  return device;
}

bool ByNumberOrUuid(const DmsetupContext& ctx) {
  return ctx.options.uuid || ctx.options.major;
}

NodeReadAhead ReadAheadAsked(const DmsetupOptions& o) {
  if (!o.read_ahead) return {};
  return {static_cast<uint32_t>(*o.read_ahead), o.read_ahead_minimum};
}

void ApplySwitches(const DmsetupContext& ctx, DmTask& task) {
  const DmsetupOptions& o = ctx.options;
  if (o.inactive) task.AddFlags(DM_QUERY_INACTIVE_TABLE_FLAG);
  if (o.checks) task.EnableChecks();
}

bool ProcessAll(DmsetupContext& ctx, const CommandCall& call, bool silent,
                CommandFn fn) {
  DmTask list(ctx, DmTaskType::kList);
  if (!list.Run()) return false;
  if (list.names().empty()) {
    if (!silent) absl::StrAppend(&ctx.out, "No devices found\n");
    return true;
  }
  bool ok = true;
  for (const DmNameEntry& entry : list.names()) {
    CommandCall each = call;
    each.listed_name = &entry.name;
    each.listed_dev = entry.dev;
    each.multiple_devices = true;
    ok &= fn(ctx, each);
  }
  return ok;
}

}  // namespace dmdax
