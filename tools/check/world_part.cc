// SPDX-License-Identifier: Apache-2.0
#include "tools/check/world_part.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "process/mount_point.h"
#include "state/find_device.h"
#include "state/target_spec.h"
#include "tools/check/dax_depth.h"

namespace dmdax {
namespace {

template <typename Messages>
absl::flat_hash_map<std::string, int> IndexByName(const Messages& messages) {
  absl::flat_hash_map<std::string, int> index;
  for (int i = 0; i < messages.size(); ++i) {
    index.try_emplace(messages.Get(i).name(), i);
  }
  return index;
}

}  // namespace

// What is in one part, by its place in the World, whose order a part keeps.
class WorldParts::Picker {
 public:
  explicit Picker(const WorldParts& all) : all_(all) {}

  void Add(const Subject& subject) {
    if (subject.kind == Subject::kDevDax) return AddDevDax(subject.name);
    if (subject.kind == Subject::kFile) return AddPath(subject.name);
    AddDevice(subject.bdev);
    auto at = all_.mount_paths_.find(subject.mount);
    if (at != all_.mount_paths_.end()) mounts_.try_emplace(at->second);
  }

  // The processes of all that was added, and what they use.
  void AddProcesses() {
    const int nr_mounts = all_.world_.mount_size();
    std::set<int> firsts;
    for (const auto& [mount, files] : mounts_) {
      firsts.insert(all_.tied_[static_cast<size_t>(mount)]);
    }
    for (int dax : daxes_) {
      firsts.insert(all_.tied_[static_cast<size_t>(nr_mounts + dax)]);
    }
    // All that they use is tied to the same.
    for (int first : firsts) {
      const auto tied = all_.processes_.find(first);
      if (tied == all_.processes_.end()) continue;
      processes_.insert(tied->second.begin(), tied->second.end());
    }
    for (int process : processes_) {
      for (const proto::Vma& vma : all_.world_.process(process).vma()) {
        AddPath(vma.file());
      }
    }
  }

  // Whether nothing less than the whole World will do.
  bool whole() const { return whole_; }

  proto::World Make() const {
    const proto::World& world = all_.world_;
    const Machine& machine = *all_.session_.machine;
    proto::World part;
    part.set_kernel(world.kernel());
    part.set_dm_major(world.dm_major());
    *part.mutable_key() = world.key();
    for (int i : processes_) *part.add_process() = world.process(i);
    for (int i : pmems_) {
      proto::Pmem& pmem = *part.add_pmem() = world.pmem(i);
      pmem.set_dev(machine.FindBdevByName(pmem.name())->dev().ToString());
    }
    for (int i : blocks_) {
      proto::Block& block = *part.add_block() = world.block(i);
      block.set_dev(machine.FindBdevByName(block.name())->dev().ToString());
    }
    for (const auto& [i, minor] : mapped_) {
      proto::MappedDevice& device = *part.add_mapped_device() =
          world.mapped_device(i);
      device.set_minor(minor);
    }
    for (int i : nodes_) *part.add_node() = world.node(i);
    for (const auto& [i, files] : mounts_) {
      proto::Mount& mount = *part.add_mount() =
          all_.mounts_[static_cast<size_t>(i)].bare;
      for (int file : files) *mount.add_file() = world.mount(i).file(file);
    }
    for (int i : daxes_) *part.add_dax() = world.dax(i);
    return part;
  }

 private:
  // "/mnt/f", "/dev/dax0.0", or "" for anonymous memory.
  void AddPath(absl::string_view path) {
    if (absl::ConsumePrefix(&path, "/dev/")) return AddDevDax(path);
    absl::StatusOr<MountedFile*> file =
        all_.session_.user->FindFile(std::string(path));
    if (!file.ok()) return AddRefused(path);
    const std::string& name = (*file)->options.name;
    path.remove_suffix(name.size() + 1);
    if (path.empty()) path = "/";
    auto at = all_.mount_paths_.find(path);
    if (at == all_.mount_paths_.end()) return;
    const MountEntry& entry = all_.mounts_[static_cast<size_t>(at->second)];
    const auto [files, fresh] = mounts_.try_emplace(at->second);
    const auto add_file = [&](const std::string& of) {
      auto it = entry.files.find(of);
      if (it != entry.files.end()) files->second.insert(it->second);
    };
    add_file(name);
    if (!fresh) return;
    for (const auto& [end, last] : entry.last) add_file(last);
    absl::StatusOr<MountPoint*> mount =
        all_.session_.user->FindMount(std::string(path));
    if (mount.ok()) AddDevice(&(*mount)->bdev());
  }

  // A file of a mount that the session's kernel refused.
  void AddRefused(absl::string_view path) {
    for (absl::string_view above : PathsAbove(path)) {
      const auto at = all_.mount_paths_.find(above);
      if (at == all_.mount_paths_.end()) continue;
      const int index = at->second;
      absl::string_view name = path;
      absl::ConsumePrefix(&name, PathBelow(above, ""));
      const MountEntry& entry = all_.mounts_[static_cast<size_t>(index)];
      const auto file = entry.files.find(name);
      if (file == entry.files.end()) continue;
      mounts_[index].insert(file->second);
      absl::StatusOr<BlockDevice*> bdev =
          FindDevice(all_.session_, all_.world_.mount(index).device());
      if (bdev.ok()) AddDevice(*bdev);
      return;
    }
  }

  void AddDevDax(absl::string_view name) {
    auto at = all_.daxes_.find(name);
    if (at == all_.daxes_.end() || !daxes_.insert(at->second).second) return;
    const proto::DevDax& dax = all_.world_.dax(at->second);
    AddPmem(dax.pmem());
    for (const proto::DevDax::Range& range : dax.range()) {
      for (const PmemDevice* pmem :
           all_.session_.machine->PmemsIn(range.start(), range.size())) {
        AddPmem(pmem->options().name);
      }
    }
  }

  void AddPmem(const std::string& name) {
    if (!name.empty()) {
      AddDevice(all_.session_.machine->FindBdevByName(name));
    }
  }

  // With all that is below it.
  void AddDevice(BlockDevice* bdev) {
    std::vector<BlockDevice*> left = {bdev};
    while (!left.empty()) {
      BlockDevice* at = left.back();
      left.pop_back();
      if (at == nullptr || !seen_.insert(at).second) continue;
      AddEntry(*at);
      for (BlockDevice* below : DevicesBelow(all_.session_, *at)) {
        left.push_back(below);
      }
    }
  }

  void AddEntry(const BlockDevice& bdev) {
    if (auto nodes = all_.nodes_.find(bdev.dev()); nodes != all_.nodes_.end()) {
      nodes_.insert(nodes->second.begin(), nodes->second.end());
    }
    const std::string name = NameOfDevice(all_.session_, bdev);
    if (bdev.dev().major_nr == all_.session_.ctl->major()) {
      auto at = all_.mapped_.find(name);
      if (at == all_.mapped_.end()) return;
      mapped_[at->second] = bdev.dev().minor_nr;
      whole_ |= all_.know_others_.contains(at->second);
    } else if (auto pmem = all_.pmems_.find(name); pmem != all_.pmems_.end()) {
      pmems_.insert(pmem->second);
    } else if (auto block = all_.blocks_.find(name);
               block != all_.blocks_.end()) {
      blocks_.insert(block->second);
    }
  }

  const WorldParts& all_;
  bool whole_ = false;
  std::set<const BlockDevice*> seen_;
  std::set<int> pmems_, blocks_, nodes_, daxes_, processes_;
  std::map<int, uint32_t> mapped_;       // and their minors
  std::map<int, std::set<int>> mounts_;  // and their files
};

WorldParts::WorldParts(const proto::World& world, const Session& session)
    : world_(world),
      session_(session),
      pmems_(IndexByName(world.pmem())),
      blocks_(IndexByName(world.block())),
      mapped_(IndexByName(world.mapped_device())),
      daxes_(IndexByName(world.dax())) {
  const KernelProfile& profile = session.machine->profile();
  for (int i = 0; i < world.mapped_device_size(); ++i) {
    const proto::MappedDevice& device = world.mapped_device(i);
    if (KnowsOthers(device.table(), profile) ||
        KnowsOthers(device.inactive_table(), profile)) {
      know_others_.insert(i);
    }
  }
  for (int i = 0; i < world.node_size(); ++i) {
    if (std::optional<DevT> dev = ScanMajorMinor(world.node(i).dev())) {
      nodes_[*dev].push_back(i);
    }
  }
  for (int i = 0; i < world.mount_size(); ++i) AddMount(i);
  JoinWhatProcessesUse();
}

std::optional<int> WorldParts::TiedBy(absl::string_view path) const {
  if (absl::ConsumePrefix(&path, "/dev/")) {
    const auto dax = daxes_.find(path);
    if (dax == daxes_.end()) return std::nullopt;
    return world_.mount_size() + dax->second;
  }
  for (absl::string_view above : PathsAbove(path)) {
    const auto mount = mount_paths_.find(above);
    if (mount != mount_paths_.end()) return mount->second;
  }
  return std::nullopt;
}

void WorldParts::JoinWhatProcessesUse() {
  tied_.resize(static_cast<size_t>(world_.mount_size() + world_.dax_size()));
  std::iota(tied_.begin(), tied_.end(), 0);
  const auto first_of = [&](int i) {
    size_t at = static_cast<size_t>(i);
    while (tied_[at] != static_cast<int>(at)) {
      tied_[at] = tied_[static_cast<size_t>(tied_[at])];
      at = static_cast<size_t>(tied_[at]);
    }
    return static_cast<int>(at);
  };
  std::vector<std::optional<int>> used(
      static_cast<size_t>(world_.process_size()));
  for (int i = 0; i < world_.process_size(); ++i) {
    std::optional<int>& one = used[static_cast<size_t>(i)];
    for (const proto::Vma& vma : world_.process(i).vma()) {
      const std::optional<int> tied = TiedBy(vma.file());
      if (!tied) continue;
      if (!one) one = tied;
      const int a = first_of(*one), b = first_of(*tied);
      tied_[static_cast<size_t>(std::max(a, b))] = std::min(a, b);
    }
  }
  for (size_t i = 0; i < tied_.size(); ++i) {
    tied_[i] = first_of(static_cast<int>(i));
  }
  for (int i = 0; i < world_.process_size(); ++i) {
    const std::optional<int>& one = used[static_cast<size_t>(i)];
    if (one) processes_[tied_[static_cast<size_t>(*one)]].push_back(i);
  }
}

void WorldParts::AddMount(int index) {
  const proto::Mount& mount = world_.mount(index);
  MountEntry& entry = mounts_.emplace_back();
  entry.bare = mount;
  entry.bare.clear_file();
  entry.files = IndexByName(mount.file());
  const std::string path = MountPath(mount.path());
  entry.bare.set_path(path);
  mount_paths_.try_emplace(path, index);
  absl::StatusOr<MountPoint*> at = session_.user->FindMount(path);
  if (!at.ok()) return;
  for (const auto& [name, file] : (*at)->files()) {
    std::pair<uint64_t, std::string> last(0, name);
    for (const FileExtent& e : file->options.extents) {
      last.first = std::max(last.first, e.physical + e.length);
    }
    if (last > entry.last[0]) std::swap(last, entry.last[0]);
    if (last > entry.last[1]) std::swap(last, entry.last[1]);
  }
}

proto::World WorldParts::Of(absl::Span<const Subject* const> subjects) const {
  Picker picker(*this);
  for (const Subject* subject : subjects) picker.Add(*subject);
  picker.AddProcesses();
  return picker.whole() ? world_ : picker.Make();
}

uint64_t WorldParts::UsedEnd(const Subject& subject) const {
  auto at = mount_paths_.find(subject.mount);
  if (at == mount_paths_.end()) return 0;
  for (const auto& [end, name] :
       mounts_[static_cast<size_t>(at->second)].last) {
    if (PathBelow(subject.mount, name) != subject.name) return end;
  }
  return 0;
}

}  // namespace dmdax
