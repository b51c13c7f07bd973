// SPDX-License-Identifier: Apache-2.0
//
// integrity: a tag for every sector.
//
//   integrity <dev> <start> <tag size|-> <J|B|D|R> <#optional args> ...
//
// The rest follows from the superblock at `start`, which is not read here:
// what is wrong before that is reported, all else is not modelled.
// Mirrors drivers/md/dm-integrity.c (5.10 to 7.2; not in 4.14).
#include "base/kstrtox.h"
#include "dm/arg_set.h"
#include "dm/device_mapper.h"

namespace dmdax {
namespace {

absl::Status IntegrityCtr(DmTarget& ti, absl::Span<const std::string> argv) {
  const SscanfOverflow overflow = ProfileOf(ti).sscanf_overflow;
  if (argv.size() <= 4) return DmError("Invalid argument count");
  absl::StatusOr<const DmDev*> dev =
      DmGetDevice(ti, argv[0], "Device lookup failed");
  if (!dev.ok()) return dev.status();
  if (!SscanfU64(argv[1], overflow).ok()) {
    return DmError("Invalid starting offset");
  }
  if (argv[2] != "-") {
    absl::StatusOr<uint32_t> tag = SscanfU32(argv[2], overflow);
    if (!tag.ok() || *tag == 0) return DmError("Invalid tag size");
  }
  const std::string& mode = argv[3];
  if (mode != "J" && mode != "B" && mode != "D" && mode != "R") {
    return DmError("Invalid mode (expecting J, B, D, R)");
  }
  DmArgSet as(argv.subspan(4), overflow);
  absl::StatusOr<uint32_t> count =
      as.ReadArgGroup({0, 18, "Invalid number of feature args"});
  if (!count.ok()) return count.status();
  return DmNotModelled("integrity", "its superblock and its tags");
}

// The key behind a keyword's algorithm: "internal_hash:alg:KEY".
void HideKeyOf(std::string& params, absl::string_view keyword) {
  size_t at = params.find(keyword.data(), 0, keyword.size());
  if (at == params.npos) return;
  at += keyword.size();
  while (at < params.size() && params[at] != ':' && params[at] != ' ') ++at;
  if (at == params.size() || params[at] != ':') return;
  for (++at; at < params.size() && params[at] != ' '; ++at) params[at] = '0';
}

void IntegrityHideSecrets(std::string& params) {
  for (const char* word :
       {"internal_hash:", "journal_crypt:", "journal_mac:"}) {
    HideKeyOf(params, word);
  }
}

const TargetType kIntegrityTarget = {
    .name = "integrity",
    .versions = {{k5_10, 1, 6, 0},
                 {k6_1, 1, 10, 0},
                 {k6_12, 1, 13, 0},
                 {k7_2, 1, 15, 0}},
    .features = DM_TARGET_SINGLETON | DM_TARGET_INTEGRITY,
    .ctr = IntegrityCtr,
    .hide_secrets = IntegrityHideSecrets,
    .example = {.length = 2048,
                .params = "/dev/sda 0 4 J 0",
                .refusal = "not modelled: integrity (needs its superblock and "
                           "its tags)"},
};
DM_REGISTER_TARGET(kIntegrityTarget);

}  // namespace
}  // namespace dmdax
