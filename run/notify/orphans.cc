// SPDX-License-Identifier: Apache-2.0
#include "run/notify/orphans.h"

#include <dirent.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"

namespace dmdax::run {
namespace {

std::set<pid_t> Children() {
  std::set<pid_t> children;
  DIR* const proc = opendir("/proc");
  if (proc == nullptr) return children;
  while (const dirent* const entry = readdir(proc)) {
    const int pid = atoi(entry->d_name);
    if (pid <= 0) continue;
    std::ifstream file(absl::StrCat("/proc/", pid, "/stat"));
    std::string text;
    std::getline(file, text);
    // "PID (NAME) STATE PPID", and a name may have anything in it.
    const size_t end = text.rfind(')');
    if (end == std::string::npos || end + 4 > text.size()) continue;
    if (atoi(text.c_str() + end + 4) == getpid()) children.insert(pid);
  }
  closedir(proc);
  return children;
}

}  // namespace

Orphans::Orphans() : others_(Children()) { prctl(PR_SET_CHILD_SUBREAPER, 1); }

void Orphans::Kill() const {
  for (;;) {
    std::set<pid_t> ours = Children();
    // One with another user's rights, of sudo for instance, is not ours to end.
    std::erase_if(ours, [&](pid_t pid) {
      return others_.contains(pid) || kill(pid, SIGKILL) != 0;
    });
    if (ours.empty()) return;
    // Their children are ours then.
    for (const pid_t pid : ours) waitpid(pid, nullptr, 0);
  }
}

std::optional<int> Bury(pid_t command) {
  std::optional<int> ended;
  for (;;) {
    int status;
    const pid_t pid = waitpid(-1, &status, WNOHANG);
    if (pid <= 0) return ended;
    // One that StoppedTask has stopped has not ended.
    if (pid == command && !WIFSTOPPED(status)) {
      ended = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }
  }
}

}  // namespace dmdax::run
