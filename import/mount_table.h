// SPDX-License-Identifier: Apache-2.0
//
// MountTable: what is mounted where, as the inputs of an import say it: which
// of several mounts is to be seen at a path, and which one a file is on,
// whether the World can have it or not.
//
// Threading: thread-compatible; the facts must outlive it.
#ifndef DMDAX_IMPORT_MOUNT_TABLE_H_
#define DMDAX_IMPORT_MOUNT_TABLE_H_

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "import/facts.h"

namespace dmdax {

class MountTable {
 public:
  explicit MountTable(const Facts& facts);

  // EINVAL: inputs contradict each other.
  absl::Status CheckInputs() const;

  // By path, the mount that is to be seen there.
  const std::map<std::string, const MountFact*>& seen() const { return seen_; }
  // All that are said of a path of seen().
  const std::vector<const MountFact*>& AllAt(const std::string& path) const {
    return at_path_.at(path);
  }
  // The mount of seen() that a path of the machine is below; null: none.
  const MountFact* OwnerOf(absl::string_view path) const;
  // One device may be mounted at several places, of which the World can have
  // one: that which has most of the files, and of those the one with all of the
  // file system, as far as that is known.  Null: it is this one.
  const MountFact* OtherMountOf(const MountFact& mount) const;
  // MountFact::root, whichever input says it; "": none does.
  std::string RootOf(const MountFact& mount) const;
  // What a path is called on the mount that the World has: of /bind/f
  // /srv/sub/f, if /bind is a mount of /sub.
  std::string PathInWorld(const std::string& path) const;
  // "/dev/pmem0"; "" for one that no input describes.
  std::string DeviceOf(const MountFact& mount) const;

  static bool HasDevice(const MountFact& mount);
  // "ext4 of '/dev/sda1' with dax=always".
  static std::string WithOptions(const MountFact& mount);

 private:
  bool Agree(const MountFact& a, const MountFact& b) const;
  absl::Status CheckPath(const std::vector<const MountFact*>& mounts) const;
  std::map<std::string, const MountFact*> LastAtEachPath() const;
  void ChooseAmongSeveral();
  // What is between the roots of two mounts of one device: what is at `path` of
  // the one is there at path + this of the other.  Nothing: it is not there.
  std::optional<std::string> Within(const MountFact& mount,
                                    const MountFact& other) const;

  const Facts& facts_;
  std::map<std::string, std::vector<const MountFact*>> at_path_;
  std::map<std::string, const MountFact*> seen_;
  std::map<const MountFact*, const MountFact*> other_;
};

// "db/data" of "/mnt/db/data" below "/mnt"; nothing: it is not below.
std::optional<std::string> Below(absl::string_view path,
                                 absl::string_view mount);

}  // namespace dmdax

#endif  // DMDAX_IMPORT_MOUNT_TABLE_H_
