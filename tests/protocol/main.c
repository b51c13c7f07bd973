/* SPDX-License-Identifier: Apache-2.0
 *
 * dm_protocol: whether what answers at a control node is device-mapper.
 *
 *   dm_protocol [--control NODE] [--remove-all] [--privilege] [PART...]
 *   dm_protocol [--control NODE] --clean
 *
 * README.md beside this file says what it does and on whose machine it may run.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/protocol/parts.h"
#include "tests/protocol/request.h"
#include "tests/protocol/tap.h"

static const struct {
  const char* name;
  void (*check)(void);
  int if_asked_for;
} kParts[] = {
    {"version", CheckVersion, 0},     {"memory", CheckMemory, 0},
    {"create", CheckCreate, 0},       {"select", CheckSelect, 0},
    {"rename", CheckRename, 0},       {"remove", CheckRemove, 0},
    {"load", CheckLoad, 0},           {"rows", CheckRows, 0},
    {"state", CheckState, 0},         {"status", CheckStatus, 0},
    {"deps", CheckDeps, 0},           {"list", CheckList, 0},
    {"versions", CheckVersions, 0},   {"message", CheckMessage, 0},
    {"geometry", CheckGeometry, 0},   {"wait", CheckWait, 0},
    {"poll", CheckPoll, 0},           {"remove-all", CheckRemoveAll, 1},
    {"privilege", CheckPrivilege, 1},
};
enum { kCount = sizeof(kParts) / sizeof(kParts[0]) };

static const char* node = "/dev/mapper/control";
static const char* now = "";
static pid_t whole;

int DmOpen(void) { return open(node, O_RDWR | O_CLOEXEC); }

/* A check that hangs or dies takes its devices along. */
static void GiveUp(int number) {
  if (getpid() != whole) _exit(1);
  printf("Bail out! %s in '%s'\n",
         number == SIGALRM ? "nothing for a minute" : strsignal(number), now);
  fflush(stdout);
  RemoveAllNamed(NamePrefix());
  _exit(1);
}

static int Usage(const char* word) {
  if (word != NULL) fprintf(stderr, "dm_protocol: what is '%s'?\n", word);
  fprintf(stderr,
          "usage: dm_protocol [--control NODE] [--remove-all] [--privilege] "
          "[PART...]\n       dm_protocol [--control NODE] --clean\nparts:");
  for (int i = 0; i < kCount; ++i) fprintf(stderr, " %s", kParts[i].name);
  fprintf(stderr, "\n");
  return 2;
}

static int PartOf(const char* word) {
  for (int i = 0; i < kCount; ++i) {
    if (strcmp(word, kParts[i].name) == 0) return i;
  }
  return -1;
}

int main(int argc, char** argv) {
  int wanted[kCount] = {0}, any = 0, clean = 0;
  for (int i = 1; i < argc; ++i) {
    const char* const word = argv[i];
    const int part = PartOf(strncmp(word, "--", 2) == 0 ? word + 2 : word);
    if (strcmp(word, "--control") == 0 && i + 1 < argc) {
      node = argv[++i];
    } else if (strcmp(word, "--clean") == 0) {
      clean = 1;
    } else if (part >= 0 && word[0] != '-') {
      wanted[part] = any = 1;
    } else if (part >= 0 && kParts[part].if_asked_for) {
      wanted[part] = 1;
    } else {
      return Usage(word);
    }
  }
  setvbuf(stdout, NULL, _IOLBF, 0);
  whole = getpid();
  dm_control = DmOpen();
  Prepare("");
  const int err = dm_control < 0 ? errno : Call(DM_VERSION);
  if (err != 0) {
    printf("Bail out! %s: %s\n", node, strerror(err));
    return 1;
  }
  dm_minor = req.h.version[1];
  if (clean) {
    RemoveAllNamed("dmtap-");
    return 0;
  }
  printf("TAP version 13\n# %s: %u.%u.%u\n", node, req.h.version[0],
         req.h.version[1], req.h.version[2]);
  static const int kDeaths[] = {SIGALRM, SIGINT,  SIGTERM, SIGHUP,
                                SIGPIPE, SIGSEGV, SIGBUS,  SIGABRT};
  for (size_t i = 0; i < sizeof(kDeaths) / sizeof(kDeaths[0]); ++i) {
    signal(kDeaths[i], GiveUp);
  }
  for (int i = 0; i < kCount; ++i) {
    if (any || kParts[i].if_asked_for ? !wanted[i] : 0) continue;
    now = kParts[i].name;
    alarm(60);
    kParts[i].check();
    RemoveAllNamed(NamePrefix());
  }
  return TapEnd();
}
