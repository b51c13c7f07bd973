// SPDX-License-Identifier: Apache-2.0
//
// The ioctls of the control node, of block devices and of /dev/loop-control.
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "absl/types/span.h"
#include "base/errno_status.h"
#include "block/block_ioctl.h"
#include "dm/device_mapper.h"
#include "dm/wire/ctl_ioctl.h"
#include "server/dispatch.h"
#include "server/failure.h"

namespace dmdax {
namespace {

using L = DmIoctlLayout;

int ErrnoOrZero(const absl::Status& s) { return s.ok() ? 0 : ErrnoOf(s); }

// What is to be written back: up to the last byte that differs.
Answer Reply(const absl::Status& status, const std::string& before,
             std::string after) {
  constexpr size_t kBlock = 256;
  size_t end = after.size();
  while (end >= kBlock && memcmp(before.data() + end - kBlock,
                                 after.data() + end - kBlock, kBlock) == 0) {
    end -= kBlock;
  }
  while (end > 0 && before[end - 1] == after[end - 1]) --end;
  after.resize(end);
  Answer answer = status.ok() ? Answer{} : Failure(status);
  answer.bytes = std::move(after);
  return answer;
}

void BumpEventNr(std::string& request) {
  uint32_t nr;
  memcpy(&nr, request.data() + L::kEventNr, sizeof(nr));
  ++nr;
  memcpy(request.data() + L::kEventNr, &nr, sizeof(nr));
}

// A file that is a device of the machine has no bytes here.
absl::Status CheckLoopFile(int fd) {
  struct stat st;
  if (fd < 0 || fstat(fd, &st) != 0 || st.st_mode != DMDAX_FD_MODE) {
    return absl::OkStatus();
  }
  return DmNotModelled("a loop device whose file is a device of the machine",
                       "a regular file of the host");
}

}  // namespace

std::optional<Answer> Dispatch::ControlIoctl(Pending& pending, Handle& handle) {
  const auto command = static_cast<uint32_t>(pending.request.head.arg[0]);
  if (((command >> 8) & 0xff) != kDmIoctlType) return Answer{.error = ENOTTY};
  if (pending.request.head.arg[1] > DMDAX_MAX_PAYLOAD) {
    return Answer{.error = ENOMEM};
  }
  if (pending.request.bytes.size() < pending.request.head.arg[1]) {
    pending.request.bytes.resize(pending.request.head.arg[1]);
  }
  const uint32_t cmd = command & 0xff;
  if (cmd == DM_DEV_WAIT_CMD) return Wait(pending, handle);
  const std::string& before = pending.request.bytes;
  std::string user = before;
  absl::Status result;
  const auto run = [&](Session& session) {
    result =
        CtlIoctl(*session.ctl, *handle.control, command, absl::MakeSpan(user));
  };
  if (IoctlOnlyAsks(cmd)) {
    run(machine_.session());
    if (cmd == DM_DEV_ARM_POLL_CMD) {
      handle.end.SetReadable(handle.control->Readable(*machine_.session().ctl));
    }
    return Reply(result, before, std::move(user));
  }
  // What a refused command did (a minor taken and given back) stays too.
  absl::Status kept = Change(run, Resident::Touches::kNoted);
  if (!kept.ok()) return StateFailure(kept);
  return Reply(result, before, std::move(user));
}

// The kernel holds the device while it waits.  Here the name may no longer
// exist when a removal or a rename is the event.
std::optional<Answer> Dispatch::Wait(Pending& pending, Handle& handle) {
  const auto command = static_cast<uint32_t>(pending.request.head.arg[0]);
  const std::string& before = pending.request.bytes;
  DmCtl& ctl = *machine_.session().ctl;
  std::string user = before;
  absl::Status result =
      CtlIoctl(ctl, *handle.control, command, absl::MakeSpan(user));
  const int error = ErrnoOrZero(result);
  if (error == EAGAIN) {
    // As if there had been an event.
    pending.last = before;
    BumpEventNr(pending.last);
    result =
        CtlIoctl(ctl, *handle.control, command, absl::MakeSpan(pending.last));
    if (result.ok()) return std::nullopt;
    return Reply(result, before, std::exchange(pending.last, {}));
  }
  if (error == ENXIO && !pending.last.empty()) {
    BumpEventNr(pending.last);
    return Reply(absl::OkStatus(), before, std::move(pending.last));
  }
  return Reply(result, before, std::move(user));
}

std::optional<Answer> Dispatch::DeviceIoctl(const Request& request,
                                            Handle& handle) {
  if (handle.what.kind == DMDAX_KIND_ATTRIBUTE) return Answer{.error = ENOTTY};
  const auto command = static_cast<uint32_t>(request.head.arg[0]);
  const dmdax_ioctl_arg arg = dmdax_ioctl_arg_of(command);
  const size_t size = size_t{arg.size} + arg.nested;
  // What came short is EFAULT where it is read.
  std::string bytes = request.bytes.substr(0, size);
  if (arg.reads == 0) bytes.resize(size);
  const BlockIoctl ioctl = {
      .command = command,
      .value = request.head.arg[1],
      .bytes = absl::MakeSpan(bytes.data(), bytes.size()),
      .fd = request.fds.empty() ? -1 : request.fds.front().get(),
      .admin = (request.head.flags & DMDAX_AS_ROOT) != 0};
  if (handle.file != nullptr && handle.file->bdev().driver() != nullptr) {
    if (absl::Status s = CheckLoopFile(ioctl.fd); !s.ok()) return Failure(s);
  }
  int value = 0;
  const auto run = [&](BlockFile& file) {
    absl::StatusOr<int> n = file.Ioctl(ioctl);
    if (n.ok()) value = *n;
    return n.status();
  };
  std::optional<Answer> answer;
  if (arg.effect == DMDAX_IOCTL_WRITES && handle.file != nullptr) {
    answer = WithBytes(handle, run);
  } else if (arg.effect == DMDAX_IOCTL_ASKS && handle.file != nullptr) {
    const absl::Status s = run(*handle.file);
    answer = s.ok() ? Answer{} : Failure(s);
  } else {
    absl::Status result = ErrnoError(ENXIO, "the device is no more");
    // What a driver does, nobody notes.
    const bool is_noted =
        handle.file != nullptr && handle.file->bdev().driver() == nullptr;
    const absl::Status kept = Change(
        [&](Session&) {
          if (handle.is_loop_control()) {
            absl::StatusOr<int> n = machine_.loops().Control(ioctl);
            if (n.ok()) value = *n;
            result = n.status();
          } else if (handle.file != nullptr) {
            result = run(*handle.file);
          }
        },
        is_noted ? Resident::Touches::kNoted : Resident::Touches::kAnything);
    if (!kept.ok()) return StateFailure(kept);
    answer = result.ok() ? Answer{} : Failure(result);
  }
  if (!answer || answer->error != 0) return answer;
  answer->arg0 = static_cast<uint64_t>(value);
  if (arg.writes != 0) answer->bytes = std::move(bytes);
  return answer;
}

}  // namespace dmdax
