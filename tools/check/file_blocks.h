// SPDX-License-Identifier: Apache-2.0
//
// The blocks that a file of a World has.
//
// A session knows them, but not those on a mount that its kernel refuses: of
// these the World says it alone.
//
// Threading: pure function.
#ifndef DMDAX_TOOLS_CHECK_FILE_BLOCKS_H_
#define DMDAX_TOOLS_CHECK_FILE_BLOCKS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "iomap/file_extents.h"
#include "state/session.h"
#include "state/world.pb.h"

namespace dmdax {

struct FileBlocks {
  uint64_t size = 0;                // bytes
  std::vector<FileExtent> extents;  // in order
};

// `path` is the file's whole path, `in` what the World has of it.  Nothing:
// that makes no sense.
std::optional<FileBlocks> BlocksOfFile(const Session& session,
                                       const std::string& path,
                                       const proto::File& in);

}  // namespace dmdax

#endif  // DMDAX_TOOLS_CHECK_FILE_BLOCKS_H_
