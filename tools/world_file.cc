// SPDX-License-Identifier: Apache-2.0
#include "tools/world_file.h"

#include "formats/proto_text.h"
#include "formats/world_load.h"
#include "tools/app.h"

namespace dmdax {

absl::StatusOr<Session> SessionFromWorldFile(const std::string& path,
                                             const std::string& kernel) {
  absl::StatusOr<std::string> bytes = ReadInput(path);
  if (!bytes.ok()) return bytes.status();
  proto::World world;
  SourceMap map;
  absl::Status s =
      ParseMessage(*bytes, path == "-" ? "<stdin>" : path, &world, &map);
  if (!s.ok()) return s;
  if (!kernel.empty()) world.set_kernel(kernel);
  return LoadWorld(world, map);
}

}  // namespace dmdax
