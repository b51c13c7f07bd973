// SPDX-License-Identifier: Apache-2.0
//
// A file system that is made anew: the commands that unmount, make and mount
// it, with all that its mount options need of mkfs, and what is to be known
// then.
//
// The system runs from /: it is made anew in a rescue system, in which nothing
// of the machine is mounted and its / comes to lie at /mnt.
// Threading: pure functions.
#ifndef DMDAX_TOOLS_CHECK_FS_ANEW_H_
#define DMDAX_TOOLS_CHECK_FS_ANEW_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "block/block_device.h"
#include "state/session.h"
#include "state/world.pb.h"
#include "tools/check/cure.h"
#include "tools/check/whole_files.h"

namespace dmdax {

inline constexpr char kInRescue[] =
    "type this in a rescue system, where nothing of this machine is mounted "
    "and its / will be /mnt";

enum class TypedIn { kSystem, kRescue };

// Where the file system of a mount is made anew.
inline TypedIn TypedFor(const std::string& mount) {
  return mount == "/" ? TypedIn::kRescue : TypedIn::kSystem;
}

// A path of the machine as it is there: "/mnt/srv/f".
std::string TypedPath(TypedIn in, const std::string& path);

// "mkfs.ext4 ...", of the type that the mount has, over whatever is on its
// device, with the UUID and label that IdentityStep() has read.  An external
// journal or log is made anew with it.  `bytes`: how large the device will be;
// nothing: as large as it is.
std::string MkfsLine(const Session& session, const proto::Mount& mount,
                     const BlockDevice& bdev,
                     std::optional<uint64_t> bytes = std::nullopt);

// It is unmounted, made with the UUID and label that it has, and mounted.
std::vector<CureStep> FsAnewSteps(const Session& session,
                                  const proto::Mount& mount,
                                  const BlockDevice& bdev,
                                  std::optional<uint64_t> bytes = std::nullopt);

// What a file system that is made anew in place of the mounted one has not, or
// "": its quota's limits, the room that shared blocks had saved.
std::string WhatFsLoses(const proto::Mount& mount,
                        const WholeFiles::OfMount& files);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_CHECK_FS_ANEW_H_
