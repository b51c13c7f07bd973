// SPDX-License-Identifier: Apache-2.0
//
// cache: settings of the policy, and messages.
//
//   <key> <value>
//   invalidate_cblocks [<cblock>|<begin>-<end>]*    passthrough only
//
// Mirrors cache_message, set_config_value of drivers/md/dm-cache-target.c and
// dm-cache-policy-smq.c (6.1).
#include <cerrno>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "base/kstrtox.h"
#include "dm/dm_table.h"
#include "dm/mapped_device.h"
#include "dm/targets/cache/dm_cache.h"

namespace dmdax {
namespace {

constexpr struct {
  absl::string_view name;
  CachePolicy policy;
} kPolicies[] = {
    {"default", {"smq", true, false}},
    {"smq", {"smq", true, false}},
    {"mq", {"mq", true, true}},
    {"cleaner", {"cleaner", true, false}},
};

constexpr absl::string_view kMqSettings[] = {
    "random_threshold", "sequential_threshold", "discard_promote_adjustment",
    "read_promote_adjustment", "write_promote_adjustment"};

// mq_set_config_value()
bool SetMq(const DmTarget& ti, const std::string& key,
           const std::string& value) {
  if (!KstrtoU64(value).ok()) return false;
  for (absl::string_view setting : kMqSettings) {
    if (!absl::EqualsIgnoreCase(key, setting)) continue;
    DmLog(MachineOf(ti), KernLevel::kWarn, "cache-policy-smq",
          absl::StrCat("tunable '", key,
                       "' no longer has any effect, mq policy is now an alias "
                       "for smq"));
    return true;
  }
  return false;
}

absl::Status Refuse(const DmTarget& ti, int err, absl::string_view text) {
  DmLog(MachineOf(ti), KernLevel::kErr, "cache",
        absl::StrCat(ti.table->md().name(), ": ", text));
  return ErrnoError(err, text);
}

// parse_cblock_range(), validate_cblock_range().
absl::Status CheckRange(const DmTarget& ti, const Cache& cache,
                        const std::string& text) {
  const SscanfOverflow overflow = ProfileOf(ti).sscanf_overflow;
  const size_t dash = text.find('-');
  absl::StatusOr<uint64_t> first = SscanfU64(text.substr(0, dash), overflow);
  absl::StatusOr<uint64_t> last = first;
  if (dash != text.npos) last = SscanfU64(text.substr(dash + 1), overflow);
  if (!first.ok() || !last.ok()) {
    return Refuse(ti, EINVAL,
                  absl::StrCat("invalid cblock range '", text, "'"));
  }
  // A cblock has 32 bits.
  const uint64_t begin = static_cast<uint32_t>(*first);
  const uint64_t end =
      static_cast<uint32_t>(dash == text.npos ? *first + 1 : *last);
  const uint64_t n = cache.cache_blocks;
  if (begin >= n) {
    return Refuse(
        ti, EINVAL,
        absl::StrCat("begin cblock out of range: ", begin, " >= ", n));
  }
  if (end > n) {
    return Refuse(ti, EINVAL,
                  absl::StrCat("end cblock out of range: ", end, " > ", n));
  }
  if (begin >= end) {
    return Refuse(ti, EINVAL,
                  absl::StrCat("invalid cblock range: ", begin, " >= ", end));
  }
  return absl::OkStatus();
}

}  // namespace

const CachePolicy* FindCachePolicy(absl::string_view name) {
  for (const auto& known : kPolicies) {
    if (known.name == name) return &known.policy;
  }
  return nullptr;
}

absl::Status SetCacheConfig(const DmTarget& ti, Cache& cache,
                            const std::string& key, const std::string& value) {
  bool done = false;
  if (absl::EqualsIgnoreCase(key, "migration_threshold")) {
    absl::StatusOr<uint64_t> threshold = KstrtoU64(value);
    done = threshold.ok();
    if (done) cache.migration_threshold = *threshold;
  } else if (cache.policy->mimics_mq) {
    done = SetMq(ti, key, value);
  }
  if (done) return absl::OkStatus();
  const std::string text =
      absl::StrCat("bad config value for ", key, ": ", value);
  DmLog(MachineOf(ti), KernLevel::kWarn, "cache", text);
  return ErrnoError(EINVAL, text);
}

absl::StatusOr<std::string> CacheMessage(DmTarget& ti,
                                         absl::Span<const std::string> argv) {
  Cache& cache = ti.Private<Cache>();
  if (cache.cmd->fail_io() || cache.cmd->needs_check()) {
    CacheSay(ti,
             "unable to service cache target messages in READ_ONLY or FAIL "
             "mode");
    return ErrnoError(EOPNOTSUPP, "read-only");
  }
  if (absl::EqualsIgnoreCase(argv[0], "invalidate_cblocks")) {
    if (cache.io_mode != "passthrough") {
      return Refuse(ti, EPERM,
                    "cache has to be in passthrough mode for invalidation");
    }
    // No block is in the cache, so nothing is left to be done.
    for (const std::string& range : argv.subspan(1)) {
      absl::Status s = CheckRange(ti, cache, range);
      if (!s.ok()) return s;
    }
    return "";
  }
  if (argv.size() != 2) return ErrnoError(EINVAL, "a key and a value");
  absl::Status s = SetCacheConfig(ti, cache, argv[0], argv[1]);
  if (!s.ok()) return s;
  return "";
}

}  // namespace dmdax
