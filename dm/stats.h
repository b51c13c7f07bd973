// SPDX-License-Identifier: Apache-2.0
//
// DmStats: the regions of a mapped device whose I/O is counted (@stats_*
// messages).  What dm/io/direct_io.h reads and writes is counted; it takes no
// time, so the counters of time are 0.
//
//   @stats_create <start>+<len>|- <step>|/<areas>
//                 [<#features> precise_timestamps histogram:n,n,...]
//                 [<program id> [<aux data>]]
//   @stats_delete <id>    @stats_clear <id>    @stats_list [<program id>]
//   @stats_print[_clear] <id> [<first area> <areas>]
//   @stats_set_aux <id> <aux data>
//
// Mirrors: drivers/md/dm-stats.c (6.1).
// Threading: the caller serialises (DmCtl).
#ifndef DMDAX_DM_STATS_H_
#define DMDAX_DM_STATS_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/kernel_profile.h"
#include "dm/device_mapper.h"

namespace dmdax {

class DmStats {
 public:
  struct Region {
    uint64_t start, end, step;  // sectors; start < end, step > 0
    bool precise_timestamps = false;
    std::vector<uint64_t> histogram;  // boundaries
    std::string program_id = "-", aux_data = "-";

    // What was read and written of each area that was touched.
    struct Counts {
      // [0] reads, [1] writes
      uint64_t ios[2] = {}, merges[2] = {}, sectors[2] = {};
      int64_t in_flight = 0;
    };
    std::map<uint64_t, Counts> counts;

    uint64_t areas() const { return (end - start - 1) / step + 1; }
  };

  // Whether dm_stats_message() knows the message.
  static bool Knows(absl::string_view message);
  // Whether the message is answered with data, which may be empty.
  static bool HasReply(absl::string_view message);
  // The reply.  EINVAL; ENOENT: no such region; EOVERFLOW, ENOMEM: too many
  // areas.
  // `size`: sectors of the device.
  absl::StatusOr<std::string> Message(absl::Span<const std::string> argv,
                                      uint64_t size,
                                      const KernelProfile& profile);

  // dm_stats_account_io() of a read or write that begins, and of one that was
  // done, `follows` being what its beginning said: whether it goes on where the
  // one before it ended.  It took no time.
  bool AccountBegin(ReqOp op, uint64_t sector, uint64_t nr_sectors,
                    DmStatsMerged merged);
  struct Done {
    ReqOp op;
    uint64_t sector, nr_sectors;
    bool follows;
  };
  void AccountDone(const Done& done);
  // dm_stats_used()
  bool used() const { return !regions_.empty(); }

  // For snapshots: the regions by number, and one put back (false: it makes
  // no sense, or there are too many).
  const std::map<uint32_t, Region>& regions() const { return regions_; }
  bool Restore(uint32_t id, const Region& region);

 private:
  // Whether there is room for that many more areas.
  bool HasRoom(uint64_t areas) const;
  absl::StatusOr<std::string> Create(absl::Span<const std::string> argv,
                                     uint64_t size,
                                     const KernelProfile& profile);
  absl::StatusOr<std::string> List(absl::Span<const std::string> argv) const;
  absl::StatusOr<std::string> Print(absl::Span<const std::string> argv,
                                    SscanfOverflow overflow) const;
  // @stats_clear: of the areas that @stats_print with these words would show.
  void Clear(absl::Span<const std::string> argv, SscanfOverflow overflow);

  // What regions have of [sector, sector + nr_sectors), area by area.
  template <typename Visit>
  void ForAreas(uint64_t sector, uint64_t nr_sectors, Visit visit);

  std::map<uint32_t, Region> regions_;
  // Of the I/O that began last: its end, and which way it went.
  uint64_t last_sector_ = ~uint64_t{0};
  int last_rw_ = -1;
  uint64_t areas_ = 0;  // of all of them; at most kMaxAreas
  // No lower number is free.
  uint32_t first_free_ = 0;
};

}  // namespace dmdax

#endif  // DMDAX_DM_STATS_H_
