// SPDX-License-Identifier: Apache-2.0
//
// Families of libc_client that are about an open device: whether it is ready,
// where a program's memory is, and how it is waited for.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/run/libc_client.h"

// A block device has no ->poll: it is ready for what it is asked for, at once,
// whatever it was opened for.
void Polls(void) {
  int ends[2];
  if (pipe(ends) != 0) return;
  const int modes[] = {O_RDONLY, O_WRONLY, O_RDWR | O_DIRECT};
  for (int i = 0; i < 3; ++i) {
    const int fd = open("/dev/pmem0", modes[i]);
    struct pollfd entries[] = {{fd, POLLIN | POLLOUT, 0},
                               {-1, POLLIN, 0},
                               {ends[0], POLLIN, 0},
                               {ends[1], POLLOUT, 0},
                               {fd, POLLPRI, 0},
                               {1000000, POLLIN, 0}};
    printf("poll: %d:", poll(entries, 6, -1));
    for (int k = 0; k < 6; ++k) printf(" %x", (unsigned)entries[k].revents);
    printf(", %d\n", entries[0].fd == fd && entries[1].fd == -1);
    const struct timespec never = {1000, 0};
    struct pollfd one = {fd, POLLWRNORM, 0};
    printf("ppoll: %d", ppoll(&one, 1, &never, NULL));
    printf(" %x, ", (unsigned)one.revents);
    one.events = POLLPRI;
    printf("%d\n", poll(&one, 1, 0));
    fd_set sets[3];
    for (int k = 0; k < 3; ++k) {
      FD_ZERO(&sets[k]);
      FD_SET(fd, &sets[k]);
      FD_SET(ends[0], &sets[k]);
    }
    struct timeval time = {1000, 0};
    printf("select: %d", select(fd + 1, &sets[0], &sets[1], &sets[2], &time));
    for (int k = 0; k < 3; ++k) {
      printf(" %d%d", FD_ISSET(fd, &sets[k]) != 0,
             FD_ISSET(ends[0], &sets[k]) != 0);
    }
    FD_ZERO(&sets[0]);
    FD_SET(fd, &sets[0]);
    printf(", pselect: %d\n",
           pselect(fd + 1, &sets[0], NULL, NULL, &never, NULL));
    close(fd);
  }
  const int fd = open("/dev/pmem0", O_RDONLY), set = epoll_create1(0);
  struct epoll_event event = {.events = EPOLLIN};
  Say("epoll_ctl", epoll_ctl(set, EPOLL_CTL_ADD, fd, &event));
  Say("epoll_ctl of a pipe", epoll_ctl(set, EPOLL_CTL_ADD, ends[0], &event));
  const int control = open("/dev/mapper/control", O_RDWR);
  Say("epoll_ctl of control", epoll_ctl(set, EPOLL_CTL_ADD, control, &event));
  struct pollfd waits = {control, POLLIN | POLLOUT, 0};
  printf("poll of control: %d\n", poll(&waits, 1, 0));
}

// O_DIRECT asks of all parts of a call that their memory be aligned, before
// anything is moved.
void Direct(void) {
  char* const memory = aligned_alloc(4096, 1 << 20);
  memset(memory, 'd', 1 << 20);
  const int fd = open("/dev/pmem0", O_RDWR | O_DIRECT);
  Say("pwrite", pwrite(fd, memory + 512, 512, 0));
  Say("pwrite at 256", pwrite(fd, memory + 256, 512, 0));
  Say("pread at 1", pread(fd, memory + 1, 512, 0));
  Say("read of much at 4", read(fd, memory + 4, 256 << 10));
  const struct {
    const char* name;
    struct iovec parts[2];
  } calls[] = {{"readv", {{memory, 512}, {memory + 4096, 512}}},
               {"readv to 1", {{memory, 512}, {memory + 4097, 512}}},
               {"readv of halves", {{memory, 256}, {memory + 4096, 256}}},
               {"readv of nothing to 1", {{memory, 512}, {memory + 1, 0}}}};
  for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); ++i) {
    Say(calls[i].name, preadv(fd, calls[i].parts, 2, 0));
  }
  printf("position %ld\n", (long)lseek(fd, 0, SEEK_CUR));
  aio_context_t context = 0;
  syscall(SYS_io_setup, 8, &context);
  struct iocb request = {.aio_lio_opcode = IOCB_CMD_PREAD,
                         .aio_fildes = (unsigned)fd,
                         .aio_buf = (uintptr_t)(memory + 8),
                         .aio_nbytes = 512};
  struct iocb* requests[] = {&request};
  struct io_event event = {0};
  syscall(SYS_io_submit, context, 1, requests);
  syscall(SYS_io_getevents, context, 1, 1, &event, NULL);
  printf("io_submit to 8: %d\n", (int)event.res);
  fcntl(fd, F_SETFL, O_RDWR);
  Say("without O_DIRECT", pread(fd, memory + 1, 100, 3));
  close(fd);
}

static volatile int* handled;
static void Handle(int signal) {
  (void)signal;
  ++*handled;
}

// Who reads a suspended device waits as who reads a slow disk does: a handler
// runs when the read is over, a signal that has none ends the program.
void Suspended(void) {
  handled = mmap(NULL, sizeof(int), PROT_READ | PROT_WRITE,
                 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  int status = system(
      "dmsetup create a --table '0 8 linear /dev/pmem0 0' &&"
      " dmsetup suspend a");
  const int fd = open("/dev/mapper/a", O_RDONLY);
  char bytes[512];
  fflush(stdout);
  pid_t pid = fork();
  if (pid == 0) {
    signal(SIGUSR1, &Handle);
    const ssize_t n = pread(fd, bytes, sizeof(bytes), 0);
    printf("%zd bytes, %d handled\n", n, *handled);
    exit(0);
  }
  usleep(400000);
  for (int i = 0; i < 2; ++i) {
    kill(pid, SIGUSR1);
    usleep(200000);
  }
  printf("%d: %d handled while it waits\n", status, *handled);
  fflush(stdout);
  status = system("dmsetup resume a");
  waitpid(pid, NULL, 0);
  status |= system("dmsetup suspend a");
  pid = fork();
  if (pid == 0) exit(pread(fd, bytes, sizeof(bytes), 0) > 0);
  usleep(400000);
  kill(pid, SIGTERM);
  int end = 0;
  waitpid(pid, &end, 0);
  printf("%d: ended by signal %d\n", status, WTERMSIG(end));
  status = system("dmsetup resume a");
}
