// SPDX-License-Identifier: Apache-2.0
//
// The ops on a handle: ioctls and data.
#include <fcntl.h>
#include <linux/fs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "dm/device_mapper.h"
#include "dm/wire/ctl_ioctl.h"
#include "server/attribute.h"
#include "server/dispatch.h"

namespace dmdax {
namespace {

using L = DmIoctlLayout;

int ErrnoOrZero(const absl::Status& s) { return s.ok() ? 0 : ErrnoOf(s); }

Answer Failure(const absl::Status& status) {
  Answer answer{.error = ErrnoOf(status)};
  if (IsNotModelled(status)) answer.text = std::string(status.message());
  return answer;
}

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
  if (absl::Status s = Change(run); !s.ok()) {
    return Answer{.error = EIO, .text = std::string(s.message())};
  }
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

Answer Dispatch::DeviceIoctl(Pending& pending, Handle& handle) {
  if (handle.file == nullptr) return {.error = ENOTTY};
  const auto command = static_cast<uint32_t>(pending.request.head.arg[0]);
  std::string reply;
  absl::StatusOr<int> result = 0;
  const auto run = [&](Session&) {
    result = handle.file == nullptr
                 ? absl::StatusOr<int>(ErrnoError(ENXIO, "it is no more"))
                 : handle.file->Ioctl(command, pending.request.bytes, &reply);
  };
  // What reads its argument may write the disk.
  if (dmdax_ioctl_takes(command) == 0) {
    run(machine_.session());
  } else if (absl::Status s = machine_.Write(run); !s.ok()) {
    return {.error = EIO, .text = std::string(s.message())};
  }
  if (!result.ok()) return Failure(result.status());
  return {.arg0 = static_cast<uint64_t>(*result), .bytes = std::move(reply)};
}

Answer Dispatch::Read(const Request& request, Handle& handle) {
  if (request.head.arg[1] > DMDAX_MAX_IO) return {.error = EINVAL};
  const bool at_position = request.head.arg[0] == DMDAX_AT_POSITION;
  const uint64_t offset = at_position ? handle.position : request.head.arg[0];
  std::string bytes(request.head.arg[1], '\0');
  size_t size = 0;
  if (handle.file != nullptr) {
    absl::StatusOr<size_t> n =
        handle.file->Read(offset, absl::MakeSpan(bytes.data(), bytes.size()));
    if (!n.ok()) return Failure(n.status());
    size = *n;
  } else if (handle.what.kind == DMDAX_KIND_ATTRIBUTE) {
    const Fd fd(open(absl::StrCat(tree_.path(), "/", handle.what.path).c_str(),
                     O_RDONLY | O_CLOEXEC));
    const ssize_t n = fd.ok() ? pread(fd.get(), bytes.data(), bytes.size(),
                                      static_cast<off_t>(offset))
                              : -1;
    if (n < 0) return {.error = ENODEV};
    size = static_cast<size_t>(n);
  } else {
    return {.error = EINVAL};
  }
  if (at_position) handle.position += size;
  bytes.resize(size);
  return {.arg0 = size, .bytes = std::move(bytes)};
}

Answer Dispatch::Write(const Request& request, Handle& handle) {
  const bool at_position = request.head.arg[0] == DMDAX_AT_POSITION;
  const uint64_t offset = at_position ? handle.position : request.head.arg[0];
  absl::StatusOr<size_t> n = size_t{0};
  absl::Status kept;
  if (handle.file != nullptr) {
    kept = machine_.Write([&](Session&) {
      n = handle.file == nullptr
              ? absl::StatusOr<size_t>(ErrnoError(ENXIO, "it is no more"))
              : handle.file->Write(offset, request.bytes);
    });
  } else if (handle.what.kind == DMDAX_KIND_ATTRIBUTE) {
    kept = Change([&](Session& session) {
      absl::Status s = StoreAttribute(session, handle.what.path, request.bytes);
      n = s.ok() ? absl::StatusOr<size_t>(request.bytes.size()) : s;
    });
  } else {
    return {.error = EINVAL};
  }
  if (!kept.ok()) return {.error = EIO, .text = std::string(kept.message())};
  if (!n.ok()) {
    Answer answer = Failure(n.status());
    if (answer.error == ENOTSUP) {
      answer = {.error = EIO, .text = std::string(n.status().message())};
    }
    return answer;
  }
  if (at_position) handle.position += *n;
  return {.arg0 = *n};
}

// fixed_size_llseek().
Answer Dispatch::Seek(const Request& request, Handle& handle) {
  if (handle.file == nullptr && handle.what.kind != DMDAX_KIND_ATTRIBUTE) {
    return {.error = ESPIPE};
  }
  // A file of /sys has a page.
  const uint64_t size = handle.file != nullptr ? handle.file->Size() : 4096;
  auto offset = static_cast<int64_t>(request.head.arg[0]);
  switch (request.head.flags) {
    case SEEK_SET:
      break;
    case SEEK_CUR:
      offset += static_cast<int64_t>(handle.position);
      break;
    case SEEK_END:
      offset += static_cast<int64_t>(size);
      break;
    default:
      return {.error = EINVAL};
  }
  if (offset < 0 || static_cast<uint64_t>(offset) > size) {
    return {.error = EINVAL};
  }
  handle.position = static_cast<uint64_t>(offset);
  return {.arg0 = handle.position};
}

}  // namespace dmdax
