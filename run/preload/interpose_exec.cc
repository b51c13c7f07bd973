// SPDX-License-Identifier: Apache-2.0
//
// exec(3) and posix_spawn(3) of a program that this library does not see all
// of, a static one or Go's (run/runs_alone.h).  `dmdax run` goes in front of
// it, which answers for its system calls ($DMDAX_SUPERVISOR); what it is told
// is the same.
#include <errno.h>
#include <limits.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "run/foreign_rights.h"
#include "run/preload/client.h"
#include "run/preload/libc.h"
#include "run/runs_alone.h"

namespace dmdax::preload {
namespace {

constexpr char kLibrary[] = "libdmdax_preload.so";
constexpr char kPreload[] = "LD_PRELOAD=";

size_t Count(char* const* words) {
  size_t n = 0;
  while (words != nullptr && words[n] != nullptr) ++n;
  return n;
}

// A list of words with its end; on the stack, or for a long one in memory of
// its own: a child of vfork(2) has no other.
class Words {
 public:
  explicit Words(size_t most) : size_((most + 1) * sizeof(char*)) {
    if (size_ <= sizeof(few_)) {
      words_ = few_;
      return;
    }
    void* const memory = mmap(nullptr, size_, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    words_ = memory == MAP_FAILED ? nullptr : static_cast<char**>(memory);
  }
  ~Words() {
    if (words_ != few_ && words_ != nullptr) munmap(words_, size_);
  }
  Words(const Words&) = delete;
  Words& operator=(const Words&) = delete;

  bool ok() const { return words_ != nullptr; }
  void Add(const char* word) {
    words_[n_] = const_cast<char*>(word);
    words_[++n_] = nullptr;
  }
  char** get() { return words_; }

 private:
  const size_t size_;
  size_t n_ = 0;
  char** words_;
  char* few_[256] = {};
};

// $DMDAX_SUPERVISOR: `dmdax run` without a door.
const char* Supervisor() {
  static const char* const path = getenv(DMDAX_SUPERVISOR_ENV);
  return path;
}
bool IsRoot() {
  static const bool is = getenv(DMDAX_ROOT_ENV) != nullptr;
  return is;
}

// As the process began with them: env(1) has none when it comes to exec(3).
__attribute__((constructor)) void ReadEnvironment() {
  HaveMachine();
  Supervisor();
  IsRoot();
}

// What a program is to be executed as.
enum class Search { kNone, kPath };

// The file that is executed; false: none.
bool FindFile(const char* name, Search search, char (&file)[PATH_MAX]) {
  if (search == Search::kPath || strchr(name, '/') != nullptr) {
    return run::FindProgram(name, file);
  }
  const size_t length = strnlen(name, sizeof(file));
  if (length + 2 >= sizeof(file)) return false;
  memcpy(file, "./", 2);
  memcpy(file + 2, name, length + 1);
  return true;
}

void SayIfItLeaves(const char* file) {
  if (!run::HasForeignRights(file)) return;
  char line[512];
  snprintf(line, sizeof(line), "%.300s%s", file, run::kDropsLibrary);
  SayLine(line);
}

// The file of a program that needs a supervisor; false: it needs none, or
// exec(3) is to say what is wrong with it.
bool NeedsSupervisor(const char* name, Search search, char (&file)[PATH_MAX]) {
  if (name == nullptr || *name == '\0' || !HaveMachine()) return false;
  const KeepErrno keep;
  if (!FindFile(name, search, file) ||
      run::RawCall(SYS_faccessat, AT_FDCWD, file, X_OK) != 0) {
    return false;
  }
  SayIfItLeaves(file);
  return Supervisor() != nullptr && run::RunsAlone(file);
}

// The environment without this library, which would be another door for what
// the program runs.
class Environment {
 public:
  explicit Environment(char* const* all) : words_(Count(all)) {
    if (!words_.ok()) return;
    for (; all != nullptr && *all != nullptr; ++all) {
      const char* word = *all;
      if (strncmp(word, kPreload, sizeof(kPreload) - 1) == 0) {
        word = WithoutLibrary(word);
      }
      if (word != nullptr) words_.Add(word);
    }
  }
  bool ok() const { return words_.ok(); }
  char** get() { return words_.get(); }

 private:
  // Null: nothing is left.
  const char* WithoutLibrary(const char* word) {
    constexpr char kBetween[] = ": ";
    size_t done = sizeof(kPreload) - 1;
    memcpy(others_, kPreload, done);
    for (const char* at = word + done; *at != '\0';) {
      const size_t size = strcspn(at, kBetween);
      const size_t name = sizeof(kLibrary) - 1;
      const bool ours =
          size >= name && memcmp(at + size - name, kLibrary, name) == 0;
      if (!ours && size > 0) {
        if (done + size + 2 > sizeof(others_)) return word;
        if (done >= sizeof(kPreload)) others_[done++] = ':';
        memcpy(others_ + done, at, size);
        done += size;
      }
      at += size;
      at += strspn(at, kBetween);
    }
    others_[done] = '\0';
    return done >= sizeof(kPreload) ? others_ : nullptr;
  }

  Words words_;
  char others_[PATH_MAX] = {};
};

// dmdax run --join SOCKET -- FILE ARGV[0] ...
class Command {
 public:
  Command(const char* file, char* const* argv) : words_(Count(argv) + kMore) {
    if (!words_.ok()) return;
    words_.Add(Supervisor());
    words_.Add("run");
    words_.Add("--door=notify");
    words_.Add("--join");
    words_.Add(MachineSocket());
    if (IsRoot()) words_.Add("--root");
    words_.Add("--");
    words_.Add(file);
    // A program without a name of its own gets one from the kernel too.
    if (Count(argv) == 0) words_.Add("");
    for (size_t i = 0; i < Count(argv); ++i) words_.Add(argv[i]);
  }
  bool ok() const { return words_.ok(); }
  char** get() { return words_.get(); }

 private:
  static constexpr size_t kMore = 9;
  Words words_;
};

int Exec(const char* name, char* const* argv, char* const* envp,
         Search search) {
  char file[PATH_MAX];
  if (!NeedsSupervisor(name, search, file)) {
    return search == Search::kPath ? NEXT(execvpe)(name, argv, envp)
                                   : NEXT(execve)(name, argv, envp);
  }
  Command command(file, argv);
  Environment environment(envp);
  if (!command.ok() || !environment.ok()) return Result(ENOMEM);
  return NEXT(execve)(Supervisor(), command.get(), environment.get());
}

using Spawn = decltype(posix_spawn);

int SpawnIt(Spawn* real, Search search, pid_t* pid, const char* name,
            const posix_spawn_file_actions_t* actions,
            const posix_spawnattr_t* attributes, char* const* argv,
            char* const* envp) {
  char file[PATH_MAX];
  if (!NeedsSupervisor(name, search, file)) {
    return real(pid, name, actions, attributes, argv, envp);
  }
  Command command(file, argv);
  Environment environment(envp);
  if (!command.ok() || !environment.ok()) return ENOMEM;
  return NEXT(posix_spawn)(pid, Supervisor(), actions, attributes,
                           command.get(), environment.get());
}

// Those of execl(3), up to the null; `args` stands behind the first.
size_t CountList(const char* first, va_list args) {
  va_list copy;
  va_copy(copy, args);
  size_t n = 0;
  for (const char* word = first; word != nullptr;
       word = va_arg(copy, const char*)) {
    ++n;
  }
  va_end(copy);
  return n;
}

}  // namespace
}  // namespace dmdax::preload

using namespace dmdax::preload;  // for what is in front of libc's names

EXPORT int execve(const char* path, char* const* argv,
                  char* const* envp) noexcept {
  return Exec(path, argv, envp, Search::kNone);
}
EXPORT int execv(const char* path, char* const* argv) noexcept {
  return Exec(path, argv, environ, Search::kNone);
}
EXPORT int execvpe(const char* name, char* const* argv,
                   char* const* envp) noexcept {
  return Exec(name, argv, envp, Search::kPath);
}
EXPORT int execvp(const char* name, char* const* argv) noexcept {
  return Exec(name, argv, environ, Search::kPath);
}

// The list's words, and in front of the null's successor, if there is one, the
// environment.
#define DMDAX_EXECL(name, search, environment)                         \
  EXPORT int name(const char* path, const char* first, ...) noexcept { \
    va_list args;                                                      \
    va_start(args, first);                                             \
    Words words(CountList(first, args));                               \
    const bool there_is_room = words.ok();                             \
    for (const char* word = first; word != nullptr && there_is_room;   \
         word = va_arg(args, const char*)) {                           \
      words.Add(word);                                                 \
    }                                                                  \
    char* const* const envp = environment;                             \
    va_end(args);                                                      \
    if (!there_is_room) return Result(ENOMEM);                         \
    return Exec(path, words.get(), envp, search);                      \
  }
DMDAX_EXECL(execl, Search::kNone, environ)
DMDAX_EXECL(execlp, Search::kPath, environ)
DMDAX_EXECL(execle, Search::kNone, va_arg(args, char* const*))
#undef DMDAX_EXECL

EXPORT int posix_spawn(pid_t* pid, const char* path,
                       const posix_spawn_file_actions_t* actions,
                       const posix_spawnattr_t* attributes, char* const* argv,
                       char* const* envp) {
  return SpawnIt(NEXT(posix_spawn), Search::kNone, pid, path, actions,
                 attributes, argv, envp);
}
EXPORT int posix_spawnp(pid_t* pid, const char* name,
                        const posix_spawn_file_actions_t* actions,
                        const posix_spawnattr_t* attributes, char* const* argv,
                        char* const* envp) {
  return SpawnIt(NEXT(posix_spawnp), Search::kPath, pid, name, actions,
                 attributes, argv, envp);
}
