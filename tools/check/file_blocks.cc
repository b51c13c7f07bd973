// SPDX-License-Identifier: Apache-2.0
#include "tools/check/file_blocks.h"

#include "absl/status/statusor.h"
#include "process/mount_point.h"
#include "state/user_file.h"

namespace dmdax {

std::optional<FileBlocks> BlocksOfFile(const Session& session,
                                       const std::string& path,
                                       const proto::File& in) {
  const absl::StatusOr<MountedFile*> open = session.user->FindFile(path);
  if (open.ok()) {
    return FileBlocks{(*open)->inode.i_size, (*open)->inode.extents.All()};
  }
  const absl::StatusOr<FileOptions> file = FileFromProto(in);
  if (!file.ok()) return std::nullopt;
  FileExtents extents;
  for (const FileExtent& e : file->extents) extents.Insert(e);
  FileBlocks blocks{file->size, extents.All()};
  if (blocks.size == 0 && !blocks.extents.empty()) {
    blocks.size = blocks.extents.back().end();
  }
  return blocks;
}

}  // namespace dmdax
