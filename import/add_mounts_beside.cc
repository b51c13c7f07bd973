// SPDX-License-Identifier: Apache-2.0
//
// AddMountsBeside: what is mounted in a mount of the World, and where else its
// device is mounted.  Nobody unmounts the one, or makes its device anew, before
// those have gone.
#include <map>
#include <string>

#include "import/build_world.h"
#include "import/mount_table.h"

namespace dmdax {

void AddMountsBeside(const MountTable& table, const Facts& facts,
                     proto::World* world) {
  // By path, whether persistent memory is below.
  std::map<std::string, bool> own;
  for (const proto::Mount& mount : world->mount()) {
    own[mount.path()] = MayHavePmem(facts, *world, mount.device());
  }
  // In / is all that is mounted, and nobody unmounts it.
  const auto is_in_one = [&](std::string path) {
    for (size_t end = path.rfind('/'); end != path.npos && end != 0;
         end = path.rfind('/')) {
      path.resize(end);
      const auto at = own.find(path);
      if (at != own.end() && at->second) return true;
    }
    return false;
  };
  for (const auto& [path, m] : table.seen()) {
    if (own.contains(path)) continue;
    std::string device;
    if (MountTable::HasDevice(*m) && table.OtherMountOf(*m) != nullptr) {
      device = table.DeviceOf(*m);
      if (!MayHavePmem(facts, *world, device)) device.clear();
    }
    if (device.empty() && !is_in_one(path)) continue;
    proto::MountBeside* beside = world->add_mount_beside();
    beside->set_path(path);
    beside->set_device(device);
    beside->set_root(table.RootOf(*m));
    beside->set_source(m->source);
    beside->set_type(m->type);
    beside->set_options(m->options);
  }
}

}  // namespace dmdax
