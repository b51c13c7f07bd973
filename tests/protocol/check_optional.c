/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/protocol/parts.h"
#include "tests/protocol/request.h"
#include "tests/protocol/tap.h"

void CheckRemoveAll(void) {
  TapPart("remove all");
  if (!Is(MakeZero(Name("a"), 8), 0, "a device")) return;
  if (!Is(Create(Name("b"), ""), 0, "and one to be on it")) return;
  const struct Row row = {0, 8, "linear", LinearOn(Name("a"))};
  Is(Load(Name("b"), 0, &row, 1), 0, "with a table");
  Is(Resume(Name("b")), 0, "that is live");
  Prepare(Name("a"));
  req.h.event_nr = 77;
  Is(Call(DM_REMOVE_ALL), 0, "DM_REMOVE_ALL");
  Is(req.h.data_size, sizeof(req), "nothing comes back but the version");
  Is(Status(Name("a")), ENXIO, "the device is gone");
  Is(Status(Name("b")), ENXIO, "and the one that was on it");
}

void CheckPrivilege(void) {
  TapPart("privilege");
  if (geteuid() != 0) {
    Skip("without CAP_SYS_ADMIN: EACCES", "root alone can give it up");
    return;
  }
  const pid_t child = fork();
  if (child == 0) {
    if (setgid(65534) != 0 || setuid(65534) != 0) _exit(255);
    Prepare("");
    _exit(Call(DM_VERSION) | (req.h.version[1] != 0) << 7);
  }
  int status = -1;
  waitpid(child, &status, 0);
  Is(WIFEXITED(status) ? WEXITSTATUS(status) : -1, EACCES,
     "without CAP_SYS_ADMIN: EACCES, and no version");
}
