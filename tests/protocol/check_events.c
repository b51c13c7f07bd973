/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/protocol/parts.h"
#include "tests/protocol/request.h"
#include "tests/protocol/tap.h"

/* What another process has got of its DM_DEV_WAIT. */
struct Waited {
  volatile int begun;
  int err;
  struct Request reply;
};

static int Wait(const char* name, uint32_t event_nr) {
  Prepare(name);
  req.h.event_nr = event_nr;
  return Call(DM_DEV_WAIT);
}
static void OnAlarm(int number) { (void)number; }

/* Waits in another process, `signal_it` with signals on their way. */
static pid_t StartWait(const char* name, uint32_t event_nr, int signal_it,
                       struct Waited* waited) {
  waited->begun = 0;
  const pid_t child = fork();
  if (child != 0) return child;
  if (signal_it) {
    const struct sigaction action = {.sa_handler = OnAlarm};
    /* Again and again: the first may come before the wait has begun. */
    const struct itimerval soon = {{.tv_usec = 200000}, {.tv_usec = 200000}};
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &soon, NULL);
  } else {
    alarm(30);
  }
  waited->begun = 1;
  waited->err = Wait(name, event_nr);
  waited->reply = req;
  _exit(0);
}
static int Sleeps(pid_t process) {
  char path[64], state = '?';
  snprintf(path, sizeof(path), "/proc/%d/stat", (int)process);
  FILE* const file = fopen(path, "r");
  if (file == NULL) return 1; /* there is nobody to ask */
  const int found = fscanf(file, "%*d (%*[^)]) %c", &state);
  fclose(file);
  return found == 1 && state == 'S';
}
/* On a busy machine it takes a while until it waits. */
static int StillWaits(pid_t child, const struct Waited* waited) {
  for (int i = 0; i < 500 && !(waited->begun && Sleeps(child)); ++i) {
    usleep(10000);
  }
  usleep(200000);
  return waitpid(child, NULL, WNOHANG) == 0;
}
/* The end of it: whether it came within some seconds. */
static int Wakes(pid_t child) {
  for (int i = 0; i < 500; ++i) {
    if (waitpid(child, NULL, WNOHANG) == child) return 1;
    usleep(10000);
  }
  kill(child, SIGKILL);
  waitpid(child, NULL, 0);
  return 0;
}

static void WaitForIt(struct Waited* waited) {
  pid_t child = StartWait(Name("a"), 0, 0, waited);
  Ok(StillWaits(child, waited), "while there is no event it waits");
  Is(Suspend(Name("a")), 0, "a suspend");
  Is(Resume(Name("a")), 0, "and a resume");
  Ok(StillWaits(child, waited), "are no event");
  Prepare(Name("a"));
  PutText(Name("b"));
  Is(Call(DM_DEV_RENAME), 0, "a new name");
  Ok(Wakes(child), "is one");
  Is(waited->err, 0, "the wait is done");
  req = waited->reply;
  Is(req.h.event_nr, 1, "with one event more");
  Ok(req.h.target_count == 1 && Payload() != NULL &&
         strcmp(((struct dm_target_spec*)Payload())->target_type, "zero") == 0,
     "and the status of the targets");

  child = StartWait(Name("b"), 1, 1, waited);
  Ok(Wakes(child) && waited->err == EINTR, "a signal ends it: EINTR");

  child = StartWait(Name("b"), 1, 0, waited);
  Ok(StillWaits(child, waited), "it waits again");
  Is(Remove(Name("b")), 0, "until the device goes");
  Ok(Wakes(child), "which ends it");
  Is(waited->err, 0, "as an event does");
}

void CheckWait(void) {
  TapPart("wait");
  struct Waited* const waited =
      mmap(NULL, sizeof(*waited), PROT_READ | PROT_WRITE,
           MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (!Is(MakeZero(Name("a"), 8), 0, "a device")) return;
  Is(Wait(Name("none"), 0), ENXIO, "no such device: ENXIO");
  Is(Wait(Name("a"), 5), 0, "another number of events than there were");
  Ok(req.h.event_nr == 0 && req.h.target_count == 1,
     "is answered at once, with what there is");
  Prepare(Name("a"));
  req.h.event_nr = 5;
  req.h.data_size = DM_STRUCT_SIZE;
  Is(Call(DM_DEV_WAIT), 0, "without room");
  Ok(req.h.flags & DM_BUFFER_FULL_FLAG, "DM_BUFFER_FULL_FLAG");
  Is(Create(Name("c"), ""), 0, "a device without a table");
  Is(Wait(Name("c"), 5), 0, "the same");
  Is(req.h.data_size, DM_LEAST_SIZE, "without payload");
  Is(Remove(Name("c")), 0, "it goes");
  WaitForIt(waited);
  munmap(waited, sizeof(*waited));
}

static int Readable(int fd, int milliseconds) {
  struct pollfd one = {.fd = fd, .events = POLLIN};
  return poll(&one, 1, milliseconds) == 1 && (one.revents & POLLIN) != 0;
}
static int Arm(int fd) {
  Prepare("");
  return CallWith(fd, DM_COMMAND(DM_DEV_ARM_POLL), &req);
}
/* Armed, it is not readable.  Others on this machine may have an event in
 * between, so it is tried some times. */
static int QuietWhenArmed(int fd) {
  for (int i = 0; i < 20; ++i) {
    if (Arm(fd) == 0 && !Readable(fd, 0)) return 1;
  }
  return 0;
}

static int Clear(const char* name) {
  Prepare(name);
  return Call(DM_TABLE_CLEAR);
}
/* Loads a table, stops the device and lets it run with the old one, and does
 * what fails.  Tried again if another on this machine had an event. */
static int NoEvents(int fd) {
  const struct Row row = {0, 8, "zero", ""};
  for (int i = 0; i < 20; ++i) {
    if (Arm(fd) != 0 || Suspend(Name("a")) != 0 || Resume(Name("a")) != 0 ||
        Load(Name("a"), 0, &row, 1) != 0 || Clear(Name("a")) != 0 ||
        Create(Name("a"), "") != EBUSY) {
      return 0;
    }
    if (!Readable(fd, 0)) return 1;
  }
  return 0;
}

static void Blocked(int fd) {
  Ok(QuietWhenArmed(fd), "armed once more");
  const pid_t child = fork();
  if (child == 0) {
    usleep(200000);
    _exit(Create(Name("a"), "") != 0);
  }
  Ok(Readable(fd, 10000), "a poll wakes when another makes a device");
  waitpid(child, NULL, 0);
  Is(Remove(Name("a")), 0, "which goes");
}

void CheckPoll(void) {
  TapPart("poll");
  const int fd = DmOpen();
  if (!Ok(fd >= 0, "the node can be opened more than once")) return;
  Is(Arm(fd), 0, "DM_DEV_ARM_POLL");
  Ok(QuietWhenArmed(fd), "after it there is nothing to read");
  Is(MakeZero(Name("a"), 8), 0, "DM_DEV_CREATE");
  Ok(Readable(fd, 0), "is an event");
  Ok(Readable(fd, 0), "which is there until it is armed again");
  Ok(QuietWhenArmed(fd), "and then not");
  Ok(NoEvents(fd), "suspend, resume, load, clear, and what fails, are not");
  const struct Row row = {0, 8, "zero", ""};
  Is(Load(Name("a"), 0, &row, 1), 0, "a second table");
  Is(Resume(Name("a")), 0, "that goes live");
  Ok(Readable(fd, 0), "is an event");
  Ok(QuietWhenArmed(fd), "armed");
  Prepare(Name("a"));
  PutText(Name("b"));
  Is(Call(DM_DEV_RENAME), 0, "DM_DEV_RENAME");
  Ok(Readable(fd, 0), "is an event");
  Ok(QuietWhenArmed(fd), "armed");
  Is(Remove(Name("b")), 0, "DM_DEV_REMOVE");
  Ok(Readable(fd, 0), "is an event");

  const int second = DmOpen();
  Ok(second >= 0 && Readable(fd, 0), "a node that is opened now");
  Ok(QuietWhenArmed(second), "has its own account");
  Ok(Readable(fd, 0), "and leaves that of others");
  close(second);
  Blocked(fd);
  close(fd);
}
