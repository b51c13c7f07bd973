// SPDX-License-Identifier: Apache-2.0
//
// The tables of mounts, without what a program would take for the machine's: a
// disk of the host may have the number of a device here, and what is mounted
// from it would be mounted from that device.
//
//   if (MountTableOf("/proc/self/mounts") != MountTable::kNone) {
//     return OpenMountTable("/proc/self/mounts", tree, O_CLOEXEC);
//   }
//
// Of /proc/PID/mounts and /etc/mtab lines are left out whose device the machine
// has too, by number or by name, and that of /dev; in /proc/PID/mountinfo,
// which names each number, all numbers of disks become 0:N, and a device of
// such a name "none": umount(8) of it would unmount the host's.  What both
// doors know of it, with libc alone; the system calls are made past a library
// that stands in front of it.
// Mirrors: proc_pid_mounts(5), proc_pid_mountinfo(5).
// Threading: thread-safe, async-signal-safe.
#ifndef DMDAX_RUN_MOUNT_TABLE_H_
#define DMDAX_RUN_MOUNT_TABLE_H_

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "run/raw_call.h"

namespace dmdax::run {

enum class MountTable { kNone, kMounts, kInfo };

inline bool EndsWith(const char* path, const char* end) {
  const size_t length = strlen(path), n = strlen(end);
  return length >= n && strcmp(path + length - n, end) == 0;
}

// Which of them a path is.
inline MountTable MountTableOf(const char* path) {
  if (path == nullptr || *path != '/') return MountTable::kNone;
  if (strcmp(path, "/etc/mtab") == 0) return MountTable::kMounts;
  if (strncmp(path, "/proc/", 6) != 0) return MountTable::kNone;
  if (EndsWith(path, "/mounts")) return MountTable::kMounts;
  return EndsWith(path, "/mountinfo") ? MountTable::kInfo : MountTable::kNone;
}

namespace mount_table {

class Reader {
 public:
  explicit Reader(int fd) : fd_(fd) {}
  // The next byte; -1: there is none.
  int Next() {
    if (at_ == size_) {
      const long n = RawCall(SYS_read, fd_, bytes_, sizeof(bytes_));
      size_ = n > 0 ? static_cast<size_t>(n) : 0;
      at_ = 0;
      if (size_ == 0) return -1;
    }
    return static_cast<unsigned char>(bytes_[at_++]);
  }

 private:
  const int fd_;
  size_t at_ = 0, size_ = 0;
  char bytes_[4096];
};

class Writer {
 public:
  explicit Writer(int fd) : fd_(fd) {}
  void Put(char c) {
    if (size_ == sizeof(bytes_)) Flush();
    bytes_[size_++] = c;
  }
  void Put(const char* text) {
    while (*text != '\0') Put(*text++);
  }
  void Flush() {
    RawCall(SYS_write, fd_, bytes_, size_);
    size_ = 0;
  }

 private:
  const int fd_;
  size_t size_ = 0;
  char bytes_[4096];
};

// Copies up to and with `end`, or to the end of the line.  The last byte.
inline int Copy(Reader& in, Writer* out, char end) {
  for (;;) {
    const int c = in.Next();
    if (c >= 0 && out != nullptr) out->Put(static_cast<char>(c));
    if (c < 0 || c == '\n' || c == end) return c;
  }
}

// "98:0", the third word of a line of mountinfo, of which two have been read.
// False: there is none.
inline bool ReadNumber(Reader& info, unsigned* major, unsigned* minor) {
  char word[32];
  size_t n = 0;
  for (int c = info.Next(); c >= 0 && c != ' ' && c != '\n'; c = info.Next()) {
    if (n + 1 < sizeof(word)) word[n++] = static_cast<char>(c);
  }
  word[n] = '\0';
  return sscanf(word, "%u:%u", major, minor) == 2;
}

// Leaves what is behind the word.
inline bool NextWordIs(Reader& in, const char* word) {
  bool is = true;
  for (int c = in.Next(); c >= 0 && c != ' '; c = in.Next()) {
    is = is && *word == c;
    if (*word != '\0') ++word;
  }
  return is && *word == '\0';
}

inline bool MachineHas(const char* tree, unsigned major, unsigned minor) {
  char path[PATH_MAX + 64];
  snprintf(path, sizeof(path), "%s/sys/dev/block/%u:%u", tree, major, minor);
  return RawCall(SYS_faccessat, AT_FDCWD, path, F_OK) == 0;
}

// Reads a word, and what ended it.  One that is too long is no device's name.
inline int ReadWord(Reader& in, char* word, size_t size, Writer* out) {
  size_t n = 0;
  int c = in.Next();
  for (; c >= 0 && c != ' ' && c != '\n' && n + 1 < size; c = in.Next()) {
    word[n++] = static_cast<char>(c);
  }
  word[n] = '\0';
  if (c >= 0 && c != ' ' && c != '\n') {
    out->Put(word);
    word[0] = '\0';
    for (; c >= 0 && c != ' ' && c != '\n'; c = in.Next()) {
      out->Put(static_cast<char>(c));
    }
  }
  return c;
}

// Of a line of mountinfo: up to the word "-" and the one behind it, the type.
// False: the line is over.
inline bool CopyUpToSource(Reader& in, Writer* out) {
  char word[PATH_MAX];
  for (bool is_dash = false; !is_dash;) {
    const int end = ReadWord(in, word, sizeof(word), out);
    out->Put(word);
    if (end >= 0) out->Put(static_cast<char>(end));
    if (end != ' ') return false;
    is_dash = strcmp(word, "-") == 0;
  }
  return Copy(in, out, ' ') == ' ';
}

// Whether the machine has a name below /dev that a table says.
inline bool MachineHasName(const char* tree, const char* name) {
  if (name[0] != '/' || strncmp(name + 1, "dev/", 4) != 0) return false;
  char path[2 * PATH_MAX];
  snprintf(path, sizeof(path), "%s%s", tree, name);
  return RawCall(SYS_faccessat, AT_FDCWD, path, F_OK) == 0;
}

}  // namespace mount_table

// Copies `table` to `out`.  `info` is the mountinfo that has the same lines, in
// the same order; `tree` the top of the machine's tree.
inline void FilterMounts(int table, int info, int out, const char* tree) {
  mount_table::Reader lines(table), numbers(info);
  mount_table::Writer writer(out);
  for (;;) {
    unsigned major = 0, minor = 0;
    mount_table::Copy(numbers, nullptr, ' ');
    mount_table::Copy(numbers, nullptr, ' ');
    const bool is_disk =
        mount_table::ReadNumber(numbers, &major, &minor) && major != 0;
    mount_table::Copy(numbers, nullptr, ' ');
    // The machine's /dev is no mount.
    bool is_ours = mount_table::NextWordIs(numbers, "/dev");
    mount_table::Copy(numbers, nullptr, '\n');
    is_ours |= is_disk && mount_table::MachineHas(tree, major, minor);
    char source[PATH_MAX];
    int end = mount_table::ReadWord(lines, source, sizeof(source), &writer);
    if (end < 0) break;
    is_ours |= mount_table::MachineHasName(tree, source);
    mount_table::Writer* const to = is_ours ? nullptr : &writer;
    if (to != nullptr) {
      to->Put(source);
      to->Put(static_cast<char>(end));
    }
    if (end != '\n' && mount_table::Copy(lines, to, '\n') < 0) break;
  }
  writer.Flush();
}

// The same for mountinfo itself.
inline void FilterMountInfo(int info, int out, const char* tree) {
  mount_table::Reader lines(info);
  mount_table::Writer writer(out);
  while (mount_table::Copy(lines, &writer, ' ') == ' ' &&
         mount_table::Copy(lines, &writer, ' ') == ' ') {
    unsigned major = 0, minor = 0;
    mount_table::ReadNumber(lines, &major, &minor);
    char number[32];
    snprintf(number, sizeof(number), "0:%u ", minor);
    writer.Put(number);
    if (!mount_table::CopyUpToSource(lines, &writer)) continue;
    char source[PATH_MAX];
    const int end =
        mount_table::ReadWord(lines, source, sizeof(source), &writer);
    writer.Put(mount_table::MachineHasName(tree, source) ? "none" : source);
    if (end < 0) break;
    writer.Put(static_cast<char>(end));
    if (end != '\n' && mount_table::Copy(lines, &writer, '\n') < 0) break;
  }
  writer.Flush();
}

// A file of memory with what a program is to see of the table at `path`, or -1
// with errno.  `flags`: O_CLOEXEC or 0.
inline int OpenMountTable(const char* path, const char* tree, int flags) {
  const MountTable which = MountTableOf(path);
  constexpr int kFlags = O_RDONLY | O_CLOEXEC;
  char info_path[PATH_MAX] = "/proc/self/mountinfo";
  const char* const slash = strrchr(path, '/');
  if (strcmp(path, "/etc/mtab") != 0 && strcmp(path, "/proc/mounts") != 0) {
    snprintf(info_path, sizeof(info_path), "%.*s/mountinfo",
             static_cast<int>(slash - path), path);
  }
  const auto open = [](const char* at) {
    return static_cast<int>(RawCall(SYS_openat, AT_FDCWD, at, kFlags, 0));
  };
  const int table = open(path);
  if (table < 0) return table;
  const int info = which == MountTable::kInfo ? table : open(info_path);
  const int out = memfd_create(
      "mounts", (flags & O_CLOEXEC) != 0 ? unsigned{MFD_CLOEXEC} : 0u);
  if (out >= 0 && which == MountTable::kInfo) FilterMountInfo(table, out, tree);
  if (out >= 0 && which == MountTable::kMounts) {
    FilterMounts(table, info, out, tree);
  }
  if (out >= 0) RawCall(SYS_lseek, out, 0, SEEK_SET);
  RawCall(SYS_close, table);
  if (info >= 0 && info != table) RawCall(SYS_close, info);
  return out;
}

}  // namespace dmdax::run

#endif  // DMDAX_RUN_MOUNT_TABLE_H_
