// SPDX-License-Identifier: Apache-2.0
#include "tests/property/random_deeds.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/blkpg.h>
#include <linux/fs.h>
#include <linux/loop.h>
#include <unistd.h>

#include <cstdio>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/fd.h"
#include "base/keyring.h"
#include "server/attribute.h"
#include "state/part/run_on_part.h"
#include "tests/testing.h"
#include "tools/dmsetup/dmsetup.h"

namespace dmdax {
namespace {

using Touches = Resident::Touches;

// The bytes of a C struct, as an ioctl has them.
template <typename T>
absl::Span<char> BytesOf(T& value) {
  return absl::MakeSpan(reinterpret_cast<char*>(&value), sizeof(value));
}

}  // namespace

std::string RandomDeeds::Do() {
  machine_.session().machine->FreezeClock();
  std::string said = DoOne();
  // It may be another machine now.
  machine_.session().machine->FreezeClock();
  return said;
}

std::string RandomDeeds::DoOne() {
  switch (Below(32)) {
    case 0:
    case 1:
      return WriteBytes();
    case 2:
      return Node();
    case 3:
      return Attribute();
    case 4:
      return Ioctl();
    case 5:
      return Range();
    case 6:
      return Partition();
    case 7:
      return Below(4) == 0 ? PartitionTable() : Loop();
    case 8:
      return Clock();
    case 9:
      return Key();
    case 10:
      return OthersLine();
    case 11:
      return Below(2) == 0 ? OthersTouch() : OthersLine();
    case 12:
      return Ask();
    case 13:
    case 14:
    case 15:
      return Target();
    case 16:
    case 17:
    case 18:
      return Message();
    case 19:
      return Mounted();
    default:
      return Line();
  }
}

BlockDevice* RandomDeeds::AnyDevice() {
  const std::vector<BlockDevice*> all =
      machine_.session().machine->LoadedBlockDevices();
  return all[random_() % all.size()];
}

std::string RandomDeeds::OnFile(BlockDevice& bdev,
                                absl::FunctionRef<void(BlockFile&)> fn) {
  absl::StatusOr<std::unique_ptr<BlockFile>> file =
      BlockFile::Open(*machine_.session().ctl, bdev.dev(), O_RDWR, "test");
  if (file.ok()) fn(**file);
  return absl::StrCat(" ", bdev.name(), " ", file.status().ToString());
}

std::string RandomDeeds::Change(absl::FunctionRef<std::string(Session&)> change,
                                Touches touches) {
  std::string said;
  EXPECT_THAT(machine_.Change([&](Session& s) { said = change(s); }, touches),
              IsOk());
  return said;
}

std::string RandomDeeds::Dmsetup(const Words& words, const std::string& input) {
  return Change([&](Session& session) {
    const DmsetupResult result = RunDmsetup(*session.ctl, words, input);
    return absl::StrCat(absl::StrJoin(words, " "), " <<< '", input,
                        "' = ", result.rc);
  });
}

std::string RandomDeeds::Line() {
  std::string input;
  const Words words = lines_.Next(&input);
  return Dmsetup(words, input);
}

std::string RandomDeeds::Target() {
  const std::vector<std::string> disks = {"/dev/pmem0", "/dev/pmem2",
                                          "/dev/sda1", "/dev/sdb"};
  const std::string a = OneOf(disks), b = OneOf(disks), c = OneOf(disks);
  const std::string key(32, '0');
  const std::vector<std::string> rows = {
      absl::StrCat("thin-pool ", a, " ", b, " 128 0"),
      absl::StrCat("thin /dev/mapper/t", Below(3), " ", Below(3)),
      absl::StrCat("cache ", a, " ", b, " ", c, " 128 1 writeback smq 0"),
      absl::StrCat("era ", a, " ", b, " 32"),
      absl::StrCat("clone ", a, " ", b, " ", c, " 8"),
      absl::StrCat("writecache s ", a, " ", b, " 4096 0"),
      absl::StrCat("integrity ", a, " 0 4 D 0"),
      absl::StrCat("raid raid1 1 0 2 - ", a, " - ", b),
      absl::StrCat("mirror core 1 64 2 ", a, " 0 ", b, " 0"),
      absl::StrCat("crypt aes-cbc-plain ", key, " 0 ", a, " 0"),
      absl::StrCat("switch 2 16 0 ", a, " 0 ", b, " 0"),
      absl::StrCat("multipath 0 0 1 1 round-robin 0 2 1 ", a, " 9 ", b, " 9"),
      absl::StrCat("dust ", a, " 0 512"),
      absl::StrCat("flakey ", a, " 0 1 1"),
      absl::StrCat("delay ", a, " 0 1"),
      absl::StrCat("log-writes ", a, " ", b),
      absl::StrCat("snapshot ", a, " ", b, " P 8"),
      absl::StrCat("snapshot-origin ", a),
      absl::StrCat("snapshot-merge ", a, " ", b, " P 8"),
      absl::StrCat("striped 2 8 ", a, " 0 ", b, " 0")};
  const std::string name = absl::StrCat("t", Below(3));
  const Words words =
      Below(2) == 0 ? Words{"create", name} : Words{"load", name};
  return Dmsetup(words, absl::StrCat("0 1024 ", OneOf(rows), "\n"));
}

std::string RandomDeeds::Message() {
  static const std::vector<std::string> texts = {"create_thin 0",
                                                 "create_thin 1",
                                                 "create_snap 2 0",
                                                 "delete 1",
                                                 "set_transaction_id 0 1",
                                                 "reserve_metadata_snap",
                                                 "release_metadata_snap",
                                                 "migration_threshold 100",
                                                 "checkpoint",
                                                 "take_metadata_snap",
                                                 "drop_metadata_snap",
                                                 "enable_hydration",
                                                 "disable_hydration",
                                                 "hydration_threshold 4",
                                                 "flush",
                                                 "flush_on_suspend",
                                                 "check",
                                                 "repair",
                                                 "frozen",
                                                 "idle",
                                                 "key wipe",
                                                 "set_region_mappings 0:1 R1,2",
                                                 "fail_path 8:16",
                                                 "reinstate_path 8:16",
                                                 "disable_group 1",
                                                 "enable_group 1",
                                                 "switch_group 1",
                                                 "queue_if_no_path",
                                                 "addbadblock 3",
                                                 "removebadblock 3",
                                                 "clearbadblocks",
                                                 "enable",
                                                 "disable",
                                                 "quiet",
                                                 "mark here",
                                                 "@stats_create - /1",
                                                 "@stats_delete 0",
                                                 "@stats_set_aux 0 x",
                                                 "@stats_clear 0",
                                                 "@stats_print_clear 0"};
  const std::string name =
      Below(4) == 0 ? absl::StrCat("d", Below(8)) : absl::StrCat("t", Below(3));
  if (Below(4) == 0) {
    return Dmsetup({OneOf({"suspend", "resume", "remove"}), name}, "");
  }
  return Dmsetup({"message", name, "0", OneOf(texts)}, "");
}

std::string RandomDeeds::Mounted() {
  switch (Below(6)) {
    case 0:
      return Dmsetup(
          {"load", "mounted"},
          Below(2) == 0 ? "0 16384 error\n" : "0 16384 linear /dev/pmem1 0\n");
    case 1:
      return Dmsetup({"load", "mounted"}, "0 16384 linear /dev/pmem0 0\n");
    case 2:
      return Dmsetup({"suspend", "mounted"}, "");
    case 3:
      return Dmsetup({"suspend", "--nolockfs", "mounted"}, "");
    default:
      return Dmsetup({"resume", "mounted"}, "");
  }
}

std::string RandomDeeds::WriteBytes() {
  const auto how = Below(2) == 0 ? DiskBytes::KeepHow::kWritten
                                 : DiskBytes::KeepHow::kSynced;
  std::string said = "write";
  const std::string bytes(512 + random_() % (256 << 10),
                          static_cast<char>(Below(3)));
  const auto write = [&](Session&) {
    const uint64_t at = random_() % 1024 * 512;
    said += OnFile(*AnyDevice(), [&](BlockFile& file) {
      if (IsSuspended(file.Write(at, bytes).status())) return;
      file.Fsync().IgnoreError();
    });
  };
  EXPECT_THAT(machine_.Write(write, Touches::kNoted), IsOk());
  EXPECT_THAT(machine_.Keep(how), IsOk());
  return said;
}

std::string RandomDeeds::Node() {
  const std::string path = absl::StrCat("/dev/link", Below(4));
  return Change([&](Session& session) {
    session.machine->RemoveNode(path);
    if (Below(2) != 0) session.machine->AddNode(path, AnyDevice()->dev());
    return absl::StrCat("node ", path);
  });
}

std::string RandomDeeds::Attribute() {
  return Change([&](Session& session) {
    const std::string at =
        absl::StrCat("sys/devices/virtual/block/", AnyDevice()->name(),
                     "/queue/", OneOf({"read_ahead_kb", "max_sectors_kb"}));
    StoreAttribute(session, at, absl::StrCat(4 << Below(8))).IgnoreError();
    return absl::StrCat("echo >", at);
  });
}

std::string RandomDeeds::Ioctl() {
  return Change([&](Session&) {
    int on = static_cast<int>(Below(2));
    const uint32_t commands[] = {BLKRASET, BLKROSET, BLKFLSBUF, BLKRRPART};
    const BlockIoctl ioctl = {.command = commands[Below(4)],
                              .value = random_() % 1024,
                              .bytes = BytesOf(on)};
    return absl::StrCat("ioctl ", ioctl.command,
                        OnFile(*AnyDevice(), [&](BlockFile& file) {
                          file.Ioctl(ioctl).IgnoreError();
                        }));
  });
}

std::string RandomDeeds::Range() {
  return Change([&](Session&) {
    uint64_t range[2] = {random_() % 64 * 4096, (1 + random_() % 64) * 4096};
    const BlockIoctl ioctl = {
        .command = Below(2) == 0 ? uint32_t{BLKDISCARD} : uint32_t{BLKZEROOUT},
        .bytes = BytesOf(range)};
    return absl::StrCat("range", OnFile(*AnyDevice(), [&](BlockFile& file) {
                          file.Ioctl(ioctl).IgnoreError();
                        }));
  });
}

// sdb3 comes, goes or gets another size.
std::string RandomDeeds::Partition() {
  return Change([&](Session& session) {
    const int ops[] = {BLKPG_ADD_PARTITION, BLKPG_DEL_PARTITION,
                       BLKPG_RESIZE_PARTITION};
    struct {
      blkpg_ioctl_arg arg = {};
      blkpg_partition part = {};
    } blkpg;
    blkpg.arg.op = ops[Below(3)];
    blkpg.part.pno = 3;
    blkpg.part.start = 1 << 20;
    blkpg.part.length = (1 + Below(2)) << 20;
    const BlockIoctl ioctl = {.command = BLKPG, .bytes = BytesOf(blkpg)};
    return absl::StrCat(
        "partition ", blkpg.arg.op,
        OnFile(*session.machine->FindBdevByName("sdb"),
               [&](BlockFile& file) { file.Ioctl(ioctl).IgnoreError(); }));
  });
}

// sdb gets a table with one partition or none, and is read again.
std::string RandomDeeds::PartitionTable() {
  return Change([&](Session& session) {
    std::string mbr(512, '\0');
    if (Below(2) == 0) {
      const char entry[] = "\0\0\0\0\x83\0\0\0\0\x08\0\0\0\x08\0\0";
      mbr.replace(446, 16, entry, 16);
      mbr.replace(510, 2, "\x55\xaa");
    }
    const auto rewrite = [&](BlockFile& file) {
      file.Write(0, mbr).IgnoreError();
      file.Fsync().IgnoreError();
      file.Ioctl({.command = BLKRRPART}).IgnoreError();
    };
    return absl::StrCat(
        "table of", OnFile(*session.machine->FindBdevByName("sdb"), rewrite));
  });
}

std::string RandomDeeds::Loop() {
  const std::string path = absl::StrCat(scratch_, "/file", Below(2));
  const Fd file(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  EXPECT_EQ(ftruncate(file.get(), 1 << 20), 0);
  std::string said = "loop";
  const auto change = [&](Session& session) {
    LoopDriver& loops = machine_.loops();
    const uint64_t number = Below(2);
    if (Below(4) == 0) {
      const uint32_t command = Below(2) == 0 ? LOOP_CTL_REMOVE : LOOP_CTL_ADD;
      loops.Control({.command = command, .value = number}).IgnoreError();
      return said;
    }
    loops.Control({.command = LOOP_CTL_ADD, .value = number}).IgnoreError();
    BlockDevice* const loop =
        session.machine->FindBdevByName(absl::StrCat("loop", number));
    if (loop == nullptr) return said;
    return said + OnFile(*loop, [&](BlockFile& opened) {
             loop_info64 info = {};
             info.lo_sizelimit = Below(2) * 65536;
             info.lo_flags = Below(2) == 0 ? 0 : LO_FLAGS_AUTOCLEAR;
             snprintf(reinterpret_cast<char*>(info.lo_file_name), LO_NAME_SIZE,
                      "%s", path.c_str());
             const uint32_t commands[] = {LOOP_SET_FD, LOOP_CLR_FD,
                                          LOOP_SET_STATUS64, LOOP_SET_CAPACITY};
             opened
                 .Ioctl({.command = commands[Below(4)],
                         .bytes = BytesOf(info),
                         .fd = file.get()})
                 .IgnoreError();
           });
  };
  // As the server does: what a driver does, nobody notes.
  return Change(change, Touches::kAnything);
}

std::string RandomDeeds::Clock() {
  return Change([&](Session& session) {
    session.machine->AdvanceClock(Below(100));
    return std::string("time goes on");
  });
}

std::string RandomDeeds::Key() {
  return Change([&](Session& session) {
    const std::string name = absl::StrCat("class:key", Below(3));
    if (Below(2) == 0) {
      session.machine->keys().Remove("logon", name);
    } else {
      session.machine->keys().Add({.type = "logon",
                                   .description = name,
                                   .bytes = 16,
                                   .payload = std::string(16, 'k')});
    }
    return absl::StrCat("key ", name);
  });
}

// Another program, in its own process as it were.
std::string RandomDeeds::ByOthers(absl::FunctionRef<void(Session&)> change) {
  absl::StatusOr<StateDir> dir = StateDir::Open(path_, StateDir::kWrite);
  EXPECT_THAT(dir, IsOk());
  const std::shared_ptr<DiskFiles> files = dir->disk_files();
  PartSession ran;
  EXPECT_THAT(RunOnPart(
                  *dir, LoadScope::kNeeded,
                  [&](proto::StateSnapshot& snapshot) {
                    return SessionFromState(snapshot, files);
                  },
                  &ran,
                  [&](Session& session) {
                    session.machine->FreezeClock();
                    change(session);
                    return absl::OkStatus();
                  }),
              IsOk());
  absl::StatusOr<proto::StateSnapshot> snapshot = SnapshotToKeep(
      ran.session, ran.generation, files, DiskBytes::KeepHow::kSynced);
  EXPECT_THAT(snapshot, IsOk());
  EXPECT_THAT(dir->Write(*std::move(snapshot)), IsOk());
  EXPECT_THAT(machine_.Refresh(), IsOk());
  return std::string(kOthers);
}

std::string RandomDeeds::OthersLine() {
  std::string input;
  const Words words = lines_.Next(&input);
  return absl::StrCat(ByOthers([&](Session& session) {
                        RunDmsetup(*session.ctl, words, input);
                      }),
                      absl::StrJoin(words, " "), " <<< '", input, "'");
}

std::string RandomDeeds::OthersTouch() {
  const uint64_t page = Below(1024);
  const AccessKind kind =
      Below(2) == 0 ? AccessKind::kRead : AccessKind::kWrite;
  return absl::StrCat(ByOthers([&](Session& session) {
                        session.machine->NeedAll();
                        session.machine->NeedUserSpace();
                        Task* const task = session.user->FindTask(7);
                        if (task == nullptr || task->mm().vmas().empty())
                          return;
                        const VmAreaStruct* const vma =
                            *task->mm().vmas().begin();
                        task->Touch(vma->vm_start + page * 4096, kind,
                                    session.user->NextSequence());
                      }),
                      "touch of page ", page);
}

// What a question leaves in memory, the next change keeps.
std::string RandomDeeds::Ask() {
  const Words words = lines_.Question();
  EXPECT_THAT(machine_.Refresh(), IsOk());
  RunDmsetup(*machine_.session().ctl, words, "");
  return Change([&](Session&) {
    return absl::StrCat("asked ", absl::StrJoin(words, " "));
  });
}

}  // namespace dmdax
