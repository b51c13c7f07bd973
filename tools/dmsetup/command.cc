// SPDX-License-Identifier: Apache-2.0
#include "tools/dmsetup/command.h"

#include <chrono>
#include <ratio>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

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

bool ByNumberOrUuid(const DmsetupContext& ctx) {
  return ctx.options.uuid || ctx.options.major;
}

NodeReadAhead ReadAheadAsked(const DmsetupOptions& o) {
  if (!o.read_ahead) return {};
  return {static_cast<uint32_t>(*o.read_ahead), o.read_ahead_minimum};
}

void UdevWait(DmsetupContext& ctx) {
  if (ctx.options.udev_cookie == 0) ctx.nodes.Update();
}

bool TaskRun(DmsetupContext& ctx, DmTask& task) {
  const bool ok = task.Run();
  if (ctx.initial_timestamp) {
    const auto passed =
        std::chrono::steady_clock::now() - *ctx.initial_timestamp;
    const auto ns =
        std::chrono::duration_cast<std::chrono::nanoseconds>(passed).count();
    ctx.log.Debug(absl::StrFormat("Timestamp: %7d.%09d seconds",
                                  ns / std::nano::den, ns % std::nano::den));
  }
  return ok;
}

void ApplySwitches(const DmsetupContext& ctx, DmTask& task) {
  const DmsetupOptions& o = ctx.options;
  if (o.noopencount) task.NoOpenCount();
  if (o.inactive) task.AddFlags(DM_QUERY_INACTIVE_TABLE_FLAG);
  if (o.checks) task.EnableChecks();
}

bool ProcessAll(DmsetupContext& ctx, const CommandCall& call, bool silent,
                CommandFn fn) {
  DmTask list(ctx, DmTaskType::kList);
  if (ctx.options.checks) list.EnableChecks();
  if (!TaskRun(ctx, list)) return ctx.log.Backtrace();
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
