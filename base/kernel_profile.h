// SPDX-License-Identifier: Apache-2.0
//
// KernelProfile: which kernel is emulated, as named behaviours.
//
// Every difference between kernels that dmdax knows is one field here, or in
// the fault half (base/fault_profile.h); no other file asks for a version
// number.  Code reads the behaviour by name:
//
//   if (profile.dm_dax_alignment == DmDaxAlignment::kRejects) ...
//
// A kernel is one file in base/kernels/ (base/kernel_registry.h says how it is
// written); `dmdax kernels` lists them, with what is known of each.  A kernel
// does not say what it lacks: a field that no file sets is zero, which in an
// enum is the first and oldest behaviour.
// Threading: profiles are immutable and live for ever; share references.
#ifndef DMDAX_BASE_KERNEL_PROFILE_H_
#define DMDAX_BASE_KERNEL_PROFILE_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "base/fault_profile.h"
#include "base/kernel_release.h"
#include "base/kstrtox.h"

namespace dmdax {

// A sector that is no multiple of 8 on its way down (bdev_dax_pgoff).
enum class DmDaxAlignment {
  kRejects,     // until 5.16: -EINVAL
  kRoundsDown,  // since 5.17: the pgoff is shifted, the low bits are lost
};

// What makes a table DAX when it is loaded (dm_table_supports_dax).
enum class DmDaxCheck {
  // The leg's queue has the DAX flag; iterate_devices stops at the first
  // device that says yes, so one good leg is enough (4.14).
  kAnyLegQueueFlag,
  // generic_fsdax_supported() on every leg: alignment of both ends and a
  // probing access of the first and the last page (5.12 to 5.16).
  kGenericFsdaxSupported,
  // The leg has a dax_device at all (since 5.17).
  kLegHasDaxDevice,
};

// When the block device of a mapped device appears.
enum class DmAddDisk {
  kAtCreate,     // until 5.15: with DM_DEV_CREATE, size 0
  kAtFirstLoad,  // since 5.16: with the first successful DM_TABLE_LOAD
};

// What a table line's device path that leads to no block device yields.
enum class DmBadPath {
  kNoDevice,      // until 6.5: every failure is ENODEV, after name_to_dev_t
  kLookupsErrno,  // since 6.6: the path lookup's own errno (ENOENT, ENOTBLK)
};

// Which names DM_DEV_CREATE and DM_DEV_RENAME refuse, and its words.
enum class DmNameCheck { kSlash, kSlashAndReserved };

// What dm-stats counts of an I/O that is cut between rows or chunks.
enum class DmStatsSplit {
  kNever,  // all of it, as one (until 4.16)
  // What is left begins with each cut, and the part before it ends, so that
  // areas behind a cut stay in flight (until 5.17).
  kAtTheEnd,
  kEach,  // each part (since 5.18)
};

// With what dm-stats compares where an I/O begins, to call it merged.
enum class DmStatsMerged {
  // With whether there was one before: a parenthesis too far to the right (to
  // 6.19; stable series have the fix of 7.0).
  kWhetherThereWasOne,
  kEndOfLast,
};

// The order of DM_LIST_DEVICES.
enum class DmListOrder {
  kHashBuckets,  // 64 buckets of the name hash, newest first in a bucket
  kByName,       // red-black tree
};

// bdi->ra_pages of a queue that gets its limits.
enum class ReadAheadRule {
  kFixed,         // before 5.10: 128 KiB
  kTwiceOptimal,  // 5.10: twice io_opt, at least 128 KiB
  kNeverLess,     // 6.12: and at least what it was
  // 6.17: and of a rotational disk without io_opt, twice max_sectors; sizes of
  // 2 GiB and more do not overflow any more.
  kAsksRotation,
};

// How a stacked queue's max_sectors comes about.
enum class MaxSectorsRule {
  kStacked,  // min of the legs', as stacked
  // Since 6.11 blk_validate_limits() computes it anew: io_opt or io_min when
  // they exceed the default, else the default.
  kValidated,
};

// What flakey does while it is down, and its words.
enum class FlakeyRules {
  kFailsUnlessTold,  // all I/O fails unless features say otherwise
  kToldToFail,       // since 6.5: error_reads and error_writes are features
  // since 6.16: and random_write_corrupt excludes two others, and
  // corrupt_bio_byte wants all its four words counted
  kChecksRandomWrites,
};

// "Trying to write to read-only block-device dm-0", when a bio is submitted.
enum class BioRoLine {
  kPartno,  // 5.10: "dm-0 (partno 0)"
  kEach,    // 6.1
  kOnce,    // since 6.7: once a device
};

// What a direct read or write asks of the memory of its parts.
enum class DioMemory {
  kInBlocks,  // to 5.19: they begin and end in logical blocks
  // Since 6.0: they begin as the queue's dma_alignment says, and are whole
  // logical blocks long.
  kDmaInBlocks,
  // 6.18: all together are whole blocks long, and who makes requests of a bio
  // looks at the rest; a driver of bios does not.
  kByRequests,
};

// What a file system asks before it offers DAX.
enum class DaxMountCheck {
  kVfsProbe,          // 4.14: __bdev_dax_supported(): one page at the start
  kBdevDaxSupported,  // to 5.16: dax_supported() over the whole device
  kFsDaxGetByBdev,    // since 5.17
};

// When xfs warns that DAX is experimental.
enum class XfsDaxExperimental {
  kWhenAsked,    // before its checks
  kWhenGranted,  // 6.1
  kNever,        // since 6.6
};

// xfs mounted with dax=always that has the reflink feature.
enum class XfsDaxReflink {
  kUntested,       // 4.14: a word of warning
  kRefused,        // to 5.19: EINVAL
  kNotPartitions,  // since 6.0: EINVAL on a partition only
};

struct KernelProfile {
  std::string name;  // "v6_1"
  KernelRelease release;
  // The sources and recordings it follows, stable backports included: 6.1.192.
  std::string stands_for;
  std::string recorded;     // what a real kernel answered; "": nothing
  std::string from_source;  // what is only read from source

  // The page-fault half, as mm/, iomap/ and fs/ take it.
  FaultProfile fault;

  // --- device-mapper core ---
  uint32_t dm_ioctl_version[3];
  std::string dm_ioctl_version_date;  // "2022-07-28"
  // The highest command of the control node: DM_DEV_ARM_POLL, and since 5.4
  // DM_GET_TARGET_VERSION.
  uint32_t dm_last_ioctl;
  // " (-EINVAL)" after a target's reason in the log (since 5.18).
  bool dm_target_error_has_errno;
  // "too large device" for a row that ends above 2^54-1 (not in 4.14).
  bool dm_checks_too_large_device;
  DmAddDisk dm_add_disk;
  // A request-based table is taken if one of its devices has a request queue
  // (to 5.11); since then all must have one.
  bool dm_one_request_queue_will_do;
  // A first table whose queue limits do not fit leaves the device its type, and
  // without a queue in sysfs for good (to 5.14).
  bool dm_sets_type_before_queue;
  DmBadPath dm_bad_path;
  // "major:minor" is read before the path is looked up, and out-of-range
  // numbers are EOVERFLOW (not in 4.14: ENODEV).
  bool dm_devnum_comes_first;
  DmNameCheck dm_name_check;
  // Says "Invalid ioctl structure" when two ways to name a device are given.
  bool dm_logs_bad_selection;
  DmListOrder dm_list_order;
  DmStatsSplit dm_stats_split;
  DmStatsMerged dm_stats_merged;
  // dm-stats has regions of at most 8388608 areas, and a region's histograms at
  // most 134217728 entries: EOVERFLOW (since 6.8).
  bool dm_stats_limits_entries;
  // A message to a device that has no live table is answered 2, with nothing
  // copied back, instead of EINVAL (6.16, 6.18).
  bool dm_message_passes_without_table;
  // DM_LIST_DEVICES entries have a flags word and, if asked for, the uuid.
  bool dm_list_has_uuid;
  // DM_TABLE_LOAD checks alignment, overlap and bounds of each row.
  bool dm_checks_target_specs;
  // A device in its own table: EINVAL at load (since 6.6).
  bool dm_refuses_itself;
  // What the load of such a table does when it is not refused: the check for
  // DAX recurses until the kernel's stack is gone (5.10).
  bool dm_dax_check_recurses;
  // A table with a WILDCARD target (error) is never DAX (since 6.7).
  bool dm_wildcard_is_never_dax;
  // Measures for IMA: status has a third text (interface 4.45, since 5.15).
  // To kernels before, its flag is one of the bits that mean nothing.
  bool dm_has_ima;
  SscanfOverflow sscanf_overflow;

  // --- DAX ---
  DmDaxAlignment dm_dax_alignment;
  DmDaxCheck dm_dax_check;
  // dax_direct_access(nr < 0) returns nr itself instead of -EINVAL.
  bool dax_returns_negative_nr;
  // The errno for a poisoned page: EIO, or EHWPOISON since 6.5.
  int dax_poison_errno;
  // pmem offers DAX only where struct pages exist (queue flag; not in 4.14).
  bool pmem_dax_needs_pages;
  DaxMountCheck dax_mount_check;
  // dax=always|inode|never, and the inode flag (since 5.8); before: `dax`.
  bool has_dax_modes;
  // A wrong value is refused by the mount API ("ext4: Bad value for 'dax'",
  // since 5.17), not by ext4's own parser.
  bool ext4_has_mount_api;
  // The mount API reads resuid= and resgid= by way of a number, and says twice
  // that they are none (since 6.11).
  bool fs_says_bad_ids_twice;
  // ext4 mounts blocks larger than a page (7.2).
  bool ext4_has_large_blocks;
  // Options of xfs that came later: for zoned devices and atomic writes (6.16),
  // and for errors that debugging kernels make (7.2).
  bool xfs_has_zoned_options;
  bool xfs_has_errortag;
  // xfs has no attr2 and noattr2 any more; they are ignored (since 6.18).
  bool xfs_attr2_is_dead;
  // Until then it refuses the two together (since 5.15).
  bool xfs_takes_one_attr2;
  // xfs opens its log and realtime device in the name of the super block, as
  // the mounted one is, which may then be both (since 6.6).
  bool xfs_super_holds_devices;
  // ext4 and xfs say "DAX enabled. Warning: EXPERIMENTAL, ...".
  bool ext4_says_experimental;
  XfsDaxExperimental xfs_says_experimental;
  XfsDaxReflink xfs_dax_reflink;
  // xfs mounts blocks larger than a page (since 6.12).
  bool xfs_has_large_blocks;
  // fs_dax_get_by_bdev wants start and size in whole pages (since 5.16).
  bool fs_dax_checks_partition;
  // dm's max_io_len() takes the queue's max_sectors into account.
  bool dm_max_io_len_has_max_sectors;

  // --- targets ---
  // What crypt logs begins with "trusted_key: ", which a header that the file
  // includes makes of pr_fmt.
  bool crypt_logs_as_trusted_key;
  // delay has a third class of its own, flushes (not in 4.14).
  bool delay_has_flush_class;
  FlakeyRules flakey_rules;
  // Bio-based multipath keeps handlers that its paths have (before 7.2).
  bool multipath_bio_retains_handler;
  // A discard of a thin device spans at most 1024 blocks (since 6.3; before:
  // 16 GiB).
  bool thin_discards_1024_blocks;
  // verity is built with forward error correction (not in Debian's 5.10).
  bool verity_has_fec;
  // The space map of a data device keeps index entries until a commit (since
  // 5.13; before: each change is written at once).
  bool sm_disk_caches_index;
  // cache and clone compare the row with their devices (before 7.2; then the
  // table does, for all targets).
  bool cache_checks_device_size;
  // era passes on why a device can not be opened (7.2; before: EINVAL).
  bool era_keeps_errno;
  // writecache's `metadata_only`, and the ten counters of its status (5.15).
  bool writecache_has_metadata_only;
  bool writecache_has_counters;

  // --- block layer ---
  // BLKROSET sets what set_disk_ro() sets, so that a driver takes it back (to
  // 5.10); since 5.11 the device has a flag of its own.
  bool blk_ro_set_is_disks;
  BioRoLine bio_ro_line;
  // "dd: attempt to access beyond end of device\nsda: rw=2048, sector=8,
  // nr_sectors = 1 limit=8" (since 5.17); before: without the process, and with
  // "want=9".
  bool bio_eod_names_process;
  // A device of size 0 is not checked, and its driver fails with a line of its
  // own (to 5.10).
  bool bio_eod_spares_empty;
  DioMemory dio_memory;
  // A direct read of few pages is REQ_SYNC (since 5.18).
  bool dio_reads_are_sync;
  // Of a disk that a driver makes because it is opened it is said that this
  // will not go on (since 5.18).
  bool blk_autoload_is_deprecated;
  // brd, the RAM disks, frees pages that are discarded.
  bool brd_frees_discarded;
  // What is before the first boundary of 2 MiB in a namespace is padded, and
  // need not be mapped with struct pages (until 5.2).
  bool nd_pfn_pads_start;
  ReadAheadRule read_ahead;
  uint32_t blk_def_max_sectors;  // BLK_DEF_MAX_SECTORS(_CAP)
  MaxSectorsRule max_sectors_rule;
  // A request has no more data than one segment of integrity metadata covers
  // (7.2).
  bool blk_integrity_limits_io;
  // striped reports its chunk as chunk_sectors (since 6.12).
  bool stripe_sets_chunk_sectors;
  // striped takes a discard of whole chunks on all legs at once (since 7.2).
  bool stripe_scales_discards;

  // The errno as the log shows it: " (-EINVAL)" or nothing.
  std::string ErrnoSuffix(int err) const;
};

// The profile called `name`: "v6_1", "6.1", or a release such as
// "6.1.0-56-amd64" whose first two numbers have a profile.  NotFound names the
// profiles there are.  What people say ("rhel9") is base/kernel_alias.h's.
absl::StatusOr<const KernelProfile*> FindKernelProfile(absl::string_view name);

// The default, v6_1.
const KernelProfile& DefaultKernelProfile();

// All of them: those of x86-64, oldest first, then arm64's.
absl::Span<const KernelProfile> AllKernelProfiles();

}  // namespace dmdax

#endif  // DMDAX_BASE_KERNEL_PROFILE_H_
