// SPDX-License-Identifier: Apache-2.0
#include "server/scratch_tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <set>
#include <system_error>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "base/errno_status.h"
#include "server/handles.h"
#include "server/protocol.h"
#include "state/dir/own_uid.h"

namespace dmdax {
namespace {

namespace fs = std::filesystem;

constexpr char kPrefix[] = "dmdax-";

// What a lock of ours says: a directory of this name may be anybody's.
constexpr absl::string_view kMark = "a scratch tree of dmdax run\n";

absl::Status Failed(absl::string_view what, const std::string& path) {
  return ErrnoError(errno, absl::StrCat("cannot ", what, " '", path,
                                        "': ", ErrnoText(errno)));
}

// A device has some seventy small files, which a disk's file system writes
// down one by one: in memory, where there is room for thousands.
bool IsRoomyMemory(const char* dir) {
  constexpr uint64_t kRoom = uint64_t{1} << 30;
  struct statfs st;
  return statfs(dir, &st) == 0 && st.f_type == TMPFS_MAGIC &&
         st.f_bavail * static_cast<uint64_t>(st.f_bsize) >= kRoom &&
         access(dir, W_OK | X_OK) == 0;
}

std::string TemporaryDir() {
  const char* const dir = getenv("TMPDIR");
  if (dir != nullptr && *dir == '/') return dir;
  return IsRoomyMemory("/dev/shm") ? "/dev/shm" : "/tmp";
}

// What is in a directory, as far as it can be read.
std::vector<fs::path> Listed(const std::string& directory) {
  std::error_code error;
  std::vector<fs::path> paths;
  for (fs::directory_iterator it(directory, error);
       !error && it != fs::directory_iterator(); it.increment(error)) {
    paths.push_back(it->path());
  }
  return paths;
}

// Whether it is a lock of ours, and nobody has it.  Who makes one has it before
// the mark is in it.
bool IsLeft(const fs::path& path) {
  const Fd lock(
      open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  struct stat st;
  if (!lock.ok() || fstat(lock.get(), &st) != 0 || !S_ISREG(st.st_mode) ||
      st.st_uid != OwnUid() || flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    return false;
  }
  char mark[kMark.size() + 1];
  const ssize_t n = pread(lock.get(), mark, sizeof(mark), 0);
  return n >= 0 && absl::string_view(mark, n) == kMark;
}

// The lock goes last: who is killed in the middle leaves what is still known.
void RemoveTree(const fs::path& top) {
  std::error_code ignored;
  for (const fs::path& path : Listed(top)) {
    if (path.filename() != "lock") fs::remove_all(path, ignored);
  }
  fs::remove_all(top, ignored);
}

// What processes of ours left behind that were killed, and nothing else: what
// the user has made has no such lock, whatever it is called.
void RemoveStale(const std::string& parent) {
  for (const fs::path& path : Listed(parent)) {
    struct stat st;
    if (!absl::StartsWith(path.filename().string(), kPrefix) ||
        lstat(path.c_str(), &st) != 0 || !S_ISDIR(st.st_mode) ||
        st.st_uid != OwnUid()) {
      continue;
    }
    // One that was killed early has nothing but a lock without its name yet.
    const bool early = Listed(path) == std::vector{path / "lock.new"};
    if (IsLeft(path / (early ? "lock.new" : "lock"))) RemoveTree(path);
  }
}

absl::Status WriteFile(const std::string& path, const std::string& text,
                       mode_t mode) {
  const Fd fd(
      open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
  if (!fd.ok() || write(fd.get(), text.data(), text.size()) !=
                      static_cast<ssize_t>(text.size())) {
    return Failed("write", path);
  }
  return absl::OkStatus();
}

// Else the tree stops half-way, and cannot even be removed.
absl::Status CheckDescriptors() {
  constexpr rlim_t kFewest = 32;
  rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= kFewest) {
    return absl::OkStatus();
  }
  return ErrnoError(
      EMFILE, absl::StrCat("the limit of open files is ", limit.rlim_cur,
                           ": a machine that programs run on needs ", kFewest,
                           " or more (ulimit -n)"));
}

}  // namespace

absl::StatusOr<std::unique_ptr<ScratchTree>> ScratchTree::Make() {
  if (absl::Status s = CheckDescriptors(); !s.ok()) return s;
  const std::string parent = TemporaryDir();
  RemoveStale(parent);
  std::string top = absl::StrCat(parent, "/", kPrefix, "XXXXXX");
  if (mkdtemp(top.data()) == nullptr) return Failed("make", top);
  // Locked before it has its name: nobody takes it for stale.
  const std::string lock = top + "/lock.new";
  Fd fd(open(lock.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!fd.ok() || flock(fd.get(), LOCK_EX | LOCK_NB) != 0 ||
      write(fd.get(), kMark.data(), kMark.size()) !=
          static_cast<ssize_t>(kMark.size()) ||
      rename(lock.c_str(), (top + "/lock").c_str()) != 0) {
    return Failed("lock", lock);
  }
  std::unique_ptr<ScratchTree> tree(
      new ScratchTree(std::move(top), std::move(fd)));
  if (absl::Status s = tree->MakeSkeleton(); !s.ok()) return s;
  return tree;
}

ScratchTree::~ScratchTree() { RemoveTree(top_); }

absl::Status ScratchTree::MakeSkeleton() {
  for (const char* dir :
       {"dev/mapper", "etc/lvm/archive", "etc/lvm/backup", "etc/lvm/devices",
        "proc/sys/kernel", "proc/sys/vm", "run/cryptsetup", "run/lock/lvm",
        "run/lvm", "sys/block", "sys/dev/block", "sys/class/block",
        "sys/class/bdi", "sys/devices/virtual/block", "sys/devices/virtual/bdi",
        "sys/module/dm_mod/parameters"}) {
    if (absl::Status s = MakeDirs(Full(dir)); !s.ok()) return s;
  }
  absl::Status s =
      MakeNode("dev/mapper/control", DMDAX_KIND_CHAR, kControlNode);
  if (s.ok()) s = MakeNode("dev/loop-control", DMDAX_KIND_CHAR, kLoopControl);
  if (!s.ok()) return s;
  // What is no block device is the host's.
  s = Put({"proc/sys/vm/drop_caches", TreeEntry::kText, "0\n", true});
  if (!s.ok()) return s;
  for (const fs::path& path : Listed("/dev")) {
    const std::string name = path.filename();
    struct stat st;
    if (name == "disk" || name == "block" || name == "loop-control" ||
        name == "mapper" || stat(path.c_str(), &st) != 0 ||
        S_ISBLK(st.st_mode)) {
      continue;
    }
    std::error_code ignored;
    fs::create_symlink(path, Full("dev/" + name), ignored);
  }
  return absl::OkStatus();
}

absl::Status ScratchTree::MakeDirs(const std::string& path) {
  // A supervisor has no umask.
  const auto make = [&] {
    return mkdir(path.c_str(), 0755) == 0 || errno == EEXIST;
  };
  if (make()) return absl::OkStatus();
  if (errno == ENOENT) {
    absl::Status s = MakeDirs(path.substr(0, path.rfind('/')));
    if (!s.ok() || make()) return s;
  }
  return Failed("make", path);
}

absl::Status ScratchTree::MakeNode(const std::string& path, int kind,
                                   DevT dev) {
  const std::string full = Full(path);
  const std::string fresh = top_ + "/node.new";
  unlink(fresh.c_str());
  {
    const Fd fd(
        open(fresh.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    const timespec times[2] = {
        {.tv_sec = 0, .tv_nsec = UTIME_OMIT},
        {.tv_sec = static_cast<time_t>(DMDAX_DEV(dev.major_nr, dev.minor_nr)),
         .tv_nsec = DMDAX_NODE_NSEC + kind}};
    if (!fd.ok() || fchmod(fd.get(), DMDAX_NODE_MODE & 07777) != 0 ||
        futimens(fd.get(), times) != 0) {
      return Failed("make", fresh);
    }
  }
  absl::Status s = MakeDirs(full.substr(0, full.rfind('/')));
  if (!s.ok()) return s;
  if (rename(fresh.c_str(), full.c_str()) != 0) return Failed("make", full);
  return absl::OkStatus();
}

absl::Status ScratchTree::Put(const TreeEntry& entry) {
  const std::string full = Full(entry.path);
  switch (entry.kind) {
    case TreeEntry::kDirectory:
      return MakeDirs(full);
    case TreeEntry::kLink:
      unlink(full.c_str());
      if (symlink(entry.text.c_str(), full.c_str()) != 0) {
        return Failed("make", full);
      }
      return absl::OkStatus();
    case TreeEntry::kText: {
      const mode_t mode = entry.writable ? 0644 : 0444;
      if (access(full.c_str(), F_OK) != 0) {
        return WriteFile(full, entry.text, mode);
      }
      // A reader sees the old one or the new one.
      const std::string fresh = top_ + "/text.new";
      unlink(fresh.c_str());
      if (absl::Status s = WriteFile(fresh, entry.text, mode); !s.ok()) {
        return s;
      }
      if (rename(fresh.c_str(), full.c_str()) != 0) {
        return Failed("write", full);
      }
      return absl::OkStatus();
    }
  }
  return absl::OkStatus();
}

void ScratchTree::Remove(const std::vector<TreeEntry>& entries) {
  // What is in a directory goes first.
  for (size_t i = entries.size(); i-- > 0;) {
    const std::string full = Full(entries[i].path);
    if (entries[i].kind == TreeEntry::kDirectory) {
      rmdir(full.c_str());
    } else {
      unlink(full.c_str());
    }
  }
}

absl::StatusOr<DevT> ScratchTree::HostNode(const std::string& path) {
  struct stat st;
  if (stat(path.c_str(), &st) != 0) return ErrnoError(errno, "");
  if ((st.st_mode & DMDAX_NODE_MODE_MASK) !=
          (DMDAX_NODE_MODE & DMDAX_NODE_MODE_MASK) ||
      st.st_mtim.tv_nsec != DMDAX_NODE_NSEC + DMDAX_KIND_BLOCK) {
    return ErrnoError(ENOTBLK, "");
  }
  const auto number = static_cast<uint64_t>(st.st_mtim.tv_sec);
  return DevT{DMDAX_MAJOR(number), DMDAX_MINOR(number)};
}

std::optional<DevT> ScratchTree::NodeAt(const std::string& path) const {
  const bool ours = absl::StartsWith(path, "/dev/");
  const absl::StatusOr<DevT> dev = HostNode(ours ? tree_ + path : path);
  return dev.ok() ? std::optional<DevT>(*dev) : std::nullopt;
}

}  // namespace dmdax
