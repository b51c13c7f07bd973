// SPDX-License-Identifier: Apache-2.0
#include "fs/xfs_params.h"

#include <bit>
#include <cstdint>
#include <map>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/units.h"

namespace dmdax {
namespace {

using T = FsParamType;

constexpr FsParam kParams[] = {
    {"logbufs", T::kU32},
    {"logbsize", T::kString},
    {"logdev", T::kString},
    {"rtdev", T::kString},
    {"sunit", T::kU32},
    {"swidth", T::kU32},
    {"allocsize", T::kString},
    {"wsync", T::kFlag},
    {"noalign", T::kFlag},
    {"swalloc", T::kFlag},
    {"nouuid", T::kFlag},
    {"grpid", T::kFlag},
    {"nogrpid", T::kFlag},
    {"bsdgroups", T::kFlag},
    {"sysvgroups", T::kFlag},
    {"norecovery", T::kFlag},
    {"inode64", T::kFlag},
    {"inode32", T::kFlag},
    {"ikeep", T::kFlag},
    {"noikeep", T::kFlag},
    {"largeio", T::kFlag},
    {"nolargeio", T::kFlag},
    {"attr2", T::kFlag},
    {"noattr2", T::kFlag},
    {"filestreams", T::kFlag},
    {"quota", T::kFlag},
    {"noquota", T::kFlag},
    {"usrquota", T::kFlag},
    {"grpquota", T::kFlag},
    {"prjquota", T::kFlag},
    {"uquota", T::kFlag},
    {"gquota", T::kFlag},
    {"pquota", T::kFlag},
    {"uqnoenforce", T::kFlag},
    {"gqnoenforce", T::kFlag},
    {"pqnoenforce", T::kFlag},
    {"qnoenforce", T::kFlag},
    {"discard", T::kFlag},
    {"nodiscard", T::kFlag},
    {"dax", T::kFlag},
    {"dax", T::kEnum, "always inode never"},
    {"max_atomic_write", T::kString},
    {"lifetime", T::kFlag},
    {"nolifetime", T::kFlag},
    {"max_open_zones", T::kU32},
    {"errortag", T::kString},
};
// The last of them came later.
constexpr size_t kErrortag = 1, kZoned = 4;

bool IsPowerOf2(int64_t n) { return n > 0 && (n & (n - 1)) == 0; }

// ffs(n) - 1, as xfs takes it.
int64_t Log2(int64_t n) {
  return n <= 0 ? -1 : std::countr_zero(static_cast<uint64_t>(n));
}

}  // namespace

absl::Span<const FsParam> XfsParams(const KernelProfile& profile) {
  absl::Span<const FsParam> params = kParams;
  if (!profile.xfs_has_errortag) params.remove_suffix(kErrortag);
  if (!profile.xfs_has_zoned_options) params.remove_suffix(kZoned);
  return params;
}

std::optional<int64_t> XfsSuffixNumber(absl::string_view text) {
  int shift = 0;
  if (!text.empty()) {
    switch (absl::ascii_toupper(static_cast<unsigned char>(text.back()))) {
      case 'K':
        shift = 10;
        break;
      case 'M':
        shift = 20;
        break;
      case 'G':
        shift = 30;
        break;
      default:
        break;
    }
  }
  if (shift > 0) text.remove_suffix(1);
  int32_t n = 0;
  if (!absl::SimpleAtoi(text, &n)) return std::nullopt;
  return int64_t{n} << shift;
}

std::string XfsWhyInvalid(const KernelProfile& profile,
                          absl::Span<const absl::string_view> options) {
  std::map<absl::string_view, std::optional<int64_t>> values;
  bool no_recovery = false, no_align = false;
  bool attr2 = false, no_attr2 = false;
  for (absl::string_view option : options) {
    no_recovery |= option == "norecovery";
    no_align |= option == "noalign";
    attr2 |= option == "attr2";
    no_attr2 |= option == "noattr2";
    const size_t equals = option.find('=');
    if (equals == option.npos) continue;
    const absl::string_view name = option.substr(0, equals);
    const std::optional<int64_t> value =
        XfsSuffixNumber(option.substr(equals + 1));
    const bool sized = name == "logbsize" || name == "allocsize";
    if (sized && !value) return " ";
    values[name] = value;
  }
  const auto value = [&](absl::string_view name) {
    return values.contains(name) ? values[name].value_or(0) : 0;
  };
  if (no_recovery && !SaysReadOnly(options)) {
    return "no-recovery mounts must be read-only.";
  }
  if (attr2 && no_attr2 && profile.xfs_takes_one_attr2 &&
      !profile.xfs_attr2_is_dead) {
    return "attr2 and noattr2 cannot both be specified.";
  }
  const int64_t sunit = value("sunit"), swidth = value("swidth");
  if (no_align && (sunit != 0 || swidth != 0)) {
    return "sunit and swidth options incompatible with the noalign option";
  }
  if ((sunit == 0) != (swidth == 0)) {
    return "sunit and swidth must be specified together";
  }
  if (sunit != 0 && swidth % sunit != 0) {
    return absl::StrCat("stripe width (", swidth,
                        ") must be a multiple of the stripe unit (", sunit,
                        ")");
  }
  const int64_t logbufs = value("logbufs");
  if (values.contains("logbufs") && logbufs != 0 &&
      (logbufs < 2 || logbufs > 8)) {
    return absl::StrCat("invalid logbufs value: ", logbufs, " [not 2-8]");
  }
  const int64_t logbsize = value("logbsize");
  if (logbsize != 0 &&
      (logbsize < 16384 || logbsize > 262144 || !IsPowerOf2(logbsize))) {
    return absl::StrCat("invalid logbufsize: ", logbsize,
                        " [not 16k,32k,64k,128k or 256k]");
  }
  if (values.contains("allocsize")) {
    const int64_t log = Log2(value("allocsize"));
    if (log < 12 || log > 30) {
      return absl::StrCat("invalid log iosize: ", log, " [not 12-30]");
    }
  }
  return "";
}

std::string XfsWhyMisaligned(const MountRequest& request,
                             absl::Span<const absl::string_view> options) {
  uint64_t sunit = 0, swidth = 0;
  for (absl::string_view option : options) {
    if (absl::ConsumePrefix(&option, "sunit=")) {
      (void)absl::SimpleAtoi(option, &sunit);
    } else if (absl::ConsumePrefix(&option, "swidth=")) {
      (void)absl::SimpleAtoi(option, &swidth);
    }
  }
  if (sunit == 0) return "";
  const uint64_t block = request.block_size;
  if (sunit * kSectorSize % block != 0 || swidth * kSectorSize % block != 0) {
    return absl::StrCat("alignment check failed: sunit/swidth vs. blocksize(",
                        block, ")");
  }
  return request.has_dalign ? ""
                            : "cannot change alignment: superblock does not "
                              "support data alignment";
}

}  // namespace dmdax
