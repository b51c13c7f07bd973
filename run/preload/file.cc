// SPDX-License-Identifier: Apache-2.0
#include "run/preload/file.h"

#include <fcntl.h>

#include <atomic>
#include <cstring>

#include "run/preload/client.h"
#include "run/preload/libc.h"

namespace dmdax::preload {
namespace {

// Numbers that are known to be other files.
constexpr int kNumbers = 4096;
std::atomic<unsigned char> others[kNumbers];

// What IDENTIFY has said, by inode.  A writer makes the count odd; who finds it
// so, or changed, asks the server.
struct Known {
  std::atomic<uint32_t> count = 0;
  std::atomic<uint64_t> inode = 0, handle = 0, dev = 0;
  std::atomic<uint32_t> kind = 0;
  std::atomic<int> flags = 0;
};
constexpr uint64_t kKnown = 512;
Known known[kKnown];

bool Recall(uint64_t inode, File* file) {
  const Known& k = known[inode % kKnown];
  const uint32_t count = k.count.load();
  if (count % 2 != 0 || k.inode.load() != inode) return false;
  file->handle = k.handle.load();
  file->dev = k.dev.load();
  file->kind = k.kind.load();
  file->flags = k.flags.load();
  return k.count.load() == count;
}

void Remember(uint64_t inode, const File& file) {
  Known& k = known[inode % kKnown];
  uint32_t count = k.count.load();
  if (count % 2 != 0 || !k.count.compare_exchange_strong(count, count + 1)) {
    return;  // another thread's is as good
  }
  k.inode = inode;
  k.handle = file.handle;
  k.dev = file.dev;
  k.kind = file.kind;
  k.flags = file.flags;
  k.count = count + 2;
}

}  // namespace

bool File::IsControl() const {
  return kind == DMDAX_KIND_CHAR && dev == DMDAX_DEV(10, 236);
}

void Forget(int fd) {
  if (fd >= 0 && fd < kNumbers) others[fd] = 0;
}

void ForgetAll() {
  for (std::atomic<unsigned char>& other : others) other = 0;
}

File FileOf(int fd) {
  File file;
  if (fd < 0 || !HaveMachine()) return file;
  if (fd < kNumbers && others[fd] != 0) return file;
  const KeepErrno keep;
  struct stat st;
  if (NEXT(fstat)(fd, &st) != 0) return file;
  if (st.st_mode != DMDAX_FD_MODE) {
    if (fd < kNumbers) others[fd] = 1;
    return file;
  }
  return FileOf(st);
}

File FileOf(const struct stat& st) {
  File file;
  if (st.st_mode != DMDAX_FD_MODE || !HaveMachine()) return file;
  const KeepErrno keep;
  file.ours = true;
  if (Recall(st.st_ino, &file)) return file;
  Message m(DMDAX_OP_IDENTIFY);
  m.head.arg[0] = st.st_ino;
  if (Call(m) != 0) return file;
  file.handle = m.head.handle;
  file.kind = static_cast<uint32_t>(m.head.arg[0]);
  file.dev = m.head.arg[1];
  file.flags = static_cast<int>(m.head.flags);
  Remember(st.st_ino, file);
  return file;
}

int OpenFile(uint32_t kind, uint64_t dev, const char* path, int flags) {
  Message m(DMDAX_OP_OPEN);
  m.head.flags = static_cast<uint32_t>(flags);
  m.head.arg[0] = kind;
  m.head.arg[1] = dev;
  if (path != nullptr) {
    m.in = path;
    m.in_size = strlen(path);
  }
  m.out_cloexec = (flags & O_CLOEXEC) != 0;
  if (const int error = Call(m)) return Result(error);
  Forget(m.out_fd);
  struct stat st;
  if (m.out_fd >= 0 && NEXT(fstat)(m.out_fd, &st) == 0) {
    Remember(st.st_ino, {.handle = m.head.handle,
                         .kind = kind,
                         .dev = dev,
                         .flags = flags,
                         .ours = true});
    return m.out_fd;
  }
  return Result(EMFILE);  // the kernel had no number for it
}

Node NodeAt(int dir, const char* path) {
  const KeepErrno keep;
  struct stat st;
  if (path == nullptr || NEXT(fstatat)(dir, path, &st, 0) != 0) return {};
  return NodeOf(st);
}

}  // namespace dmdax::preload
