// SPDX-License-Identifier: Apache-2.0
#include "tests/conformance/fsdax_case.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "fs/file_system_type.h"
#include "mm/filemap.h"

namespace dmdax::conformance {
namespace {

// One file of the case.
struct CaseFile {
  CaseFile(const FaultProfile& profile, MemMap& mem) : inode(profile, mem) {
    inode.allocator = &allocator;
  }
  DaxInode inode;
  ExtentListAllocator allocator;
};

uint64_t HexAfter(const std::string& event, const std::string& key) {
  const size_t at = event.find(key);
  if (at == std::string::npos) return 0;
  return strtoull(event.c_str() + at + key.size(), nullptr, 16);
}

// "dev 259:3 ino ...".
DevT DevOf(const std::string& event) {
  const size_t at = event.find(" dev ");
  DevT dev{};
  if (at == std::string::npos) {
    sscanf(event.c_str() + event.find("dev "), "dev %u:%u", &dev.major_nr,
           &dev.minor_nr);
  } else {
    sscanf(event.c_str() + at, " dev %u:%u", &dev.major_nr, &dev.minor_nr);
  }
  return dev;
}

// Whether a shell line suspends `dev` with its file system: freezing writes
// everything back.
bool Freezes(const std::string& line, const std::string& dev) {
  const std::string name = dev.substr(dev.rfind('/') + 1);
  const bool suspend =
      absl::StrContains(line, absl::StrCat("suspend ", name)) ||
      (absl::StrContains(line, absl::StrCat("load ", name)) &&
       absl::StrContains(line, absl::StrCat("resume ", name)));
  return suspend && !absl::StrContains(line, "nolockfs");
}

// A FIEMAP extent of the recording.
FileExtent Fiemap(const Json& e) {
  FileExtent extent{.logical = e["logical"],
                    .physical = e["physical"],
                    .length = e["length"],
                    .type = IOMAP_MAPPED};
  for (const Json& flag : e["flags"]) {
    if (flag == "unwritten") extent.type = IOMAP_UNWRITTEN;
    if (flag == "delalloc") extent.type = IOMAP_DELALLOC;
    if (flag == "shared") extent.shared = true;
  }
  return extent;
}

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
        ranges_(PmemRanges(result["pmem"])) {
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
    const Json& maps = result_["maps"];
    for (size_t i = 0; i < maps.size(); ++i) {
      if (!maps[i].contains("steps")) continue;
      RunMap(absl::StrCat("map ", i), test_["maps"][i], maps[i]);
    }
  }

 private:
  // The file as the case's recipe left it.
  CaseFile& FileOf(const std::string& name) {
    auto it = files_.find(name);
    if (it != files_.end()) return *it->second;
    auto file = std::make_unique<CaseFile>(profile_, mem_);
    DaxInode& inode = file->inode;
    inode.s_dev = devices_.dev_t(test_["dev"]);
    inode.dax_dev = devices_.dax_device(test_["dev"]);
    inode.has_extents = test_["fs"] != "ext2";
    inode.datasync_dirty = true;
    const Json none = Json::object();
    const Json& stat = result_.value("statx", none).value(name, none);
    inode.i_size = stat.value("size", uint64_t{0});
    // The inode's own flag is only recorded through what it led to.
    const bool s_dax = stat.value("dax", false);
    inode.s_dax = sb_.ShouldEnableDax(s_dax);
    verdict_.Compare(name, "S_DAX", s_dax, inode.s_dax);
    for (const Json& e : result_["fiemap"].value(name, Json::array())) {
      inode.extents.Insert(Fiemap(e));
    }
    RunRecipe(name, inode, file->allocator);
    return *(files_[name] = std::move(file));
  }

  // What the recipe says beyond extents and size: cached pages, hints.
  void RunRecipe(const std::string& name, DaxInode& inode,
                 ExtentListAllocator& allocator) {
    for (const Json& op : test_.value("ops", Json::array())) {
      if (op.size() < 2 || op[1] != name) continue;
      if (op[0] == "extsize") allocator.set_extsize(op[2]);
      if (op[0] != "write" || inode.s_dax) continue;
      inode.mapping.a_ops = fs_.get();
      const uint64_t end = op[2].get<uint64_t>() + op[3].get<uint64_t>();
      // The probe writes a mebibyte at a time.
      constexpr uint64_t kChunk = 1 << 20;
      for (uint64_t at = op[2]; at < end; at += kChunk) {
        const uint64_t last = std::min(end, at + kChunk) - 1;
        FilemapWrite(profile_, mem_, inode.mapping, at / 4096,
                     last / 4096 - at / 4096 + 1);
      }
    }
  }

  // Blocks that the kernel's file system chose while the map was used: those
  // of a step are the new extents of its events ...
  static void AddNewBlocks(CaseFile& file, const Json& step) {
    for (const Json& event : step.value("events", Json::array())) {
      const std::string text = event;
      if (!absl::StartsWith(text, "iomap_iter_dstmap")) continue;
      if (!absl::StrContains(text, "NEW") &&
          !absl::StrContains(text, "SHARED")) {
        continue;
      }
      const uint64_t addr = HexAfter(text, " addr ");
      const FileExtent have =
          file.inode.extents.Find(HexAfter(text, " offset "));
      // Conversions of unwritten blocks allocate nothing.
      if (have.type == IOMAP_UNWRITTEN && have.physical == addr) continue;
      file.allocator.Add({.logical = HexAfter(text, " offset "),
                          .physical = addr,
                          .length = HexAfter(text, " length ")});
    }
  }

  // ... and what fallocate took is in the FIEMAP after the map.
  static void AddLaterBlocks(CaseFile& file, const Json& recorded) {
    for (const Json& e : recorded.value("fiemap_after", Json::array())) {
      file.allocator.Add(Fiemap(e));
    }
  }

  // Inode number and the log's state are the kernel's own business.
  void TakeFromEvents(DaxInode& inode, const Json& recorded) {
    bool first = true;
    for (const Json& event : recorded.value("events", Json::array())) {
      const std::string text = event;
      if (absl::StrContains(text, " ino ")) {
        inode.i_ino = HexAfter(text, " ino ");
        // A device that the emulator does not have (btt).
        if (inode.dax_dev == nullptr) inode.s_dev = DevOf(text);
      }
      if (!absl::StartsWith(text, "iomap_iter_dstmap") || !first) continue;
      first = false;
      if (!absl::StrContains(text, "NEW")) {
        inode.datasync_dirty = absl::StrContains(text, "DIRTY");
      }
    }
  }

  int FileOp(DaxInode& inode, const std::string& op, uint64_t offset,
             uint64_t length) {
    if (op == "trunc") {
      inode.Truncate(offset);
    } else if (op == "punch") {
      inode.PunchHole(offset, length);
    } else if (op == "zero") {
      inode.ZeroRange(offset, length);
    } else if (op == "falloc") {
      return -inode.Fallocate(offset, length, false);
    } else if (op == "fsync") {
      return -inode.FsyncRange(0, (uint64_t{1} << 63) - 1, false);
    } else {
      return -1;
    }
    return 0;
  }

  void RunMap(const std::string& where, const Json& map, const Json& recorded) {
    const std::string name = map["file"];
    if (result_["fiemap"].value(name, Json()).is_string()) {
      // The recipe could not make it.
      verdict_.Compare(where, "open errno", recorded["steps"][0]["errno"],
                       "ENOENT");
      return;
    }
    CaseFile& file = FileOf(name);
    AddLaterBlocks(file, recorded);
    for (const Json& step : recorded["steps"]) AddNewBlocks(file, step);
    FaultMap process(profile_, mem_, ranges_, verdict_);
    process.compare_events = test_["kind"] != "trace";
    file.inode.recorder = &process.recorder();
    const Json& steps = recorded["steps"];
    if (!steps.empty()) {
      TakeFromEvents(file.inode, steps[0]);
      const bool writable = map.value("open", "rw") == "rw";
      if (process.Mmap(where, map, steps[0],
                       fs_->Open(file.inode, name, writable))) {
        RunTouches(where, map, recorded, file, process);
        if (verdict_.unsupported.empty()) {
          process.CompareGraphs(where, recorded);
        }
      }
    }
    // The recording's FIEMAP looks every hole up.
    file.inode.known_holes.Forget(0, uint64_t{1} << 62);
    file.inode.recorder = nullptr;
  }

  void RunTouches(const std::string& where, const Json& map,
                  const Json& recorded, CaseFile& file, FaultMap& process) {
    const Json& steps = recorded["steps"];
    for (size_t i = 1; i < steps.size(); ++i) {
      if (i - 1 >= map["touch"].size()) break;
      const std::string touch = map["touch"][i - 1];
      if (absl::StartsWith(touch, "sh:") && Freezes(touch, test_["dev"])) {
        file.inode.FsyncRange(0, (uint64_t{1} << 63) - 1, false);
      }
      TakeFromEvents(file.inode, steps[i]);
      if (absl::StartsWith(touch, "zero@") ||
          absl::StartsWith(touch, "falloc@")) {
        AddLaterBlocks(file, recorded);
      } else {
        AddNewBlocks(file, steps[i]);
      }
      process.Touch(
          absl::StrCat(where, " ", touch), touch, steps[i],
          map.value("inspect", 1) != 0,
          [&](const std::string& op, uint64_t offset, uint64_t length) {
            return FileOp(file.inode, op, offset, length);
          },
          devices_);
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
  std::unique_ptr<FileSystem> fs_;
  std::map<std::string, std::unique_ptr<CaseFile>> files_;
};

}  // namespace

Verdict CompareFsdaxCase(const Json& test, const Json& result,
                         const FaultProfile& profile, const SuperBlock& sb,
                         const CaseDevices& devices) {
  Verdict verdict;
  if (!result.contains("maps") || !result.contains("fiemap")) {
    verdict.unsupported = "the recording has no mapping";
    return verdict;
  }
  FsdaxCase run(test, result, profile, sb, devices, verdict);
  run.Run();
  return verdict;
}

}  // namespace dmdax::conformance
