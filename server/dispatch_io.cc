// SPDX-License-Identifier: Apache-2.0
//
// The ops on a handle that are about data.
#include <fcntl.h>
#include <linux/fs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "base/fd.h"
#include "base/units.h"
#include "block/disk_bytes.h"
#include "dm/bio/submit_bio.h"
#include "server/attribute.h"
#include "server/dispatch.h"
#include "server/failure.h"

namespace dmdax {

namespace {

// rw_verify_area(): no file has a byte behind the largest loff_t.
bool EndsBehindLoff(uint64_t offset, uint64_t size) {
  constexpr uint64_t kMost = std::numeric_limits<int64_t>::max();
  return offset > kMost || size > kMost - offset;
}

IoMemory MemoryOf(const Request& request) {
  return {.addresses = DMDAX_MEMORY_ADDRESSES(request.head.flags),
          .lengths = DMDAX_MEMORY_LENGTHS(request.head.flags)};
}

}  // namespace

std::optional<Answer> Dispatch::WithBytes(
    Handle& handle, absl::FunctionRef<absl::Status(BlockFile&)> write) {
  const bool begins = !machine_.has_unkept();
  absl::Status result = ErrnoError(ENXIO, "the device is no more");
  const absl::Status kept = machine_.Write(
      [&](Session&) {
        if (handle.file != nullptr) result = write(*handle.file);
      },
      Resident::Touches::kNoted);
  if (!kept.ok()) return StateFailure(kept);
  if (IsSuspended(result)) {
    // Who resumes it may be another command, which needs the state.
    if (begins) machine_.LetGo();
    return std::nullopt;
  }
  return result.ok() ? Answer{} : Failure(result);
}

std::optional<Answer> Dispatch::Read(const Request& request, Handle& handle) {
  if (request.head.arg[1] > DMDAX_MAX_IO) return Answer{.error = EINVAL};
  const bool at_position = request.head.arg[0] == DMDAX_AT_POSITION;
  const uint64_t offset = at_position ? handle.position : request.head.arg[0];
  if (EndsBehindLoff(offset, request.head.arg[1])) {
    return Answer{.error = EINVAL};
  }
  std::string bytes(request.head.arg[1], '\0');
  size_t size = 0;
  if (handle.file != nullptr) {
    absl::StatusOr<size_t> n = handle.file->Read(
        offset, absl::MakeSpan(bytes.data(), bytes.size()), MemoryOf(request));
    if (IsSuspended(n.status())) return std::nullopt;
    if (!n.ok()) return Failure(n.status());
    size = *n;
    handle.bytes_read += size;
  } else if (handle.what.kind == DMDAX_KIND_ATTRIBUTE) {
    const Fd fd(open(absl::StrCat(tree_.path(), "/", handle.what.path).c_str(),
                     O_RDONLY | O_CLOEXEC));
    const ssize_t n = fd.ok() ? pread(fd.get(), bytes.data(), bytes.size(),
                                      static_cast<off_t>(offset))
                              : -1;
    if (n < 0) return Answer{.error = ENODEV};
    size = static_cast<size_t>(n);
  } else {
    return Answer{.error = EINVAL};
  }
  if (at_position) handle.position += size;
  bytes.resize(size);
  return Answer{.arg0 = size, .bytes = std::move(bytes)};
}

std::optional<Answer> Dispatch::Write(const Request& request, Handle& handle) {
  if (handle.what.kind == DMDAX_KIND_ATTRIBUTE) {
    return WriteAttribute(request, handle);
  }
  if (handle.file == nullptr) return Answer{.error = EINVAL};
  const bool at_position = request.head.arg[0] == DMDAX_AT_POSITION;
  const uint64_t offset = at_position ? handle.position : request.head.arg[0];
  if (EndsBehindLoff(offset, request.bytes.size())) {
    return Answer{.error = EINVAL};
  }
  // The rest of a sector is read and written too.
  if ((offset | request.bytes.size()) % kSectorSize != 0) leases_.Revoke();
  size_t size = 0;
  std::optional<Answer> answer = WithBytes(handle, [&](BlockFile& file) {
    absl::StatusOr<size_t> n =
        file.Write(offset, request.bytes, MemoryOf(request));
    if (n.ok()) size = *n;
    return n.status();
  });
  if (answer && answer->error == 0) {
    if (at_position) handle.position += size;
    answer->arg0 = size;
  }
  return answer;
}

Answer Dispatch::WriteAttribute(const Request& request, const Handle& handle) {
  absl::Status stored;
  const absl::Status kept = Change(
      [&](Session& session) {
        stored = StoreAttribute(session, handle.what.path, request.bytes);
      },
      Resident::Touches::kNoted);
  if (!kept.ok()) return StateFailure(kept);
  if (stored.ok()) return {.arg0 = request.bytes.size()};
  // Which no kernel says.
  return ErrnoOf(stored) == ENOTSUP ? StateFailure(stored) : Failure(stored);
}

std::optional<Answer> Dispatch::Sync(Handle& handle) {
  if (handle.what.kind != DMDAX_KIND_BLOCK) return Answer{.error = EINVAL};
  std::optional<Answer> answer =
      WithBytes(handle, [](BlockFile& file) { return file.Fsync(); });
  if (!answer || answer->error != 0) return answer;
  Keep().IgnoreError();
  const absl::Status lost = std::exchange(handle.lost, absl::OkStatus());
  return lost.ok() ? Answer{} : StateFailure(lost);
}

std::optional<Answer> Dispatch::Allocate(const Request& request,
                                         Handle& handle) {
  if (handle.what.kind != DMDAX_KIND_BLOCK) return Answer{.error = ENODEV};
  return WithBytes(handle, [&](BlockFile& file) {
    return file.Fallocate(static_cast<int>(request.head.flags),
                          request.head.arg[0], request.head.arg[1]);
  });
}

Answer Dispatch::LeasePage() {
  Answer answer;
  answer.fd = leases_.Page();
  if (!answer.fd.ok()) answer.error = EOPNOTSUPP;
  return answer;
}

// Where a write would go, a client can write it.
Answer Dispatch::Lease(const Request& request, Handle& handle) {
  constexpr Answer (*none)() = [] { return Answer{.error = EOPNOTSUPP}; };
  const bool writes = (request.head.flags & DMDAX_LEASE_WRITE) != 0;
  const int mode = handle.what.flags & O_ACCMODE;
  if (handle.file == nullptr || (handle.what.flags & O_DIRECT) != 0 ||
      mode == (writes ? O_RDONLY : O_WRONLY)) {
    return none();
  }
  // Until it is revoked, nobody else may change what lies where: for a little
  // to be read that is too much.
  constexpr uint64_t kMuch = 256 << 10;
  if (!writes && machine_.has_state() && !machine_.has_unkept() &&
      request.head.arg[1] < kMuch && handle.bytes_read < kMuch) {
    return Answer{.error = EAGAIN};
  }
  const bool begins = !machine_.has_unkept();
  std::optional<BlockBacking> run;
  const absl::Status kept = machine_.Write(
      [&](Session&) {
        if (handle.file == nullptr) return;
        // Nobody needs a file of a blank disk.
        run = handle.file->Backing(request.head.arg[0], handle.file->Size(),
                                   writes ? DiskBytes::IfMemory::kBecomesFile
                                          : DiskBytes::IfMemory::kHasNone);
      },
      Resident::Touches::kNoted);
  if (kept.ok() && !run && begins) machine_.LetGo();
  if (!kept.ok() || !run) return none();
  Answer answer = {.arg0 = run->offset, .arg1 = run->length};
  answer.fd = Fd(fcntl(run->fd, F_DUPFD_CLOEXEC, 0));
  const uint64_t generation = leases_.Give();
  if (!answer.fd.ok() || generation == 0) return none();
  answer.bytes.assign(reinterpret_cast<const char*>(&generation),
                      sizeof(generation));
  return answer;
}

// setfl() of fs/fcntl.c.
Answer Dispatch::SetFlags(const Request& request, Handle& handle) {
  leases_.Revoke();
  constexpr int kSettable = O_APPEND | O_NONBLOCK | O_DIRECT | O_NOATIME;
  const auto wanted = static_cast<int>(request.head.flags);
  handle.what.flags = (handle.what.flags & ~kSettable) | (wanted & kSettable);
  if (handle.file != nullptr) handle.file->SetDirect((wanted & O_DIRECT) != 0);
  return {.flags = static_cast<uint32_t>(handle.what.flags)};
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
