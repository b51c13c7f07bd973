// SPDX-License-Identifier: Apache-2.0
#include "server/dispatch.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <set>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/errno_status.h"
#include "block/host_nodes.h"
#include "dm/mapped_device.h"
#include "dm/wire/ctl_ioctl.h"
#include "server/failure.h"

namespace dmdax {
namespace {

namespace fs = std::filesystem;

// A directory may have come with all that is in it, or a link to one of the
// tree; what a link out of it leads to is not ours.  What cannot be read has
// nothing to add.
void AddAllBelow(const std::string& tree, const std::string& path,
                 std::set<std::string>* paths) {
  std::error_code error;
  const std::string top = fs::canonical(tree + path, error);
  const std::string real_tree = fs::canonical(tree, error);
  if (error || !absl::StartsWith(top, real_tree + "/")) return;
  fs::recursive_directory_iterator entry(tree + path, error);
  const fs::recursive_directory_iterator end;
  while (!error && entry != end) {
    paths->insert(entry->path().string().substr(tree.size()));
    entry.increment(error);
  }
}

// Adds to paths that may have changed the nodes that were there or below, and
// may be gone, and all others of their devices: those may be links that lead
// elsewhere now.
void AddWhatWasThere(const ScratchTree& tree, std::set<std::string>* paths) {
  const std::map<std::string, DevT>& nodes = tree.nodes();
  std::set<std::string> there;
  std::set<DevT> devs;
  const auto add = [&](const auto& node) {
    there.insert(node.first);
    devs.insert(node.second);
  };
  for (const std::string& path : *paths) {
    if (const auto it = nodes.find(path); it != nodes.end()) add(*it);
    const std::string below = path + "/";
    for (auto it = nodes.lower_bound(below);
         it != nodes.end() && absl::StartsWith(it->first, below); ++it) {
      add(*it);
    }
  }
  paths->merge(there);
  for (DevT dev : devs) {
    const std::set<std::string>& all = tree.NodesOf(dev);
    paths->insert(all.begin(), all.end());
  }
}

}  // namespace

Dispatch::Dispatch(Resident& machine, ScratchTree& tree, Handles& handles)
    : machine_(machine), tree_(tree), handles_(handles) {
  SetHostNodes(&ScratchTree::HostNode);
  machine_.set_reload([this] { handles_.Release(); },
                      [this] {
                        handles_.Reopen(machine_.session());
                        Follow().IgnoreError();
                      });
  machine_.set_revoke([this] { leases_.Revoke(); });
}

absl::Status Dispatch::Follow() {
  changed_ = true;
  Session& session = machine_.session();
  handles_.ForEach([&](Handle& handle) {
    if (handle.is_control()) {
      handle.end.SetReadable(handle.control->Readable(*session.ctl));
    }
  });
  return tree_.Sync(session);
}

absl::Status Dispatch::Keep() {
  absl::Status s = machine_.Keep();
  if (!s.ok()) handles_.Lose(s);
  return s;
}

absl::Status Dispatch::Change(absl::FunctionRef<void(Session&)> change,
                              Resident::Touches touches) {
  const bool had_written = machine_.has_unkept();
  absl::Status s = machine_.Change(change, touches);
  if (!s.ok() && had_written) handles_.Lose(s);
  // What failed to be kept is not what tree and events are to show.
  if (!s.ok()) s.Update(machine_.Refresh());
  s.Update(Follow());
  return s;
}

void Dispatch::Closed(uint64_t id) {
  Handle* const handle = handles_.Find(id);
  if (handle == nullptr) return;
  if (handle->file != nullptr) {
    BlockDevice& bdev = handle->file->bdev();
    const MappedDevice* const md = MappedDevice::Of(bdev);
    if ((md != nullptr && md->deferred_remove()) || bdev.driver() != nullptr) {
      // A mapped device may go now, and a loop device's file.
      Change([&](Session&) { handles_.Close(id); },
             bdev.driver() == nullptr ? Resident::Touches::kNoted
                                      : Resident::Touches::kAnything)
          .IgnoreError();
      return;
    }
    Keep().IgnoreError();
  }
  handles_.Close(id);
}

// Who is told EBUSY must not be told so of what is closed.
void Dispatch::SweepClosedFor(const Request& ioctl) {
  const auto command = static_cast<uint32_t>(ioctl.head.arg[0]);
  if (((command >> 8) & 0xff) == kDmIoctlType ||
      dmdax_ioctl_arg_of(command).effect == DMDAX_IOCTL_CHANGES) {
    SweepClosed();
  }
}

void Dispatch::SweepClosed() {
  std::vector<pollfd> ends;
  std::vector<uint64_t> ids;
  handles_.ForEach([&](Handle& handle) {
    if (handle.file == nullptr) return;
    ends.push_back({.fd = handle.end.fd(), .events = 0, .revents = 0});
    ids.push_back(handle.id);
  });
  if (ends.empty() || poll(ends.data(), ends.size(), 0) <= 0) return;
  for (size_t i = 0; i < ends.size(); ++i) {
    if ((ends[i].revents & (POLLERR | POLLHUP)) != 0) Closed(ids[i]);
  }
}

std::optional<Answer> Dispatch::Do(Pending& pending) {
  const Request& request = pending.request;
  if (absl::Status s = machine_.Refresh(); !s.ok()) return StateFailure(s);
  switch (request.head.op) {
    case DMDAX_OP_HELLO:
      return Answer{.arg0 = static_cast<uint64_t>(getpid()),
                    .arg1 = machine_.generation(),
                    .bytes = tree_.path()};
    case DMDAX_OP_PING:
      return Answer{};
    case DMDAX_OP_OPEN:
      if ((request.head.flags & O_EXCL) != 0) SweepClosed();
      return Open(pending);
    case DMDAX_OP_IDENTIFY:
      return Identify(request);
    case DMDAX_OP_CHANGED:
      return Changed(request);
    case DMDAX_OP_SHUTDOWN: {
      over_ = true;
      absl::Status s = machine_.Keep();
      return s.ok() ? Answer{} : StateFailure(s);
    }
    default:
      break;
  }
  if (request.head.op == DMDAX_OP_LEASE && request.head.handle == 0) {
    return LeasePage();
  }
  if (request.head.op == DMDAX_OP_KEY) return UseKey(request);
  if (request.head.op > DMDAX_OP_KEY || request.head.op == 0) {
    return Answer{.error = ENOSYS};
  }
  if (request.head.op == DMDAX_OP_IOCTL) SweepClosedFor(request);
  Handle* const handle = handles_.Find(request.head.handle);
  if (handle == nullptr) return Answer{.error = EBADF};
  return DoHandle(pending, *handle);
}

std::optional<Answer> Dispatch::DoHandle(Pending& pending, Handle& handle) {
  const Request& request = pending.request;
  const bool is_block = handle.what.kind == DMDAX_KIND_BLOCK;
  // The device it was opened for is no more.
  if (is_block && handle.file == nullptr) return Answer{.error = ENXIO};
  switch (request.head.op) {
    case DMDAX_OP_IOCTL:
      return handle.is_control() ? ControlIoctl(pending, handle)
                                 : DeviceIoctl(request, handle);
    case DMDAX_OP_READ:
      return Read(request, handle);
    case DMDAX_OP_WRITE:
      return Write(request, handle);
    case DMDAX_OP_SEEK:
      return Seek(request, handle);
    case DMDAX_OP_SYNC:
      return Sync(handle);
    case DMDAX_OP_ALLOCATE:
      return Allocate(request, handle);
    case DMDAX_OP_LEASE:
      return Lease(request, handle);
    default:
      return SetFlags(request, handle);
  }
}

Answer Dispatch::Open(Pending& pending) {
  const Request& request = pending.request;
  OpenRequest what = {
      .kind = request.head.arg[0],
      .dev = DevT{DMDAX_MAJOR(request.head.arg[1]),
                  DMDAX_MINOR(request.head.arg[1])},
      .flags = static_cast<int>(request.head.flags),
      .comm = request.bytes.empty() ? pending.comm : request.bytes,
      .path = ""};
  if (what.kind == DMDAX_KIND_ATTRIBUTE) {
    std::error_code error;
    const std::string real =
        fs::canonical(absl::StrCat(tree_.path(), request.bytes), error);
    absl::string_view below = real;
    if (error || !absl::ConsumePrefix(&below, tree_.path() + "/sys/")) {
      return {.error = error ? error.value() : EACCES};
    }
    what.path = absl::StrCat("sys/", below);
  } else if (what.kind != DMDAX_KIND_BLOCK && what.kind != DMDAX_KIND_CHAR) {
    return {.error = EINVAL};
  }
  absl::StatusOr<Handles::Opened> opened =
      handles_.Open(machine_.session(), std::move(what));
  if (!opened.ok()) return Failure(opened.status());
  const Handle& handle = *opened->handle;
  return {.handle = handle.id,
          .arg0 = handle.what.kind,
          .arg1 = request.head.arg[1],
          .bytes = "",
          .text = "",
          .fd = std::move(opened->fd)};
}

Answer Dispatch::Identify(const Request& request) {
  const Handle* const handle = request.head.handle != 0
                                   ? handles_.Find(request.head.handle)
                                   : handles_.FindInode(request.head.arg[0]);
  if (handle == nullptr) return {.error = EBADF};
  const DevT dev = handle->what.dev;
  return {.handle = handle->id,
          .arg0 = handle->what.kind,
          .arg1 = DMDAX_DEV(dev.major_nr, dev.minor_nr),
          .flags = static_cast<uint32_t>(handle->what.flags)};
}

Answer Dispatch::Changed(const Request& request) {
  std::set<std::string> paths;
  for (absl::string_view path : absl::StrSplit(request.bytes, '\0')) {
    if (!absl::StartsWith(path, "/dev/")) continue;
    paths.emplace(path);
    AddAllBelow(tree_.path(), std::string(path), &paths);
  }
  if (paths.empty()) return {};
  AddWhatWasThere(tree_, &paths);
  std::vector<std::pair<std::string, std::optional<DevT>>> changes;
  for (const std::string& path : paths) {
    const std::optional<DevT> now = tree_.NodeAt(path);
    if (now == machine_.session().machine->LoadedNode(path)) continue;
    changes.emplace_back(path, now);
  }
  if (changes.empty()) return {};
  absl::Status s = Change(
      [&](Session& session) {
        for (const auto& [path, dev] : changes) {
          session.machine->RemoveNode(path);
          if (dev) session.machine->AddNode(path, *dev);
        }
      },
      Resident::Touches::kNoted);
  return s.ok() ? Answer{} : StateFailure(s);
}

}  // namespace dmdax
