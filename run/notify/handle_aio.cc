// SPDX-License-Identifier: Apache-2.0
//
// libaio's requests to a device: they are carried out when they are submitted,
// and their events wait for who asks.  The context is the kernel's, so that
// requests to other files are too.
#include <errno.h>
#include <linux/aio_abi.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "absl/types/span.h"
#include "run/notify/data.h"
#include "run/notify/handlers.h"

namespace dmdax::run {
namespace {

// Of a process, by its context.
using Context = std::pair<pid_t, uint64_t>;

class Events {
 public:
  void Add(const Context& context, const io_event& event) {
    absl::MutexLock lock(&lock_);
    // Processes that ended without asking.
    if (waiting_.size() > 64) {
      std::erase_if(waiting_, [](const auto& entry) {
        return Target(entry.first.first).Comm().empty();
      });
    }
    waiting_[context].push_back(event);
  }
  std::vector<io_event> Take(const Context& context, size_t most) {
    absl::MutexLock lock(&lock_);
    const auto it = waiting_.find(context);
    if (it == waiting_.end()) return {};
    std::vector<io_event>& all = it->second;
    const auto end =
        all.begin() + static_cast<ptrdiff_t>(std::min(most, all.size()));
    std::vector<io_event> taken(all.begin(), end);
    all.erase(all.begin(), end);
    if (all.empty()) waiting_.erase(it);
    return taken;
  }

 private:
  absl::Mutex lock_;
  std::map<Context, std::vector<io_event>> waiting_ ABSL_GUARDED_BY(lock_);
};

Events& AllEvents() {
  static auto* const events = new Events;
  return *events;
}

int64_t CarryOut(Call& call, const OpenFile& file, const iocb& request) {
  const auto offset = static_cast<uint64_t>(request.aio_offset);
  if (request.aio_offset < 0) return -EINVAL;
  switch (request.aio_lio_opcode) {
    case IOCB_CMD_PREAD:
      return Move(call, file, Direction::kRead, request.aio_buf,
                  request.aio_nbytes, offset);
    case IOCB_CMD_PWRITE:
      return Move(call, file, Direction::kWrite, request.aio_buf,
                  request.aio_nbytes, offset);
    case IOCB_CMD_PREADV:
      return MoveParts(call, file, Direction::kRead, request.aio_buf,
                       request.aio_nbytes, offset);
    case IOCB_CMD_PWRITEV:
      return MoveParts(call, file, Direction::kWrite, request.aio_buf,
                       request.aio_nbytes, offset);
    case IOCB_CMD_FSYNC:
    case IOCB_CMD_FDSYNC:
      return -SyncBytes(call, file);
    default:
      return -EINVAL;
  }
}

// Says so to the event descriptor that the request names.
void Signal(const Call& call, const iocb& request) {
  if ((request.aio_flags & IOCB_FLAG_RESFD) == 0) return;
  const Fd counter = call.target.Share(static_cast<int>(request.aio_resfd));
  const uint64_t one = 1;
  if (counter.ok()) {
    [[maybe_unused]] const ssize_t n = write(counter.get(), &one, sizeof(one));
  }
}

// Libraries look for events in the context's memory first, if it has this.
void ForgetRing(const Call& call, uint64_t context) {
  constexpr uint64_t kMagicAt = 16;  // of struct aio_ring
  call.target.memory()
      .WriteObject(context + kMagicAt, uint32_t{0})
      .IgnoreError();
}

}  // namespace

Reply AioSubmit(Call& call) {
  constexpr uint64_t kMost = 1024;
  const uint64_t count = call.arg(1);
  if (count == 0 || count > kMost) return Reply::Continue();
  std::vector<uint64_t> addresses(count);
  const absl::Span<char> bytes(reinterpret_cast<char*>(addresses.data()),
                               count * sizeof(uint64_t));
  if (!call.target.memory().Read(call.arg(2), bytes).ok()) {
    return Reply::Continue();
  }
  int64_t done = 0;
  for (const uint64_t address : addresses) {
    const absl::StatusOr<iocb> request =
        call.target.memory().ReadObject<iocb>(address);
    const std::optional<OpenFile> file =
        request.ok() ? call.FileAt(static_cast<int>(request->aio_fildes))
                     : std::nullopt;
    // The rest is submitted again, and then is the kernel's.
    if (!file) break;
    if (done++ == 0) ForgetRing(call, call.arg(0));
    io_event event{};
    event.data = request->aio_data;
    event.obj = address;
    event.res = CarryOut(call, *file, *request);
    AllEvents().Add({call.target.Tgid(), call.arg(0)}, event);
    Signal(call, *request);
  }
  return done > 0 ? Reply::Value(done) : Reply::Continue();
}

Reply AioEvents(Call& call) {
  const auto most = static_cast<int64_t>(call.arg(2));
  if (most <= 0) return Reply::Continue();
  const std::vector<io_event> events = AllEvents().Take(
      {call.target.Tgid(), call.arg(0)}, static_cast<size_t>(most));
  if (events.empty()) return Reply::Continue();
  const absl::Span<const char> bytes(
      reinterpret_cast<const char*>(events.data()),
      events.size() * sizeof(io_event));
  if (!call.target.memory().Write(call.arg(3), bytes).ok()) {
    return Reply::Errno(EFAULT);
  }
  return Reply::Value(static_cast<int64_t>(events.size()));
}

}  // namespace dmdax::run
