// SPDX-License-Identifier: Apache-2.0
#include "tools/preload/emulated_files.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iostream>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/functional/function_ref.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/errno_status.h"
#include "base/fd.h"
#include "block/read_ahead.h"
#include "dm/wire/ctl_ioctl.h"
#include "state/session.h"
#include "state/state_dir.h"
#include "tools/dmsetup/sysfs.h"
#include "tools/preload/control_file.h"
#include "tools/preload/look_again.h"
#include "tools/preload/session_guard.h"
#include "tools/preload/user_memory.h"

namespace dmdax::preload {
namespace {

using L = DmIoctlLayout;

// No kernel takes a larger request.
constexpr uint32_t kMaxDataSize = 1 << 30;

constexpr absl::string_view kMapperDir = "/dev/mapper";

int ErrnoOrZero(const absl::Status& s) { return s.ok() ? 0 : ErrnoOf(s); }

// Runs `use` on the machine; what it leaves is written back with kWrite.
absl::Status WithSession(StateDir::Mode mode,
                         absl::FunctionRef<absl::Status(Session&)> use) {
  const SessionGuard guard;
  absl::StatusOr<StateDir> dir = StateDir::Open(DefaultStateDir(), mode);
  if (!dir.ok()) return dir.status();
  absl::StatusOr<proto::StateSnapshot> snapshot = dir->Read();
  if (!snapshot.ok()) return snapshot.status();
  absl::StatusOr<Session> session = SessionFromSnapshot(*snapshot);
  if (!session.ok()) return session.status();
  if (absl::Status s = use(*session); !s.ok()) return s;
  if (mode == StateDir::kRead) return absl::OkStatus();
  return dir->Write(SnapshotOf(*session, snapshot->generation()));
}

void SetEventNr(absl::Span<char> request, uint32_t nr) {
  memcpy(request.data() + L::kEventNr, &nr, sizeof(nr));
}

uint32_t EventNr(absl::Span<const char> request) {
  uint32_t nr;
  memcpy(&nr, request.data() + L::kEventNr, sizeof(nr));
  return nr;
}

// DM_DEV_WAIT.  The kernel holds the device while it waits.  Here the name may
// no longer exist when a removal or a rename is the event.
class EventWait {
 public:
  EventWait(uint32_t command, absl::Span<char> user)
      : command_(command), user_(user) {}

  // The errno of the ioctl; EAGAIN: there was no event yet.
  int Look() {
    absl::Status result;
    absl::Status state = WithSession(StateDir::kRead, [&](Session& session) {
      result = CtlIoctl(*session.ctl, file_, command_, user_);
      if (ErrnoOrZero(result) != EAGAIN) return absl::OkStatus();
      // As if there had been an event.
      last_.assign(user_.begin(), user_.end());
      SetEventNr(absl::MakeSpan(last_), EventNr(user_) + 1);
      return CtlIoctl(*session.ctl, file_, command_, absl::MakeSpan(last_));
    });
    if (!state.ok()) return ErrnoOf(state);
    if (ErrnoOrZero(result) == ENXIO && !last_.empty()) {
      SetEventNr(absl::MakeSpan(last_), EventNr(last_) + 1);
      absl::c_copy(last_, user_.begin());
      return 0;
    }
    return ErrnoOrZero(result);
  }

 private:
  DmFile file_{0};  // which the command does not look at
  const uint32_t command_;
  const absl::Span<char> user_;
  std::vector<char> last_;
};

int Wait(uint32_t command, absl::Span<char> user) {
  EventWait wait(command, user);
  int result = wait.Look();
  if (result != EAGAIN) return result;
  // Signals end and restart read(2) as they do the kernel's own waiting.
  const Fd event(eventfd(0, EFD_CLOEXEC));
  if (!event.ok()) return errno;
  {
    const LookAgain again([&] {
      if (result != EAGAIN) return;
      result = wait.Look();
      if (result != EAGAIN) eventfd_write(event.get(), 1);
    });
    if (!again.ok()) return ENOMEM;
    eventfd_t ignored;
    read(event.get(), &ignored, sizeof(ignored));
  }
  return result == EAGAIN ? EINTR : result;
}

// All other commands.
int Run(int fd, uint32_t command, absl::Span<char> user) {
  const StateDir::Mode mode =
      IoctlOnlyAsks(command & 0xff) ? StateDir::kRead : StateDir::kWrite;
  absl::Status result;
  // What a refused command did (a minor taken and given back) stays too.
  absl::Status state = WithSession(mode, [&](Session& session) {
    // What has been seen is the descriptor's to know.
    DmFile file(*session.ctl);
    result = CtlIoctl(*session.ctl, file, command, user);
    if (result.ok() && (command & 0xff) == DM_DEV_ARM_POLL_CMD) {
      SetEventNrSeen(fd, session.ctl->global_event_nr());
    }
    return absl::OkStatus();
  });
  if (IsNotModelled(result)) {
    std::cerr << "dmdax: " << result.message() << std::endl;
  }
  return ErrnoOrZero(state.ok() ? result : state);
}

// From where to where two strings of one length differ.
size_t FirstDifference(absl::string_view a, absl::string_view b) {
  return static_cast<size_t>(absl::c_mismatch(a, b).first - a.begin());
}
size_t LastDifference(absl::string_view a, absl::string_view b) {
  const auto end = std::mismatch(a.rbegin(), a.rend(), b.rbegin()).first;
  return std::max(static_cast<size_t>(a.rend() - end), FirstDifference(a, b));
}

// "/sys/dev/block/254:0/dm/name": the device and "dm/name".
struct SysfsPath {
  DevT dev;
  absl::string_view attribute;
};

std::optional<SysfsPath> ParseSysfs(absl::string_view path) {
  if (!absl::ConsumePrefix(&path, "/sys/dev/block/")) return std::nullopt;
  const absl::string_view number = path.substr(0, path.find('/'));
  const std::optional<DevT> dev = ScanMajorMinor(number);
  if (!dev) return std::nullopt;
  path.remove_prefix(number.size());
  absl::ConsumePrefix(&path, "/");
  return SysfsPath{*dev, path};
}

FileText SysfsText(Session& session, const SysfsPath& path) {
  BlockDevice* bdev = session.machine->FindBdev(path.dev);
  if (bdev == nullptr) return {.error = ENOENT};
  if (path.attribute == "bdi/read_ahead_kb") {
    return {.text = absl::StrCat(ReadAheadSectors(*bdev) / 2, "\n")};
  }
  if (path.attribute == "dm/name" &&
      path.dev.major_nr == session.ctl->major()) {
    if (auto md = session.ctl->FindMinor(path.dev.minor_nr)) {
      return {.text = absl::StrCat(md->dm_name(), "\n")};
    }
  }
  return {.error = ENOENT};
}

}  // namespace

int OpenControl(int flags) {
  uint64_t seen = 0;
  // A state that can not be read is the first ioctl's error.
  WithSession(StateDir::kRead, [&](Session& session) {
    seen = session.ctl->global_event_nr();
    return absl::OkStatus();
  }).IgnoreError();
  return OpenControlFile(flags, seen);
}

void RefreshControls(absl::Span<const int> fds) {
  if (fds.empty()) return;
  WithSession(StateDir::kRead, [&](Session& session) {
    for (int fd : fds) {
      SetReadable(fd, DmFile(EventNrSeen(fd)).Readable(*session.ctl));
    }
    return absl::OkStatus();
  }).IgnoreError();
}

int ControlIoctl(int fd, uint32_t command, void* argument) {
  std::string user = ReadUser(argument, L::kSize);
  // The version is written back whatever comes of the command: memory that can
  // not be written is refused before anything is done.
  const absl::string_view version = absl::string_view(user).substr(0, 12);
  if (version.size() < 12 || !WriteUser(argument, version)) return EFAULT;
  uint32_t data_size = 0;
  if (user.size() == L::kSize) {
    memcpy(&data_size, &user[L::kDataSize], sizeof(data_size));
  }
  if (data_size > L::kSize && data_size <= kMaxDataSize) {
    user = ReadUser(argument, data_size);
  }
  const std::string before = user;
  const int error = (command & 0xff) == DM_DEV_WAIT_CMD
                        ? Wait(command, absl::MakeSpan(user))
                        : Run(fd, command, absl::MakeSpan(user));
  // Of a reply that is shorter than the request, the rest stays as it was.
  const size_t begin = FirstDifference(user, before);
  const size_t end = LastDifference(user, before);
  const bool written =
      WriteUser(static_cast<char*>(argument) + begin,
                absl::string_view(user).substr(begin, end - begin));
  return written ? error : EFAULT;
}

bool InMapperDir(absl::string_view path) {
  return path == kMapperDir || absl::StartsWith(path, "/dev/mapper/");
}

std::optional<NodeInfo> FindNode(absl::string_view path) {
  if (path == kControlPath) {
    return NodeInfo{NodeInfo::kControl, 10, 236};
  }
  if (path == kMapperDir || path == "/dev/mapper/") {
    return NodeInfo{NodeInfo::kDirectory};
  }
  if (!absl::StartsWith(path, "/dev/")) return std::nullopt;
  std::optional<NodeInfo> info;
  WithSession(StateDir::kRead, [&](Session& session) {
    absl::StatusOr<DevT> dev = session.machine->LookupBdev(path);
    if (dev.ok()) {
      info = NodeInfo{NodeInfo::kBlock, dev->major_nr, dev->minor_nr};
    }
    return absl::OkStatus();
  }).IgnoreError();
  return info;
}

int MakeNode(absl::string_view path, uint32_t major_nr, uint32_t minor_nr) {
  return ErrnoOrZero(WithSession(StateDir::kWrite, [&](Session& session) {
    if (session.machine->LookupBdev(path).ok()) {
      return ErrnoError(EEXIST, "exists");
    }
    session.machine->AddNode(path, {major_nr, minor_nr});
    return absl::OkStatus();
  }));
}

int RemoveNode(absl::string_view path) {
  return ErrnoOrZero(WithSession(StateDir::kWrite, [&](Session& session) {
    absl::StatusOr<DevT> dev = session.machine->LookupBdev(path);
    if (!dev.ok()) return dev.status();
    session.machine->RemoveNode(path);
    return absl::OkStatus();
  }));
}

int RenameNode(absl::string_view from, absl::string_view to) {
  return ErrnoOrZero(WithSession(StateDir::kWrite, [&](Session& session) {
    absl::StatusOr<DevT> dev = session.machine->LookupBdev(from);
    if (!dev.ok()) return dev.status();
    session.machine->RemoveNode(from);
    session.machine->RemoveNode(to);
    session.machine->AddNode(to, *dev);
    return absl::OkStatus();
  }));
}

std::vector<std::string> MapperDirEntries() {
  std::vector<std::string> names = {".", "..", "control"};
  WithSession(StateDir::kRead, [&](Session& session) {
    for (const auto& [path, dev] : session.machine->Nodes()) {
      absl::string_view name = path;
      if (absl::ConsumePrefix(&name, "/dev/mapper/")) {
        names.emplace_back(name);
      }
    }
    return absl::OkStatus();
  }).IgnoreError();
  return names;
}

std::optional<FileText> ReadKernelFile(absl::string_view path) {
  const std::optional<SysfsPath> sysfs = ParseSysfs(path);
  if (path != "/proc/devices" && !sysfs) return std::nullopt;
  FileText file;
  absl::Status s = WithSession(StateDir::kRead, [&](Session& session) {
    if (sysfs) {
      file = SysfsText(session, *sysfs);
    } else {
      file.text = absl::StrCat(
          "Character devices:\n 10 misc\n\nBlock devices:\n259 blkext\n",
          session.ctl->major(), " device-mapper\n");
    }
    return absl::OkStatus();
  });
  if (!s.ok()) file.error = ErrnoOf(s);
  return file;
}

int WriteKernelFile(absl::string_view path, absl::string_view text) {
  const std::optional<SysfsPath> sysfs = ParseSysfs(path);
  if (!sysfs || sysfs->attribute != "bdi/read_ahead_kb") return EACCES;
  uint64_t kb;
  if (!absl::SimpleAtoi(text, &kb)) return EINVAL;
  return ErrnoOrZero(WithSession(StateDir::kWrite, [&](Session& session) {
    BlockDevice* const bdev = session.machine->FindBdev(sysfs->dev);
    if (bdev == nullptr) return ErrnoError(ENODEV, "no such disk");
    SetReadAheadKb(bdev->queue(), kb);
    return absl::OkStatus();
  }));
}

std::optional<FileText> ReadKernelLink(absl::string_view path) {
  const std::optional<SysfsPath> sysfs = ParseSysfs(path);
  if (!sysfs || !sysfs->attribute.empty()) return std::nullopt;
  FileText link;
  absl::Status s = WithSession(StateDir::kRead, [&](Session& session) {
    BlockDevice* bdev = session.machine->FindBdev(sysfs->dev);
    if (bdev == nullptr) {
      link.error = ENOENT;
    } else {
      link.text = absl::StrCat("../../devices/virtual/block/", bdev->name());
    }
    return absl::OkStatus();
  });
  if (!s.ok()) link.error = ErrnoOf(s);
  return link;
}

}  // namespace dmdax::preload
