// SPDX-License-Identifier: Apache-2.0
//
// AddMountsBeside: what is mounted in a mount of the World, and where else its
// device is mounted.  Nobody unmounts the one, or makes its device anew, before
// those have gone.  And what a mount of the World does not show: the rest of a
// file system, and what lies under it; and who uses its files without a mount
// in it: an overlay of its directories, swap or a loop device in a file.
#include <map>
#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "base/utf8.h"
#include "fs/mount_words.h"
#include "import/build_world.h"
#include "import/mount_table.h"

namespace dmdax {
namespace {

proto::MountBeside* AddBeside(const MountTable& table, const MountFact& m,
                              const std::string& device, proto::World* world) {
  proto::MountBeside* beside = world->add_mount_beside();
  beside->set_path(m.path);
  beside->set_device(device);
  beside->set_root(table.RootOf(m));
  beside->set_source(m.source);
  beside->set_type(m.type);
  beside->set_options(m.options);
  return beside;
}

// Those that another mount of their path lies over, once for each device.
void AddHidden(const MountTable& table, const Facts& facts,
               const MountFact& seen, proto::World* world) {
  std::set<std::string> known = {table.DeviceOf(seen), ""};
  for (const MountFact* m : table.AllAt(seen.path)) {
    if (!MountTable::HasDevice(*m)) continue;
    const std::string device = table.DeviceOf(*m);
    if (!known.insert(device).second || !MayHavePmem(facts, *world, device)) {
      continue;
    }
    AddBeside(table, *m, device, world)->set_hidden(true);
  }
}

}  // namespace

void AddMountsBeside(const MountTable& table, const Facts& facts,
                     proto::World* world) {
  // By path, whether persistent memory is below.
  std::map<std::string, bool> own;
  std::map<std::string, std::string> devices;
  for (const proto::Mount& mount : world->mount()) {
    own[mount.path()] = MayHavePmem(facts, *world, mount.device());
    devices[mount.path()] = mount.device();
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
  const auto is_of_one = [&](const MountFact& m) {
    if (m.type != "overlay") return false;
    for (const char* key : {"lowerdir", "upperdir", "workdir"}) {
      const auto directories = MountValue(m.options, key);
      if (!directories) continue;
      for (absl::string_view one : absl::StrSplit(*directories, ':')) {
        // A mount itself may be one of them.
        if (is_in_one(absl::StrCat(one, "/"))) return true;
      }
    }
    return false;
  };
  for (const auto& [path, m] : table.seen()) {
    AddHidden(table, facts, *m, world);
    if (const auto at = own.find(path); at != own.end()) {
      const std::string root = table.RootOf(*m);
      if (at->second && !root.empty() && root != "/") {
        AddBeside(table, *m, devices[path], world);
      }
      continue;
    }
    std::string device;
    if (MountTable::HasDevice(*m) && table.OtherMountOf(*m) != nullptr) {
      device = table.DeviceOf(*m);
      if (!MayHavePmem(facts, *world, device)) device.clear();
    }
    if (device.empty() && !is_in_one(path) && !is_of_one(*m)) continue;
    AddBeside(table, *m, device, world);
  }
  for (const std::string& path : facts.swap_files) {
    if (!IsUtf8(path) || !is_in_one(path)) continue;
    proto::MountBeside* beside = world->add_mount_beside();
    beside->set_path(path);
    beside->set_type("swap");
  }
  for (const LoopFact& loop : facts.loops) {
    if (!IsUtf8(loop.file) || !IsUtf8(loop.device) || !is_in_one(loop.file)) {
      continue;
    }
    proto::MountBeside* beside = world->add_mount_beside();
    beside->set_path(loop.file);
    beside->set_source(loop.device);
    beside->set_type("loop");
  }
}

}  // namespace dmdax
