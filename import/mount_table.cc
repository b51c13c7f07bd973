// SPDX-License-Identifier: Apache-2.0
#include "import/mount_table.h"

#include <algorithm>
#include <tuple>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "fs/dax_words.h"
#include "fs/file_system_type.h"
#include "import/build_world.h"

namespace dmdax {
namespace {

// Not where one is a type that we know nothing of; ext4 mounts ext2, too.
bool SameDriver(absl::string_view a, absl::string_view b) {
  const auto known = [](absl::string_view type) {
    return FindFileSystemType(type).ok();
  };
  const bool ext = absl::StartsWith(a, "ext") && absl::StartsWith(b, "ext");
  return a == b || ext || !known(a) || !known(b);
}

// Those that decide about DAX.
std::string DaxWords(absl::string_view options) {
  return MountWordsOf(options, {MountWordKind::kDax, MountWordKind::kData});
}

}  // namespace

MountTable::MountTable(const Facts& facts) : facts_(facts) {
  for (const MountFact& m : facts_.mounts) at_path_[m.path].push_back(&m);
  seen_ = LastAtEachPath();
  ChooseAmongSeveral();
}

absl::Status MountTable::CheckInputs() const {
  for (const auto& [path, mounts] : at_path_) {
    if (absl::Status s = CheckPath(mounts); !s.ok()) return s;
  }
  return absl::OkStatus();
}

const MountFact* MountTable::OtherMountOf(const MountFact& mount) const {
  const auto other = other_.find(&mount);
  return other == other_.end() ? nullptr : other->second;
}

std::optional<std::string> Below(absl::string_view path,
                                 absl::string_view mount) {
  if (mount == "/") mount = "";
  if (!absl::ConsumePrefix(&path, mount) || !absl::ConsumePrefix(&path, "/")) {
    return std::nullopt;
  }
  return std::string(path);
}

// Whether both can mean one mount.
bool MountTable::Agree(const MountFact& a, const MountFact& b) const {
  // lsblk, which knows no options, has the type that is on the disk: ntfs,
  // where the kernel's is fuseblk.
  if (!a.options.empty() && !b.options.empty() &&
      (a.type != b.type || DaxWords(a.options) != DaxWords(b.options))) {
    return false;
  }
  if (!SameDriver(a.type, b.type)) return false;
  const std::string device = DeviceOf(a);
  const std::string other = DeviceOf(b);
  return device.empty() || other.empty() || device == other;
}

std::string MountTable::DeviceOf(const MountFact& m) const {
  const std::string device = CanonicalDevice(facts_, m.source);
  if (!device.empty() || !m.dev || !HasDevice(m)) return device;
  return CanonicalDevice(facts_, m.dev->ToString());
}

const MountFact* MountTable::OwnerOf(absl::string_view path) const {
  const MountFact* owner = nullptr;
  for (const auto& [at, m] : seen_) {
    if (Below(path, at) &&
        (owner == nullptr || at.size() >= owner->path.size())) {
      owner = m;
    }
  }
  return owner;
}

std::string MountTable::RootOf(const MountFact& mount) const {
  if (!mount.root.empty()) return mount.root;
  for (const MountFact* m : AllAt(mount.path)) {
    if (!m->root.empty() && Agree(*m, mount)) return m->root;
  }
  return "";
}

std::optional<std::string> MountTable::Within(const MountFact& mount,
                                              const MountFact& other) const {
  if (&mount == &other) return "";
  const std::string root = RootOf(mount), above = RootOf(other);
  if (root.empty() || above.empty()) return std::nullopt;
  if (root == above) return "";
  const std::optional<std::string> below = Below(root, above);
  if (!below) return std::nullopt;
  return absl::StrCat("/", *below);
}

std::string MountTable::PathInWorld(const std::string& path) const {
  const MountFact* const owner = OwnerOf(path);
  const MountFact* const other =
      owner == nullptr ? nullptr : OtherMountOf(*owner);
  if (other == nullptr) return path;
  const std::optional<std::string> name = Below(path, owner->path);
  const std::optional<std::string> within = Within(*owner, *other);
  if (!name || !within) return path;
  return absl::StrCat(other->path == "/" ? "" : other->path, *within, "/",
                      *name);
}

void MountTable::ChooseAmongSeveral() {
  std::map<const MountFact*, size_t> files;
  for (const FileFact& file : facts_.files) ++files[OwnerOf(file.path)];
  std::map<std::string, std::vector<const MountFact*>> by_device;
  for (const auto& [path, m] : seen_) {
    const std::string device = DeviceOf(*m);
    if (!device.empty()) by_device[device].push_back(m);
  }
  for (auto& [device, mounts] : by_device) {
    if (mounts.size() < 2) continue;
    // A bind mount comes after what it is of.
    const auto is_earlier = [this](const MountFact* a, const MountFact* b) {
      return a->options.empty() != b->options.empty() ? b->options.empty()
                                                      : a < b;
    };
    std::sort(mounts.begin(), mounts.end(), is_earlier);
    std::vector<std::pair<const MountFact*, size_t>> with_files;
    for (const MountFact* m : mounts) {
      const auto of = files.find(m);
      if (of != files.end()) with_files.emplace_back(m, of->second);
    }
    const auto worth = [&](const MountFact* m) {
      size_t reached = 0, own = 0;
      for (const auto& [from, of] : with_files) {
        if (from == m) own = of;
        if (Within(*from, *m)) reached += of;
      }
      const std::string root = RootOf(*m);
      // Nobody unmounts "/", whatever else the file system is mounted on.
      const int rank = root == "/" || m->path == "/" ? 2 : root.empty() ? 1 : 0;
      return std::make_tuple(reached, rank, own);
    };
    const MountFact* best =
        *std::max_element(mounts.begin(), mounts.end(),
                          [&](const MountFact* a, const MountFact* b) {
                            return worth(a) < worth(b);
                          });
    for (const MountFact* m : mounts) {
      if (m != best) other_[m] = best;
    }
  }
}

std::string MountTable::WithOptions(const MountFact& m) {
  const std::string known = DaxWords(m.options);
  return absl::StrCat(m.type, " of ", Quoted(m.source),
                      known.empty() ? "" : " with ", known);
}

bool MountTable::HasDevice(const MountFact& m) {
  return absl::StartsWith(m.source, "/dev/");
}

// All that inputs say of one path.  The last mount of one input, which is
// the one to be seen, must be among those of every other.
absl::Status MountTable::CheckPath(
    const std::vector<const MountFact*>& mounts) const {
  std::vector<std::vector<const MountFact*>> inputs;  // as they were read
  for (const MountFact* m : mounts) {
    if (!HasDevice(*m)) continue;
    if (inputs.empty() || inputs.back()[0]->place.input != m->place.input) {
      inputs.emplace_back();
    }
    inputs.back().push_back(m);
  }
  for (size_t i = 0; i < inputs.size() * inputs.size(); ++i) {
    const auto& own = inputs[inputs.size() - 1 - i / inputs.size()];
    const auto& other = inputs[i % inputs.size()];
    const MountFact &seen = *own.back(), &there = *other.back();
    if (std::any_of(other.begin(), other.end(),
                    [&](const MountFact* m) { return Agree(seen, *m); })) {
      continue;
    }
    return seen.place.Error(
        absl::StrCat(Quoted(seen.path), " is ", WithOptions(seen), "; ",
                     there.place.ToString(), " says ", WithOptions(there)));
  }
  return absl::OkStatus();
}

// Later mounts hide earlier ones.  lsblk knows no options, so anybody else
// knows more.
std::map<std::string, const MountFact*> MountTable::LastAtEachPath() const {
  std::map<std::string, const MountFact*> last;
  for (const MountFact& m : facts_.mounts) {
    const MountFact*& at = last[m.path];
    if (at == nullptr || at->options.empty() || !m.options.empty()) at = &m;
  }
  return last;
}

}  // namespace dmdax
