// SPDX-License-Identifier: Apache-2.0
//
// RunsAlone: whether a program is one that a preload library does not see all
// of: static; Go's, which makes its system calls itself; or linked with another
// libc than glibc, musl for instance, whose streams do so.
//
//   RunsAlone("dmsetup");    // false: it is linked with libc.so
//   RunsAlone("./client");   // true, if it is static
//
// Looks at the file that execvp(3) would run; of a script, at its interpreter.
// What cannot be read is taken for the common case.  Needs libc alone, and no
// memory of its own: a child of vfork(2) may ask.
// Mirrors: elf(5); Go's note (cmd/internal/buildid).
// Threading: thread-safe, as far as nobody changes $PATH.
#ifndef DMDAX_RUN_RUNS_ALONE_H_
#define DMDAX_RUN_RUNS_ALONE_H_

#include <elf.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "run/raw_call.h"

namespace dmdax::run {

// A file that is looked at past a library in front of libc.
class ProgramFile {
 public:
  explicit ProgramFile(const char* path)
      : fd_(static_cast<int>(
            RawCall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0))) {}
  ~ProgramFile() {
    if (fd_ >= 0) RawCall(SYS_close, fd_);
  }
  ProgramFile(const ProgramFile&) = delete;
  ProgramFile& operator=(const ProgramFile&) = delete;

  // How many of the bytes there are.
  size_t Read(uint64_t offset, void* to, size_t size) const {
    const long n = fd_ >= 0 ? RawCall(SYS_pread64, fd_, to, size, offset) : -1;
    return n > 0 ? static_cast<size_t>(n) : 0;
  }
  template <typename T>
  bool ReadObject(uint64_t offset, T* object) const {
    return Read(offset, object, sizeof(*object)) == sizeof(*object);
  }

 private:
  const int fd_;
};

// A note is its name's length, its own, its type, and then the name.
inline bool HasGosNote(const ProgramFile& file, const Elf64_Phdr& part) {
  char notes[4096];
  const size_t most =
      part.p_filesz < sizeof(notes) ? part.p_filesz : sizeof(notes);
  const size_t size = file.Read(part.p_offset, notes, most);
  return size > 0 && memmem(notes, size, "Go\0", 4) != nullptr;
}

// Whether it is glibc's dynamic linker that begins the program.
inline bool HasGlibcsLinker(const ProgramFile& file, const Elf64_Phdr& part) {
  char path[PATH_MAX];
  const size_t most =
      part.p_filesz < sizeof(path) ? part.p_filesz : sizeof(path);
  const size_t size = file.Read(part.p_offset, path, most);
  constexpr char kName[] = "/ld-linux";
  return memmem(path, size, kName, sizeof(kName) - 1) != nullptr;
}

inline bool ElfRunsAlone(const ProgramFile& file) {
  Elf64_Ehdr header;
  if (!file.ReadObject(0, &header) || header.e_ident[EI_CLASS] != ELFCLASS64 ||
      header.e_phentsize != sizeof(Elf64_Phdr)) {
    return false;
  }
  bool is_glibcs = false, is_go = false;
  for (uint64_t i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr part;
    if (!file.ReadObject(header.e_phoff + i * sizeof(part), &part))
      return false;
    is_glibcs |= part.p_type == PT_INTERP && HasGlibcsLinker(file, part);
    is_go |= part.p_type == PT_NOTE && HasGosNote(file, part);
  }
  return !is_glibcs || is_go;
}

// Where execvp(3) finds it; false: nowhere.
inline bool FindProgram(const char* name, char (&found)[PATH_MAX]) {
  const size_t length = strnlen(name, sizeof(found));
  if (length == sizeof(found)) return false;
  if (strchr(name, '/') != nullptr) {
    memcpy(found, name, length + 1);
    return true;
  }
  const char* dir = getenv("PATH");
  if (dir == nullptr) dir = "/bin:/usr/bin";
  for (;; ++dir) {
    const size_t size = strcspn(dir, ":");
    if (size + 1 + length < sizeof(found)) {
      memcpy(found, dir, size);
      char* end = found + size;
      if (size > 0) *end++ = '/';
      memcpy(end, name, length + 1);
      struct stat st;
      if (RawCall(SYS_newfstatat, AT_FDCWD, found, &st, 0) == 0 &&
          S_ISREG(st.st_mode) &&
          RawCall(SYS_faccessat, AT_FDCWD, found, X_OK) == 0) {
        return true;
      }
    }
    dir += size;
    if (*dir == '\0') return false;
  }
}

// The interpreter of a script whose first bytes are `head`, in place; behind
// env(1) it is what that is to look for.  Null: there is none.
inline const char* InterpreterOf(char* head) {
  constexpr char kBlanks[] = " \t";
  head[strcspn(head, "\n")] = '\0';
  char* const word = head + 2 + strspn(head + 2, kBlanks);
  char* const end = word + strcspn(word, kBlanks);
  char* const second = end + strspn(end, kBlanks);
  *end = '\0';
  if (*word == '\0') return nullptr;
  const char* const slash = strrchr(word, '/');
  const bool is_env = slash != nullptr && strcmp(slash, "/env") == 0;
  // `second` is at the terminator of the line if there is no second word.
  if (!is_env || second == end) return word;
  second[strcspn(second, kBlanks)] = '\0';
  return *second != '\0' ? second : word;
}

inline bool RunsAlone(const char* program) {
  constexpr int kMostScripts = 4;  // as BINPRM_MAX_RECURSION of the kernel
  char path[PATH_MAX];
  if (program == nullptr || !FindProgram(program, path)) return false;
  for (int scripts = 0; scripts <= kMostScripts; ++scripts) {
    const ProgramFile file(path);
    char head[256] = {};
    if (file.Read(0, head, sizeof(head) - 1) < 4) return false;
    if (memcmp(head, ELFMAG, SELFMAG) == 0) return ElfRunsAlone(file);
    if (head[0] != '#' || head[1] != '!') return false;
    const char* const interpreter = InterpreterOf(head);
    if (interpreter == nullptr || !FindProgram(interpreter, path)) return false;
  }
  return false;
}

}  // namespace dmdax::run

#endif  // DMDAX_RUN_RUNS_ALONE_H_
