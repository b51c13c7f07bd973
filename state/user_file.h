// SPDX-License-Identifier: Apache-2.0
//
// A file of a World as FileOptions, and back.
//
//   absl::StatusOr<FileOptions> f = FileFromProto(world.mount(0).file(0));
#ifndef DMDAX_STATE_USER_FILE_H_
#define DMDAX_STATE_USER_FILE_H_

#include "absl/status/statusor.h"
#include "process/mount_point.h"
#include "state/world.pb.h"

namespace dmdax {

// EINVAL, as FieldError(): the imported text or dump can not be read, or
// extents are given in more than one way.
absl::StatusOr<FileOptions> FileFromProto(const proto::File& in);

// The file as it is now, with what a snapshot keeps of it.
void FileToProto(const MountedFile& file, proto::File* out);

// S_DAX and the DAX entries.
void RestoreRuntime(const proto::FileRuntime& in, MountedFile& file);

}  // namespace dmdax

#endif  // DMDAX_STATE_USER_FILE_H_
