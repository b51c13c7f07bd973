// SPDX-License-Identifier: Apache-2.0
#include "tests/conformance/fsdax_case.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/errno_status.h"
#include "fs/file_system_type.h"
#include "mm/filemap.h"
#include "tests/conformance/fed_blocks.h"
#include "tests/conformance/guest_nature.h"
#include "tests/conformance/recorded/dax_flags.h"
#include "tests/conformance/recorded/file_change.h"
#include "tests/conformance/recorded/inode_events.h"
#include "tests/conformance/recorded/other_process.h"
#include "tests/conformance/recorded/recipe.h"

namespace dmdax::conformance {
namespace {

// One file of the case.
struct CaseFile {
  CaseFile(const FaultProfile& profile, MemMap& mem) : inode(profile, mem) {
    inode.allocator = &allocator;
  }
  DaxInode inode;
  FedBlocks allocator;
};

class FsdaxCase {
 public:
  FsdaxCase(const Json& test, const Json& result, const FaultProfile& profile,
            const SuperBlock& sb, const CaseDevices& devices, Verdict& verdict)
      : test_(test),
        result_(result),
        profile_(profile),
        sb_(sb),
        devices_(devices),
        verdict_(verdict),
        mem_(profile),
        ranges_(PmemRanges(result["pmem"])),
        dax_flagged_(DaxFlagged(test.value("ops", Json::array()),
                                result.value("ops", Json::array()))) {
    for (const PmemRange& range : ranges_) {
      if (!range.pages) continue;
      mem_.AddPagemap({.start = PhysPfn(range.base),
                       .nr = range.size >> kPageShift,
                       .type = MemoryType::kFsDax});
    }
  }

  void Run() {
    // Debian mounts ext2 with the ext4 driver (CONFIG_EXT4_USE_FOR_EXT2).
    const std::string name = test_["fs"];
    absl::StatusOr<std::unique_ptr<FileSystem>> fs =
        MakeFileSystem(name == "ext2" ? "ext4" : name, profile_);
    if (!fs.ok()) {
      verdict_.unsupported = std::string(fs.status().message());
      return;
    }
    fs_ = *std::move(fs);
    const Json mount = result_.value("mount", Json::object());
    options_ = absl::StrCat(mount.value("proc_mounts", ""), ",", Features());
    fs_->TakeOptions(options_);
    fs_->set_journal_io(devices_.journal_io);
    fs_->set_super_io(devices_.super_io);
    fs_->set_zeroout(devices_.zeroout);
    devices_.set_freeze([this] { return -fs_->Freeze(); });
    // A file may be changed through the blocks that it shares before it is
    // mapped itself.
    for (const auto& [file, extents] : result_["fiemap"].items()) {
      if (extents.is_array() && !IsDirectory(file)) FileOf(file);
    }
    const Json& maps = result_["maps"];
    for (size_t i = 0; i < maps.size(); ++i) {
      if (!maps[i].contains("steps")) continue;
      RunMap(absl::StrCat("map ", i), test_["maps"][i], maps[i]);
    }
  }

  ~FsdaxCase() { devices_.set_freeze(nullptr); }

  // Those that mkfs was told of: "encrypt,^64bit".
  std::string Features() const {
    std::string features = test_["fs"] == "ext2" ? "^has_journal" : "";
    const Json words = test_.value("mkfs", Json());
    for (size_t i = 1; words.is_array() && i < words.size(); ++i) {
      if (words[i - 1] == "-O") {
        absl::StrAppend(&features, ",", words[i].get<std::string>());
      }
    }
    return features;
  }

 private:
  // The file to look at for what is recorded of `name`: a clone is recorded
  // only if it has an operation of its own.
  std::string SourceOf(const std::string& name) const {
    if (result_["fiemap"].contains(name)) return name;
    for (const Json& op : test_.value("ops", Json::array())) {
      if (op[0] == "clone" && op[2] == name) return op[1];
    }
    return name;
  }

  bool FlagWasChanged(const std::string& name) const {
    const Json ops = test_.value("ops", Json::array());
    for (size_t i = 0; i < ops.size(); ++i) {
      if (ops[i].size() < 2 || ops[i][1] != name) continue;
      if (ChangesDaxFlag(ops, result_["ops"], i)) return true;
    }
    return false;
  }

  bool IsDirectory(const std::string& name) const {
    if (name == ".") return true;
    for (const Json& op : test_.value("ops", Json::array())) {
      if (op[0] == "mkdir" && op[1] == name) return true;
    }
    return false;
  }

  // The recording's FIEMAP looks every hole up.
  void LookHolesUp(DaxInode& inode) const {
    constexpr uint64_t kEnd = uint64_t{1} << 62;
    inode.known_holes.Forget(0, kEnd);
    if (inode.has_extents || !profile_.ext4_remembers_indirect_holes) return;
    for (uint64_t pos = 0; pos < kEnd;) {
      const FileExtent part = inode.extents.Find(pos);
      if (part.type == IOMAP_HOLE) {
        inode.known_holes.Remember(pos, part.end());
      }
      pos = part.end();
    }
  }

  // The file as the case's recipe left it.
  CaseFile& FileOf(const std::string& name) {
    auto it = files_.find(name);
    if (it != files_.end()) return *it->second;
    auto file = std::make_unique<CaseFile>(profile_, mem_);
    DaxInode& inode = file->inode;
    inode.s_dev = devices_.dev_t(test_["dev"]);
    inode.dax_part_off = sb_.dax_part_off;
    inode.dax_dev = devices_.dax_device(test_["dev"]);
    inode.ra_pages = devices_.ra_pages(test_["dev"]);
    inode.has_extents = test_["fs"] != "ext2" && !MadeWithout("^extent");
    inode.datasync_dirty = true;
    const std::string known = SourceOf(name);
    const Json none = Json::object();
    const Json& stat = result_.value("statx", none).value(known, none);
    const bool s_dax = stat.value("dax", false);
    // When a flag that was changed begins to count is when the inode leaves
    // memory, which the guest decides.
    inode.s_dax = sb_.ShouldEnableDax(
        FlagWasChanged(known) ? s_dax : dax_flagged_.contains(known));
    verdict_.Compare(name, "S_DAX", s_dax, inode.s_dax);
    RunRecipe(name, inode, file->allocator);
    inode.i_size = stat.value("size", uint64_t{0});
    for (const Json& e : result_["fiemap"].value(known, Json::array())) {
      // Of a clone those blocks are known that both still have.
      if (known != name && !Fiemap(e).shared) continue;
      inode.extents.Insert(Fiemap(e));
    }
    // The recording's FIEMAP closes it.
    fs_->Release(inode, OpenedFor::kReading);
    LookHolesUp(inode);
    fs_->AddInode(inode);
    return *(files_[name] = std::move(file));
  }

  // Whether the file system was made without a feature: "^extent".
  bool MadeWithout(const std::string& feature) const {
    for (const std::string word : test_.value("mkfs", Json::array())) {
      for (absl::string_view off : absl::StrSplit(word, ',')) {
        if (off == feature) return true;
      }
    }
    return false;
  }

  // Whether some operation before the mappings is about this file.
  bool IsInRecipe(const std::string& name) const {
    for (const Json& op : test_.value("ops", Json::array())) {
      if (std::find(op.begin(), op.end(), name) != op.end()) return true;
    }
    return false;
  }

  bool Succeeded(size_t op) const {
    const Json ops = result_.value("ops", Json::array());
    return op < ops.size() && ops[op].value("errno", Json()).is_null();
  }

  // Whether operation `i` has the inode leave memory.  Of a flag that xfs
  // refused nothing but the kernel tells: before 5.11, which renamed a hook of
  // mappings too, the inode stays for some time.
  bool DropsInode(const Json& ops, size_t i) const {
    const bool at_once = profile_.vm_ops_split_hook == "may_split";
    return at_once && test_["fs"] == "xfs"
               ? AsksForDaxFlag(ops, result_["ops"], i)
               : ChangesDaxFlag(ops, result_["ops"], i);
  }

  // What the recipe says beyond extents and size: cached pages, hints.
  void RunRecipe(const std::string& name, DaxInode& inode,
                 FedBlocks& allocator) {
    const Json ops = test_.value("ops", Json::array());
    const bool left_memory =
        inode.s_dax == sb_.ShouldEnableDax(dax_flagged_.contains(name));
    Recipe recipe(profile_, std::string(fs_->type().name), options_, inode);
    const uint64_t inherited = InheritedExtsize(test_.value("mkfs", Json()));
    if (inherited > 0) {
      allocator.set_extsize(inherited);
      inode.extsize = inherited;
    }
    for (size_t i = 0; i < ops.size(); ++i) {
      const Json& op = ops[i];
      if (op.size() < 2) continue;
      // An inode whose flag changes is not kept when it is closed, nor is what
      // was cached of it.
      if (sb_.dax == DaxMode::kInode && left_memory && op[1] == name &&
          DropsInode(ops, i)) {
        inode.mapping.RemovePages(0, 0);
        inode.mapping.dirty.clear();
      }
      if (!Succeeded(i)) continue;
      if (op[0] == "clone" && (op[1] == name || op[2] == name)) {
        inode.reflinked = true;
      }
      if (op[1] != name) continue;
      if (op[0] == "extsize") {
        allocator.set_extsize(op[2]);
        inode.extsize = op[2];
      }
      recipe.Apply(op);
    }
    recipe.Finish();
    if (!inode.s_dax) inode.mapping.a_ops = fs_.get();
  }

  int FileOp(File& file, const std::string& op, uint64_t offset,
             uint64_t length) {
    if (op == "trunc") return -fs_->Ftruncate(file, offset);
    if (op == "fsync") {
      return -file.sync->FsyncRange(0, (uint64_t{1} << 63) - 1, false);
    }
    const std::optional<int> mode = FallocateMode(op);
    return mode ? -fs_->Fallocate(file, *mode, offset, length) : -1;
  }

  // What the recording shows of the blocks of a mapped file.
  RecordedBlocks BlocksOf(const std::string& name, const Json& map,
                          const Json& recorded) const {
    const Json& touches = map["touch"];
    RecordedBlocks blocks{.steps = &recorded["steps"],
                          .changes = ChangesOfSteps(touches, recorded)};
    blocks.zeroout = devices_.zeroout;
    if (test_["fs"] == "xfs") {
      blocks.zero_frees = ZeroRangeFrees::kYes;
    } else {
      blocks.keeps = FallocateKeeps::kWhatItGot;
    }
    if (profile_.trace_iomap_iter && !TraceIsLost(recorded["steps"])) {
      blocks.shows = ShowsAllocations::kYes;
    }
    // It is recorded if it is not what it was before the first mapping.
    if (recorded.contains("fiemap_after")) {
      blocks.after = &recorded["fiemap_after"];
    } else if (!RemovesFile(touches) && result_["fiemap"].contains(name)) {
      blocks.after = &result_["fiemap"][name];
    }
    return blocks;
  }

  void RunMap(const std::string& where, const Json& map, const Json& recorded) {
    const std::string name = map["file"];
    if (result_["fiemap"].value(name, Json()).is_string() ||
        !IsInRecipe(name) || removed_.contains(name)) {
      // The recipe could not make it, or does not, or it is no more.
      verdict_.Compare(where, "open errno", recorded["steps"][0]["errno"],
                       "ENOENT");
      return;
    }
    const Json& steps = recorded["steps"];
    const bool writable = map.value("open", "rw") == "rw";
    const OpenedFor opened =
        writable ? OpenedFor::kWriting : OpenedFor::kReading;
    const int open_errno = -fs_->OpenErrno(opened);
    if (open_errno != 0 ||
        (!steps.empty() && steps[0].value("op", "") == "open")) {
      verdict_.Compare(where, "open errno",
                       steps.empty() ? Json() : steps[0]["errno"],
                       open_errno == 0 ? Json() : Json(ErrnoName(open_errno)));
      return;
    }
    CaseFile& file = FileOf(name);
    file.allocator.Record(BlocksOf(name, map, recorded));
    FaultMap process(profile_, mem_, ranges_, verdict_);
    process.compare_events = test_["kind"] != "trace";
    if (process.compare_events && TraceIsLost(steps)) {
      verdict_.GuestNature(where, "its trace was lost", "events");
      process.compare_events = false;
    }
    process.TakeThpSteps(test_);
    file.inode.recorder = &process.recorder();
    if (!steps.empty()) {
      TakeFromEvents(file.inode, steps[0]);
      file.allocator.Take(0, file.inode);
      const std::shared_ptr<File> descriptor =
          fs_->Open(file.inode, name, writable);
      if (process.Mmap(where, map, steps[0], descriptor)) {
        RunTouches(where, map, recorded, file, *descriptor, process);
        process.CompareSmaps(where, map, steps);
        if (verdict_.unsupported.empty()) {
          process.CompareGraphs(where, recorded);
        }
      }
      fs_->Release(file.inode, opened);
      fs_->Release(file.inode, OpenedFor::kReading);
    }
    LookHolesUp(file.inode);
    file.inode.recorder = nullptr;
  }

  // kjournald2 commits once in five seconds.  Where it could not write, the
  // file system has found out by the time that EROFS is said to a program that
  // has asked for no commit before.
  void TakeCommit(const std::string& where, const Json& step, DaxInode& inode) {
    const bool asks = step["op"] == "fsync" || step["op"] == "msync";
    if (!asks || step.value("errno", Json()) != "EROFS" || fs_->aborted()) {
      return;
    }
    fs_->Commit(inode, FileJournal::Syncs::kAll);
    if (!fs_->aborted()) return;
    (void)fs_->BeginChange();
    verdict_.GuestNature(where, "when a kernel thread gets to run",
                         "the journal was given up before");
  }

  void RunTouches(const std::string& where, const Json& map,
                  const Json& recorded, CaseFile& file, File& descriptor,
                  FaultMap& process) {
    const Json& steps = recorded["steps"];
    OtherProcess other(*fs_, file.inode, recorded, verdict_);
    for (size_t i = 1; i < steps.size(); ++i) {
      if (i - 1 >= map["touch"].size()) break;
      const std::string touch = map["touch"][i - 1];
      file.allocator.Take(i, file.inode);
      const std::string what = absl::StrCat(where, " ", touch);
      if (absl::StrContains(touch, "/mnt/f") && steps[i].value("rc", 1) == 0) {
        if (touch == "sh:rm /mnt/f") {
          removed_.insert(map["file"]);
        } else {
          removed_.erase(map["file"]);  // there is another of the name
        }
      }
      if (absl::StartsWith(touch, "sh:") &&
          other.Run(what, touch.substr(3), steps[i])) {
        continue;
      }
      TakeFromEvents(file.inode, steps[i]);
      TakeCommit(what, steps[i], file.inode);
      process.Touch(
          what, touch, steps[i], map.value("inspect", 1) != 0,
          [&](const std::string& op, uint64_t offset, uint64_t length) {
            return FileOp(descriptor, op, offset, length);
          },
          devices_);
      if (!devices_.suspended()) fs_->Thaw();
      if (!verdict_.unsupported.empty()) return;
    }
  }

  const Json& test_;
  const Json& result_;
  const FaultProfile& profile_;
  const SuperBlock& sb_;
  const CaseDevices& devices_;
  Verdict& verdict_;
  MemMap mem_;
  const std::vector<PmemRange> ranges_;
  const std::set<std::string> dax_flagged_;  // names of files
  std::unique_ptr<FileSystem> fs_;
  std::string options_;            // of the mount, as in /proc/mounts
  std::set<std::string> removed_;  // names of files that a shell step unlinked
  std::map<std::string, std::unique_ptr<CaseFile>> files_;
};

}  // namespace

Verdict CompareFsdaxCase(const Json& test, const Json& result,
                         const FaultProfile& profile, const SuperBlock& sb,
                         const CaseDevices& devices) {
  Verdict verdict;
  // A case may be about its mount alone.
  if (test.value("maps", Json::array()).empty()) return verdict;
  if (!result.contains("maps") || !result.contains("fiemap")) {
    verdict.unsupported = "the recording has no mapping";
    return verdict;
  }
  FsdaxCase run(test, result, profile, sb, devices, verdict);
  run.Run();
  return verdict;
}

}  // namespace dmdax::conformance
