// SPDX-License-Identifier: Apache-2.0
#include "tools/world_file.h"

#include "formats/world_format.h"
#include "formats/world_load.h"
#include "tools/app.h"

namespace dmdax {

absl::StatusOr<Session> SessionFromWorldFile(const std::string& path,
                                             const std::string& kernel) {
  absl::StatusOr<std::string> bytes = ReadInput(path);
  if (!bytes.ok()) return bytes.status();
  absl::StatusOr<ParsedWorld> parsed =
      ParseWorld(*std::move(bytes), path == "-" ? "<stdin>" : path);
  if (!parsed.ok()) return parsed.status();
  if (!kernel.empty()) parsed->world.set_kernel(kernel);
  return LoadWorld(parsed->world, parsed->source);
}

}  // namespace dmdax
