// SPDX-License-Identifier: Apache-2.0
//
// What of the tree changes with the machine: only that which belongs to devices
// and nodes that the machine has noted, for there may be 100,000 others.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "base/units.h"
#include "dm/mapped_device.h"
#include "server/protocol.h"
#include "server/scratch_tree.h"

namespace dmdax {
namespace {

// Partitions say what their disk says.
void AddPartitions(const Machine& machine, std::set<DevT>* devices) {
  std::set<DevT> partitions;
  for (DevT dev : *devices) {
    const BlockDevice* const bdev = machine.FindBdev(dev);
    if (bdev == nullptr || bdev->is_partition()) continue;
    for (const BlockDevice* part : machine.LoadedPartitions(*bdev)) {
      partitions.insert(part->dev());
    }
  }
  devices->merge(partitions);
}

// "/dev/mapper/vg-home", if the device is mapped and has that node.
std::string NodeOfMapped(const Session& session, DevT dev) {
  if (dev.major_nr != session.ctl->major()) return "";
  const auto md = session.ctl->FindMinor(dev.minor_nr);
  if (md == nullptr) return "";
  const std::string path = absl::StrCat("/dev/mapper/", md->dm_name());
  return session.machine->LoadedNode(path) == dev ? path : "";
}

// The directories of disks, each "sys/devices/virtual/block/dm-0".
std::set<std::string> DirectoriesOf(const std::vector<DiskFacts>& disks) {
  std::set<std::string> all;
  for (const DiskFacts& f : disks) all.insert(DirectoryOf(f));
  return all;
}

}  // namespace

absl::Status ScratchTree::Sync(const Session& session) {
  std::optional<ChangedDevices::Taken> changed =
      session.machine->changed().Take(ChangedDevices::Reader::kTree);
  if (!changed || !is_filled_) {
    // Another machine than the last time, or what could not be written then.
    changed.emplace();
    for (const BlockDevice* bdev : session.machine->BlockDevices()) {
      changed->devices.insert(bdev->dev());
    }
    for (const auto& [dev, facts] : devices_) changed->devices.insert(dev);
    for (const auto& [path, dev] : session.machine->Nodes()) {
      changed->nodes.insert(path);
    }
    for (const auto& [path, dev] : nodes_) changed->nodes.insert(path);
  }
  AddPartitions(*session.machine, &changed->devices);
  absl::Status s = SyncProc(session);
  if (s.ok()) s = SyncDisks(session, changed->devices);
  if (s.ok()) s = SyncNodes(session, changed->nodes);
  is_filled_ = s.ok();
  // Nobody knows how far it came: the next time all of it is written anew.
  if (!is_filled_) Forget();
  return s;
}

void ScratchTree::Forget() {
  devices_.clear();
  holders_.clear();
  partitions_.clear();
  partitions_file_ = Fd();
  nodes_.clear();
  paths_of_.clear();
}

// What does not change but with the machine.
absl::Status ScratchTree::SyncProc(const Session& session) {
  std::string release = OsRelease(session);
  if (is_filled_ && dm_major_ == session.ctl->major() && release == release_) {
    return absl::OkStatus();
  }
  dm_major_ = session.ctl->major();
  release_ = std::move(release);
  for (const TreeEntry& e : ProcEntries(session)) {
    if (absl::Status s = Put(e); !s.ok()) return s;
  }
  return absl::OkStatus();
}

absl::Status ScratchTree::SyncDisks(const Session& session,
                                    const std::set<DevT>& devices) {
  std::vector<DiskFacts> gone, fresh;
  for (DevT dev : devices) {
    std::optional<DiskFacts> now = FactsOf(session, dev);
    const auto it = devices_.find(dev);
    if (it != devices_.end()) {
      if (now && *now == it->second) continue;
      gone.push_back(std::move(it->second));
      devices_.erase(it);
    }
    if (!now) continue;
    fresh.push_back(*now);
    devices_.emplace(dev, *std::move(now));
  }
  const auto may_be_pmem = [](const DiskFacts& f) {
    return f.whole.empty() && !f.mapped && !f.loop;
  };
  if (!is_filled_ || std::any_of(gone.begin(), gone.end(), may_be_pmem) ||
      std::any_of(fresh.begin(), fresh.end(), may_be_pmem)) {
    if (absl::Status s = Put(IomemEntry(session)); !s.ok()) return s;
  }
  if (gone.empty() && fresh.empty()) return SyncPartitions({}, {});
  const Links added = MoveLinks(session, gone, fresh);
  absl::Status s = Replace(gone, fresh);
  if (s.ok()) s = PutLinks(session, gone, fresh, added);
  return s.ok() ? SyncPartitions(gone, fresh) : s;
}

// The links to the holders of a disk that go, go before its directory does.
// Returns those that come.
ScratchTree::Links ScratchTree::MoveLinks(const Session& session,
                                          const std::vector<DiskFacts>& gone,
                                          const std::vector<DiskFacts>& fresh) {
  const std::set<std::string> stay = DirectoriesOf(fresh);
  for (const DiskFacts& f : gone) {
    const auto held = holders_.find(f.name);
    if (held == holders_.end() || stay.contains(DirectoryOf(f))) continue;
    for (const std::string& by : held->second) Remove({HolderEntry(f, by)});
  }
  Links removed, added;
  for (const DiskFacts& f : gone) {
    for (const std::string& below : f.slaves) {
      const auto held = holders_.find(below);
      held->second.erase(f.name);
      if (held->second.empty()) holders_.erase(held);
      removed.insert({below, f.name});
    }
  }
  for (const DiskFacts& f : fresh) {
    for (const std::string& below : f.slaves) {
      holders_[below].insert(f.name);
      if (removed.erase({below, f.name}) == 0) added.insert({below, f.name});
    }
  }
  for (const auto& [below, by] : removed) {
    const DiskFacts* const f = FindFacts(session, below);
    if (f != nullptr) Remove({HolderEntry(*f, by)});
  }
  return added;
}

absl::Status ScratchTree::PutLinks(const Session& session,
                                   const std::vector<DiskFacts>& gone,
                                   const std::vector<DiskFacts>& fresh,
                                   const Links& added) {
  for (const auto& [below, by] : added) {
    const DiskFacts* const f = FindFacts(session, below);
    if (f == nullptr) continue;
    if (absl::Status s = Put(HolderEntry(*f, by)); !s.ok()) return s;
  }
  const std::set<std::string> stayed = DirectoriesOf(gone);
  for (const DiskFacts& f : fresh) {
    const auto held = holders_.find(f.name);
    if (held == holders_.end() || stayed.contains(DirectoryOf(f))) continue;
    for (const std::string& by : held->second) {
      if (absl::Status s = Put(HolderEntry(f, by)); !s.ok()) return s;
    }
  }
  return absl::OkStatus();
}

// A number may have another name now, and a name another number: what any of
// the fresh ones has stays, and is overwritten.
absl::Status ScratchTree::Replace(const std::vector<DiskFacts>& gone,
                                  const std::vector<DiskFacts>& fresh) {
  std::vector<std::vector<TreeEntry>> entries;
  std::set<std::string> stays;
  for (const DiskFacts& f : fresh) {
    entries.push_back(EntriesOf(f));
    for (const TreeEntry& e : entries.back()) stays.insert(e.path);
  }
  std::map<DevT, std::map<std::string, std::string>> was;
  for (const DiskFacts& f : gone) {
    std::vector<TreeEntry> before = EntriesOf(f);
    for (const TreeEntry& e : before) was[f.dev][e.path] = e.text;
    std::erase_if(before,
                  [&](const TreeEntry& e) { return stays.contains(e.path); });
    Remove(before);
  }
  for (size_t i = 0; i < fresh.size(); ++i) {
    const auto& texts = was[fresh[i].dev];
    for (const TreeEntry& e : entries[i]) {
      const auto w = texts.find(e.path);
      if (w != texts.end() && w->second == e.text) continue;
      if (absl::Status s = Put(e); !s.ok()) return s;
    }
  }
  return absl::OkStatus();
}

// How many bytes of /proc/partitions are the lines of these, if they are the
// last ones; else 0.
size_t ScratchTree::LastLines(const std::map<DevT, std::string>& lines) const {
  size_t bytes = 0;
  auto last = partitions_.rbegin();
  for (auto it = lines.rbegin(); it != lines.rend(); ++it, ++last) {
    if (last == partitions_.rend() || last->first != it->first) return 0;
    bytes += last->second.size();
  }
  return bytes;
}

// /proc/partitions has a line for each device.  One that comes last, as new
// ones do, is written behind the others, and cut off when it goes.
absl::Status ScratchTree::SyncPartitions(const std::vector<DiskFacts>& gone,
                                         const std::vector<DiskFacts>& fresh) {
  std::map<DevT, std::string> lines;
  for (const DiskFacts& f : gone) lines[f.dev] = "";
  for (const DiskFacts& f : fresh) lines[f.dev] = PartitionsLine(f);
  std::erase_if(lines, [&](const auto& line) {
    const auto it = partitions_.find(line.first);
    return line.second == (it == partitions_.end() ? "" : it->second);
  });
  const size_t cut = LastLines(lines);
  bool behind = partitions_file_.ok();
  std::string more;
  for (auto& [dev, line] : lines) {
    const auto it = partitions_.find(dev);
    behind = behind && it == partitions_.end() &&
             (partitions_.empty() || partitions_.rbegin()->first < dev);
    more += line;
    partitions_.erase(dev);
    if (!line.empty()) partitions_.emplace(dev, std::move(line));
  }
  if (behind && more.empty()) return absl::OkStatus();
  if (more.empty() && partitions_file_.ok() && cut > 0 &&
      ftruncate(partitions_file_.get(),
                static_cast<off_t>(partitions_size_ - cut)) == 0) {
    partitions_size_ -= cut;
    return absl::OkStatus();
  }
  // A reader has whole lines: what lies in one page comes at once.
  const size_t end = partitions_size_ + more.size();
  if (behind && partitions_size_ / kPageSize == (end - 1) / kPageSize &&
      write(partitions_file_.get(), more.data(), more.size()) ==
          static_cast<ssize_t>(more.size())) {
    partitions_size_ = end;
    return absl::OkStatus();
  }
  return WritePartitions();
}

absl::Status ScratchTree::WritePartitions() {
  std::string text = kPartitionsHead;
  for (const auto& [dev, line] : partitions_) text += line;
  const std::string path = Full("proc/partitions"), made = top_ + "/text.new";
  unlink(made.c_str());
  Fd file(open(made.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC,
               0444));
  if (!file.ok() ||
      write(file.get(), text.data(), text.size()) !=
          static_cast<ssize_t>(text.size()) ||
      rename(made.c_str(), path.c_str()) != 0) {
    return ErrnoError(
        errno, absl::StrCat("cannot write '", path, "': ", ErrnoText(errno)));
  }
  partitions_size_ = text.size();
  partitions_file_ = std::move(file);
  return absl::OkStatus();
}

const DiskFacts* ScratchTree::FindFacts(const Session& session,
                                        const std::string& name) const {
  const BlockDevice* const bdev = session.machine->FindBdevByName(name);
  if (bdev == nullptr) return nullptr;
  const auto it = devices_.find(bdev->dev());
  return it == devices_.end() ? nullptr : &it->second;
}

// As a client makes one: the text leads into the tree.
absl::Status ScratchTree::PutLink(const std::string& path,
                                  const std::string& to) {
  const size_t slash = path.rfind('/');
  absl::Status s = MakeDirs(Full(path.substr(1, slash - 1)));
  return s.ok() ? Put({path.substr(1), TreeEntry::kLink, tree_ + to}) : s;
}

absl::Status ScratchTree::SyncNodes(const Session& session,
                                    const std::set<std::string>& paths) {
  std::vector<std::pair<std::string, DevT>> come;
  for (const std::string& path : paths) {
    const std::optional<DevT> now = session.machine->LoadedNode(path);
    const auto it = nodes_.find(path);
    if (it != nodes_.end()) {
      const DevT before = it->second;
      if (now == before) continue;
      if (!now && NodeAt(path) == before) unlink(Full(path.substr(1)).c_str());
      nodes_.erase(it);
      paths_of_[before].erase(path);
      if (paths_of_[before].empty()) paths_of_.erase(before);
    }
    if (!now) continue;
    nodes_[path] = *now;
    paths_of_[*now].insert(path);
    if (absl::StartsWith(path, "/dev/")) come.emplace_back(path, *now);
  }
  for (const auto& [path, dev] : come) {
    // A client's link leads there already.
    if (NodeAt(path) == dev) continue;
    const std::string mapper = NodeOfMapped(session, dev);
    // What LVM2 finds in /dev/VG it takes for its own only if it is a link, as
    // udev and it make them; a state knows names and numbers alone.  All others
    // are nodes, which a device keeps when it gets another name.
    const bool is_of_lvm = !mapper.empty() &&
                           !absl::StartsWith(path, "/dev/mapper/") &&
                           path.find('/', sizeof("/dev/") - 1) != path.npos;
    absl::Status s = is_of_lvm
                         ? PutLink(path, mapper)
                         : MakeNode(path.substr(1), DMDAX_KIND_BLOCK, dev);
    if (!s.ok()) return s;
  }
  return absl::OkStatus();
}

const std::set<std::string>& ScratchTree::NodesOf(DevT dev) const {
  static const auto* const kNone = new std::set<std::string>;
  const auto it = paths_of_.find(dev);
  return it == paths_of_.end() ? *kNone : it->second;
}

}  // namespace dmdax
