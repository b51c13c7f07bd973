// SPDX-License-Identifier: Apache-2.0
//
// DmArgSet: the words of a table line, taken one after the other as most
// constructors take them.
//
//   DmArgSet as(argv, ProfileOf(ti).sscanf_overflow);
//   absl::StatusOr<uint32_t> up = as.ReadArg({0, ~0u, "Invalid up interval"});
//   if (!up.ok()) return up.status();
//
// Mirrors: struct dm_arg_set, dm_shift_arg, dm_read_arg, dm_read_arg_group of
// drivers/md/dm-table.c (6.1).  Threading: one thread at a time.
#ifndef DMDAX_DM_ARG_SET_H_
#define DMDAX_DM_ARG_SET_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/kstrtox.h"

namespace dmdax {

// struct dm_arg: the bounds of a number (both are allowed), and the error text
// for a word that is missing, is no number or is out of bounds.
struct DmArg {
  uint32_t min;
  uint32_t max;
  const char* error;
};

class DmArgSet {
 public:
  DmArgSet(absl::Span<const std::string> argv, SscanfOverflow overflow)
      : argv_(argv), overflow_(overflow) {}

  // How many words are left.
  size_t argc() const { return argv_.size(); }
  absl::Span<const std::string> rest() const { return argv_; }
  // dm_shift_arg(): the next word, or null when there is none.
  const std::string* Shift();
  // dm_consume_args(): skips `n` words, or all if there are fewer.
  void Consume(size_t n);
  // dm_read_arg(): EINVAL with arg.error.
  absl::StatusOr<uint32_t> ReadArg(const DmArg& arg);
  // dm_read_arg_group(): a count of words that must all be there.
  absl::StatusOr<uint32_t> ReadArgGroup(const DmArg& arg);

 private:
  absl::Span<const std::string> argv_;
  SscanfOverflow overflow_;
};

}  // namespace dmdax

#endif  // DMDAX_DM_ARG_SET_H_
