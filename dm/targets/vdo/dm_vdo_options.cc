// SPDX-License-Identifier: Apache-2.0
//
// vdo: the words behind those that each line has.
// Mirrors: parse_optional_arguments of drivers/md/dm-vdo/dm-vdo-target.c.
#include <bit>
#include <cerrno>
#include <cstdio>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/errno_status.h"
#include "base/kstrtox.h"
#include "dm/dm_table.h"
#include "dm/mapped_device.h"
#include "dm/targets/vdo/dm_vdo.h"

namespace dmdax {
namespace {

absl::Status Invalid() { return ErrnoError(EINVAL, "no such value"); }

absl::Status CheckBool(absl::string_view value) {
  return value == "on" || value == "off" ? absl::OkStatus() : Invalid();
}

// process_one_thread_config_spec().
absl::Status SetThreads(absl::string_view key, uint32_t count, Vdo* vdo) {
  constexpr char kError[] = "thread config string error: ";
  constexpr uint32_t kMaxInterval = 1024, kMaxThreads = 100;
  constexpr uint32_t kMaxLogical = 60, kMaxPhysical = 16;
  auto at_most = [&](uint32_t most) {
    return vdo->Refuse(absl::StrCat(kError, "at most ", most, " '", key,
                                    "' threads are allowed"));
  };
  if (key == "bioRotationInterval") {
    if (count == 0) {
      return vdo->Refuse(absl::StrCat(
          kError, " 'bioRotationInterval' of at least 1 is required"));
    }
    if (count <= kMaxInterval) return absl::OkStatus();
    return vdo->Refuse(absl::StrCat(
        kError, "'bioRotationInterval' cannot be higher than ", kMaxInterval));
  }
  if (key == "logical") {
    if (count > kMaxLogical) return at_most(kMaxLogical);
    vdo->logical_zones = count;
    return absl::OkStatus();
  }
  if (key == "physical") {
    if (count > kMaxPhysical) return at_most(kMaxPhysical);
    vdo->physical_zones = count;
    return absl::OkStatus();
  }
  if (count > kMaxThreads) return at_most(kMaxThreads);
  if (key == "hash") {
    vdo->hash_zones = count;
  } else if (key == "cpu" || key == "bio") {
    if (count == 0) {
      return vdo->Refuse(
          absl::StrCat(kError, "at least one '", key, "' thread required"));
    }
  } else if (key != "ack") {
    vdo->Log(KernLevel::kInfo,
             absl::StrCat("unknown thread parameter type \"", key, "\""));
  }
  return absl::OkStatus();
}

absl::Status SetMaxDiscard(uint32_t blocks, const Vdo& vdo) {
  constexpr uint32_t kMost = ~uint32_t{0} / 4096;
  if (blocks == 0) {
    return vdo.Refuse(
        "optional parameter error: at least one max discard block required");
  }
  if (blocks <= kMost) return absl::OkStatus();
  // The older ones have a tab there.
  const bool newer = ValueAt<bool>(kVdoFormats, ProfileOf(vdo.ti).release);
  return vdo.Refuse(absl::StrCat("optional parameter error: at most ", kMost,
                                 " max discard", newer ? "" : "\t",
                                 " blocks are allowed"));
}

absl::Status SetMemory(absl::string_view value, Vdo* vdo) {
  constexpr uint32_t kMost = 1024;
  constexpr char kError[] =
      "optional parameter error: invalid memory size, must ";
  vdo->default_geometry = false;
  for (absl::string_view fraction : {"0.25", "0.5", "0.50", "0.75"}) {
    if (value == fraction) return absl::OkStatus();
  }
  absl::StatusOr<uint32_t> number = KstrtoU32(value);
  if (!number.ok()) {
    return vdo->Refuse(absl::StrCat(kError, "be a positive integer"));
  }
  if (*number <= kMost) return absl::OkStatus();
  return vdo->Refuse(absl::StrCat(kError, "not be greater than ", kMost));
}

absl::Status SetSlabSize(absl::string_view value, Vdo* vdo) {
  constexpr uint64_t kLeast = 1 << 13, kMost = 1 << 23;
  constexpr char kError[] =
      "optional parameter error: invalid slab size, must ";
  vdo->default_geometry = false;
  absl::StatusOr<uint64_t> number = KstrtoU64(value);
  if (!number.ok()) {
    return vdo->Refuse(absl::StrCat(kError, "be a postive integer"));
  }
  if (*number >= kLeast && *number <= kMost && std::has_single_bit(*number)) {
    return absl::OkStatus();
  }
  return vdo->Refuse(absl::StrCat(kError, "be a power of two between ", kLeast,
                                  " and ", kMost));
}

// parse_one_key_value_pair().
absl::Status ParsePair(absl::string_view key, const std::string& value,
                       Vdo* vdo) {
  if (key == "deduplication" || key == "compression") return CheckBool(value);
  if (ValueAt<bool>(kVdoFormats, ProfileOf(vdo->ti).release)) {
    if (key == "indexSparse") {
      vdo->default_geometry = false;
      return CheckBool(value);
    }
    if (key == "indexMemory") return SetMemory(value, vdo);
    if (key == "slabSize") return SetSlabSize(value, vdo);
  }
  absl::StatusOr<uint32_t> count = KstrtoU32(value);
  if (!count.ok()) {
    return vdo->Refuse(absl::StrCat("optional config string error: integer ",
                                    "value needed, found \"", value, "\""));
  }
  if (key == "maxDiscard") return SetMaxDiscard(*count, *vdo);
  return SetThreads(key, *count, vdo);
}

// parse_thread_config_string(): "ack=1,bio=4", or ".".
absl::Status ParseThreads(const std::string& text, Vdo* vdo) {
  if (text == ".") return absl::OkStatus();
  for (absl::string_view spec : absl::StrSplit(text, ',')) {
    const std::vector<std::string> fields = absl::StrSplit(spec, '=');
    if (fields.size() != 2) {
      return vdo->Refuse(
          absl::StrCat("thread config string error: expected thread parameter ",
                       "assignment, saw \"", spec, "\""));
    }
    absl::StatusOr<uint32_t> count = KstrtoU32(fields[1]);
    if (!count.ok()) {
      return vdo->Refuse(absl::StrCat(
          "thread config string error: integer value needed, found \"",
          fields[1], "\""));
    }
    absl::Status s = SetThreads(fields[0], *count, vdo);
    if (!s.ok()) return s;
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ParseVdoOptions(unsigned version, DmArgSet& as, Vdo* vdo) {
  if (version <= 1) {
    if (ParseThreads(*as.Shift(), vdo).ok()) return absl::OkStatus();
    return DmError("Invalid thread-count configuration");
  }
  if (as.argc() % 2 != 0) {
    return DmError(
        "Odd number of optional arguments given but they should be <key> "
        "<value> pairs");
  }
  while (as.argc() > 0) {
    const std::string& key = *as.Shift();
    if (!ParsePair(key, *as.Shift(), vdo).ok()) {
      return DmError("Invalid optional argument configuration");
    }
  }
  return absl::OkStatus();
}

}  // namespace dmdax
