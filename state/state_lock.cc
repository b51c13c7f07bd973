// SPDX-License-Identifier: Apache-2.0
#include "state/state_lock.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdint>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "base/errno_status.h"

namespace dmdax {
namespace {

constexpr char kLock[] = "lock";
// Kinds of locks in /proc/locks: of flock(2) and of fcntl(2).
constexpr absl::string_view kFlock = "FLOCK";
constexpr absl::string_view kRecord = "POSIX";
constexpr absl::Duration kSilence = absl::Seconds(1);
constexpr absl::Duration kLookAgain = absl::Milliseconds(5);

// Who has such a lock on the file, one of those which exclude others, if the
// kernel says so.
int HolderByKernel(const struct stat& st, absl::string_view kind) {
  const std::string file =
      absl::StrFormat("%02x:%02x:%d", major(st.st_dev), minor(st.st_dev),
                      static_cast<uint64_t>(st.st_ino));
  // "1: FLOCK  ADVISORY  WRITE 123 08:01:456 0 EOF"; of those who wait
  // "1: -> FLOCK ...".
  std::ifstream locks("/proc/locks");
  for (std::string line; std::getline(locks, line);) {
    const std::vector<absl::string_view> words =
        absl::StrSplit(line, ' ', absl::SkipEmpty());
    int pid = 0;
    if (words.size() > 5 && words[1] == kind && words[3] == "WRITE" &&
        words[5] == file && absl::SimpleAtoi(words[4], &pid) && pid > 0 &&
        (kind != kRecord || pid != getpid())) {
      return pid;
    }
  }
  return 0;
}

// "held by pid 123", as far as the kernel says or the holder has written it.
// One that was killed has left its pid.
std::string Holder(const Fd& fd) {
  struct stat st;
  const int holder = fstat(fd.get(), &st) == 0 ? HolderByKernel(st, kFlock) : 0;
  if (holder != 0) return absl::StrCat("held by pid ", holder);
  char text[16] = {};
  const ssize_t n = pread(fd.get(), text, sizeof(text), 0);
  int pid = 0;
  if (n <= 0 || std::from_chars(text, text + n, pid).ec != std::errc() ||
      pid <= 0 || (kill(pid, 0) != 0 && errno == ESRCH)) {
    return "held by somebody";
  }
  return absl::StrCat("held by pid ", pid);
}

// Waits until `fd` is locked.
absl::Status Lock(const Fd& fd, const std::string& path, Patience& patience) {
  while (true) {
    // Without a limit there is nothing to look at but the lock itself; who
    // came first has it first.
    const bool block = patience.IsEndless();
    if (flock(fd.get(), block ? LOCK_EX : LOCK_EX | LOCK_NB) == 0) {
      return absl::OkStatus();
    }
    if (errno == EINTR) continue;
    if (errno != EWOULDBLOCK) return StateDirError("lock", path);
    if (!patience.LookAgain(
            [&] { return absl::StrCat("'", path, "', ", Holder(fd)); })) {
      return ErrnoError(
          ETIMEDOUT,
          absl::StrCat("state directory: '", path, "' is ", Holder(fd),
                       "; waited ", absl::FormatDuration(patience.timeout())));
    }
  }
}

}  // namespace

int RecordLockHolder(const std::string& path) {
  struct stat st;
  return stat(path.c_str(), &st) == 0 ? HolderByKernel(st, kRecord) : 0;
}

bool Patience::LookAgain(absl::FunctionRef<std::string()> what_for) {
  const absl::Duration waited = absl::Now() - start_;
  if (waited >= wait_.timeout) return false;
  if (!said_ && waited >= kSilence) {
    said_ = true;
    if (wait_.say) wait_.say(absl::StrCat("waiting for ", what_for()));
  }
  absl::SleepFor(kLookAgain);
  return true;
}

absl::StatusOr<StateLock> StateLock::Take(const PrivateDir& dir,
                                          Patience& patience) {
  while (true) {
    absl::StatusOr<Fd> fd = dir.OpenFile(kLock, O_RDWR | O_CREAT);
    if (!fd.ok()) return fd.status();
    absl::Status s = Lock(*fd, dir.PathOf(kLock), patience);
    if (!s.ok()) return s;
    // Somebody may have removed the file in the meantime; then the next writer
    // locks another one, and so must we.
    absl::StatusOr<bool> still = dir.IsStill(kLock, *fd);
    if (!still.ok()) return still.status();
    if (!*still) continue;
    // Others may have been allowed to open it once, and could lock us out.
    fchmod(fd->get(), 0600);
    // For who waits; nothing depends on it.
    const std::string pid = absl::StrCat(getpid(), "\n");
    if (pwrite(fd->get(), pid.data(), pid.size(), 0) ==
        static_cast<ssize_t>(pid.size())) {
      if (ftruncate(fd->get(), static_cast<off_t>(pid.size())) != 0) {
        return StateDirError("write", dir.PathOf(kLock));
      }
    }
    return StateLock(*std::move(fd));
  }
}

StateLock::~StateLock() {
  if (!fd_.ok()) return;
  // Whoever has it next may not say who it is.  If this fails, only a message
  // is wrong.
  [[maybe_unused]] const int ignored = ftruncate(fd_.get(), 0);
  // Closing does not unlock while a forked child has the descriptor, too.
  flock(fd_.get(), LOCK_UN);
}

}  // namespace dmdax
