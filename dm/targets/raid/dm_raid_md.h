// SPDX-License-Identifier: Apache-2.0
//
// raid: what md keeps of a set: which devices have failed, the superblocks that
// say so, and what goes with a saved machine.
// Mirrors: md_error, md_update_sb of drivers/md/md.c, super_sync of dm-raid.c,
// raid1_error, raid10_error, raid5_error of drivers/md/raid*.c (4.14 to 7.3).
// Threading: thread-safe; none may be called with RaidSet::mu held.
#ifndef DMDAX_DM_TARGETS_RAID_DM_RAID_MD_H_
#define DMDAX_DM_TARGETS_RAID_DM_RAID_MD_H_

#include <cstdint>
#include <string>

#include "absl/types/span.h"
#include "dm/targets/raid/dm_raid.h"

namespace dmdax {

// Who resumes a set for the first time, and so writes its superblocks and reads
// its bitmap, as the log names the process.
inline constexpr char kResumes[] = "dmsetup";

// Whether device `dev` has the data of the set, and whether writes go to it.
bool RaidServes(const RaidSet& rs, const std::vector<RaidMember>& members,
                size_t dev);
bool RaidTakes(const RaidSet& rs, const std::vector<RaidMember>& members,
               size_t dev);
// mddev->degraded: devices that do not serve.
uint32_t RaidDegraded(const RaidSet& rs,
                      const std::vector<RaidMember>& members);
// enough(), has_failed() of md's personalities: whether what is left has all
// data.
bool RaidHasEnough(const RaidSet& rs, const std::vector<RaidMember>& members);

// md's number of the set's layout.
uint32_t RaidLayoutNumber(const RaidSet& rs);

// md_error(): I/O to devices has failed, and md puts them out of the set, one
// after the other, but not the last one.  That is one event, and one for all
// that is a piece of `request` (0: of none).
void RaidError(const DmTarget& ti, absl::Span<const uint32_t> devs,
               uint64_t request = 0);

// Without metadata nothing can say that a device has failed, and whoever writes
// to the set waits for ever.
bool RaidWritesWait(const RaidSet& rs, const std::vector<RaidMember>& members);

// md_update_sb(): the superblocks and the bitmap as md knows them.
void RaidUpdateSupers(const DmTarget& ti);

// md_write_start(): a write of `count` sectors begins, at `sector` of what the
// bitmap counts.  While a device is missing the bitmap keeps where.
void RaidWriteStart(const DmTarget& ti, uint64_t sector, uint64_t count);
// attempt_restore_of_faulty_devices(): a resume takes those back whose
// superblocks can be read.
void RaidRevive(const DmTarget& ti);
// How many regions there are.
uint64_t RaidRegions(const RaidSet& rs);

// ->save_state, ->restore_state.
std::string RaidSaveState(const DmTarget& ti);
bool RaidRestoreState(DmTarget& ti, absl::string_view state);

}  // namespace dmdax

#endif  // DMDAX_DM_TARGETS_RAID_DM_RAID_MD_H_
