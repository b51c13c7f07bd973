// SPDX-License-Identifier: Apache-2.0
//
// Command lines that cures and advice have in common, for a shell.
//
// A line names what a real machine calls a thing.  The numbers of mapped
// devices (dm-0) and of disks (259:0) are none: they change with every start,
// and those of an emulated machine are nobody's.
// Threading: pure functions.
#ifndef DMDAX_TOOLS_CHECK_CURE_LINES_H_
#define DMDAX_TOOLS_CHECK_CURE_LINES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "block/block_device.h"
#include "state/session.h"
#include "state/world.pb.h"
#include "tools/check/cure.h"
#include "tools/check/stands_on.h"

namespace dmdax {

// "/dev/pmem0", "/dev/mapper/vg-home"; no shell word yet.
std::string DevicePath(const Session& session, const BlockDevice& bdev);

// "pmem0", or a word of a shell that gives "dm-0" when it is run: what the
// kernel calls the device in /sys/block and /proc/fs/ext4.
std::string KernelNameWord(const Session& session, const BlockDevice& bdev);
std::string KernelNameWord(const std::string& mapped_name);

// The namespace of a pmem disk or a device-dax, as a word of a shell that finds
// it: neither is numbered as its namespace is.
std::string NamespaceWord(const std::string& disk);

// Lets a request of so many KiB through a mapped device's queue: now, and by a
// rule of udev's whenever it is made again, if a rule can name it.
std::vector<CureStep> MaxSectorsSteps(const std::string& mapped_name,
                                      uint64_t kib);

// Of / it is a step without a command: nobody can unmount what the system runs
// from, and a rescue system has it not mounted.
CureStep UnmountStep(const std::string& at);

// A mapped device's name, as the kernel has it, as arguments of dmsetup: one
// that begins with a dash is no option, and one that dmsetup would have given
// in another form is told to be left as it is.
std::string DmNameWord(const std::string& name);

// dmsetup's command for rows that are a line each.  One with more rows has
// them from a pipe: --table takes a single row, and `concise` needs a number.
// `uuid`: "" for none.
enum class DmAccess { kReadWrite, kReadOnly };
std::string DmsetupCreateLine(const std::string& name, const std::string& rows,
                              DmAccess access = DmAccess::kReadWrite,
                              const std::string& uuid = "");

// What puts other rows in place of those that a mapped device has.
std::string DmsetupReloadLine(const std::string& name, const std::string& rows);

// The least file system that mkfs.xfs makes, in bytes, and how it is told to
// align a larger one: aligned groups of a quarter of little have no room for a
// log of 64 MiB, and it gives up.
inline constexpr uint64_t kLeastXfsBytes = uint64_t{300} << 20;
std::string XfsAlignWords(uint64_t bytes);

// A file system for pages of 2 MiB over whatever is there; type "ext4", "xfs"
// or "ext2"; `more`: options besides, " -l logdev=/dev/pmem1".
// An xfs has reflink, or has it not, or as mkfs.xfs will.
enum class XfsReflink { kNo, kYes, kByMkfs };
std::string AlignedMkfsLine(absl::string_view type, const std::string& path,
                            uint64_t bytes, absl::string_view more = "",
                            XfsReflink reflink = XfsReflink::kNo);

// "echo 'start=2MiB, size=100MiB'", for sfdisk.
std::string PartitionPlace(uint64_t start, uint64_t sectors);

// Moves a partition to sectors [start, start + sectors), which are whole KiB.
// It keeps its number, type and name, and nothing is written if it is refused.
std::string MovePartitionLine(const std::string& disk, uint64_t number,
                              uint64_t start, uint64_t sectors);

// A disk's partitions as they are in `cured`, or else in the machine's World.
std::vector<proto::Block> PartitionsOf(const StandsOn& stands_on,
                                       const proto::World& cured,
                                       const std::string& disk);

// "/dev/pmem0p2 : start=2051MiB, size=100MiB", and what makes a disk's table of
// such entries.
std::string PartitionEntry(const proto::Block& part);
std::string MakePartitionsLine(const std::string& disk,
                               const std::vector<std::string>& entries);

// Whether a file becomes as long as what is allocated for it.
enum class FileLength { kGrows, kKept };

// Whether a file of which not all could be allocated is left there, or goes, so
// that it is in nobody's way the next time.
enum class FileFailure { kLeave, kRemove };

// What allocates `bytes` of a file of ext4 in places that are aligned, where
// the stripe of the file system is 2 MiB; `disk` as KernelNameWord() has it.
// ext4 aligns pieces of just its stripe and lets the rest of a longer one lie
// anywhere, and it does so only in groups that it knows since it was mounted,
// which are all of them when mb_groups was read.
// Mirrors: ext4_mb_normalize_request, ext4_mb_scan_aligned of
// fs/ext4/mballoc.c (6.1).
std::vector<std::string> Ext4AllocateLines(const std::string& disk,
                                           const std::string& file,
                                           uint64_t bytes, FileLength length,
                                           FileFailure failure);

// What gives a file of xfs without extents its blocks, at multiples of 2 MiB of
// a file system that was made for it.  The hint comes first: with blocks a file
// takes none.
std::vector<std::string> XfsAllocateLines(const std::string& path,
                                          uint64_t size, FileFailure failure);

// A line that takes the file away if its command fails.
std::string OrRemove(const std::string& command, const std::string& path);

// What makes the mapped device as the World has it, by LVM2's commands where it
// is LVM2's, and removes the one there is.
std::vector<CureStep> VolumeSteps(const Session& session,
                                  const proto::MappedDevice& device);

// What the look at a group's extents is about, which a volume with chunks
// needs.
std::string ChunkLook(const std::string& vg);
// The other way round; "": the look is about something else.
std::string GroupOfChunkLook(absl::string_view about);

// The table's rows with devices by their paths, as "0 8 linear /dev/pmem0 0".
std::string StableTable(const Session& session, proto::MappedDevice device);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_CHECK_CURE_LINES_H_
