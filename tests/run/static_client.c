/* SPDX-License-Identifier: Apache-2.0
 *
 * A program that does to a machine what programs do; here a static one, without
 * libc's shared library and so without a preload library.
 *
 *   static_client NODE [LOOPS]     NODE: a block device of 1 MiB or more
 *   static_client --argv0          what it was executed as
 *   static_client --exit STATUS
 *   static_client --run COMMAND... in its place
 *
 * Prints what is not as the kernel has it, and "ok".
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define DM_VERSION 0xc138fd00u
#define BLKGETSIZE64_ 0x80081272u

static int failures;
static int control;
static int loops = 2000;

#define CHECK(what)                                                  \
  do {                                                               \
    errno = 0;                                                       \
    if (!(what)) {                                                   \
      printf("line %d: %s: %s\n", __LINE__, #what, strerror(errno)); \
      ++failures;                                                    \
    }                                                                \
  } while (0)

/* 0 or an errno; -1: not the version's bytes. */
static int Version(int fd) {
  uint32_t request[78] = {4, 0, 0, 312, 312};
  if (ioctl(fd, DM_VERSION, request) != 0) return errno;
  return request[0] == 4 && request[1] >= 20 ? 0 : -1;
}

static int Fails(long result, int err) { return result == -1 && errno == err; }

static void Nodes(const char* node) {
  struct stat st;
  CHECK(stat("/dev/mapper/control", &st) == 0 && S_ISCHR(st.st_mode));
  CHECK(fstat(control, &st) == 0 && S_ISCHR(st.st_mode));
  CHECK(stat(node, &st) == 0 && S_ISBLK(st.st_mode) && st.st_rdev != 0);
  const dev_t number = st.st_rdev;
  CHECK(Fails(stat("/dev/mapper/nothing", &st), ENOENT));
  CHECK(Fails(open(node, O_RDONLY | O_DIRECTORY), ENOTDIR));
  CHECK(Fails(open(node, O_RDWR | O_CREAT | O_EXCL, 0600), EEXIST));
  const int path = open(node, O_PATH);
  CHECK(path >= 0 && fstat(path, &st) == 0 && S_ISBLK(st.st_mode));
  char byte;
  CHECK(Fails(read(path, &byte, 1), EBADF));
  const int dir = open("/dev", O_RDONLY | O_DIRECTORY);
  CHECK(openat(dir, "mapper/control", O_RDWR) >= 0);
  CHECK(fstatat(dir, "mapper/control", &st, 0) == 0 && S_ISCHR(st.st_mode));
  CHECK(mknod("/dev/mapper/made", S_IFBLK | 0600, number) == 0);
  CHECK(stat("/dev/mapper/made", &st) == 0 && st.st_rdev == number);
  CHECK(rename("/dev/mapper/made", "/dev/mapper/renamed") == 0);
  CHECK(Fails(access("/dev/mapper/made", F_OK), ENOENT));
  CHECK(chmod("/dev/mapper/renamed", 0640) == 0);
  CHECK(stat("/dev/mapper/renamed", &st) == 0 && S_ISBLK(st.st_mode));
  CHECK(unlink("/dev/mapper/renamed") == 0);
}

static void Pointers(void) {
  CHECK(Fails(ioctl(control, DM_VERSION, (void*)16), EFAULT));
  char* const two = mmap(NULL, 8192, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  mprotect(two + 4096, 4096, PROT_NONE);
  CHECK(Fails(ioctl(control, DM_VERSION, two + 4096 - 8), EFAULT));
  mprotect(two, 4096, PROT_READ);
  CHECK(Fails(ioctl(control, DM_VERSION, two), EFAULT));
  /* A library in front of libc reads a path before the kernel does. */
  if (getenv("LD_PRELOAD") == NULL) {
    CHECK(Fails(open((char*)16, O_RDONLY), EFAULT));
  }
  munmap(two, 8192);
}

static void Copies(void) {
  int fd = dup(control);
  CHECK(fd >= 0 && Version(fd) == 0);
  close(fd);
  CHECK(Version(fd) == EBADF);
  fd = fcntl(control, F_DUPFD_CLOEXEC, 10);
  CHECK(fd >= 10 && Version(fd) == 0 && fcntl(fd, F_GETFD) == FD_CLOEXEC);
  close(fd);
  /* A shell's redirection. */
  const int input = dup(0);
  CHECK(dup2(control, 0) == 0 && Version(0) == 0);
  dup2(input, 0);
  close(input);
  /* Nothing is answered with other bytes than the device's, which has none;
   * through the door of static programs it may be a stand-in at this number. */
  CHECK(dup2(control, 5) == 5);
  char byte = 0;
  CHECK(Fails(read(5, &byte, 1), EBADF) || errno == EINVAL);
  CHECK(Fails(write(5, &byte, 1), EAGAIN) || errno == EINVAL);
  fd = fcntl(5, F_DUPFD, 0);
  CHECK(dup2(fd, 1023) < 0 || Version(1023) == 0);
  close(1023);
  close(fd);
  close(5);
}

static void Bytes(const char* node) {
  const int fd = open(node, O_RDWR);
  char text[16] = "";
  CHECK(fd >= 0);
  CHECK(pwrite(fd, "hello world", 11, 100) == 11);
  CHECK(pread(fd, text, 11, 100) == 11 && memcmp(text, "hello world", 11) == 0);
  const struct iovec parts[2] = {{text, 2}, {text + 2, 3}};
  CHECK(lseek(fd, 100, SEEK_SET) == 100 && readv(fd, parts, 2) == 5);
  CHECK(lseek(fd, 0, SEEK_CUR) == 105 && memcmp(text, "hello", 5) == 0);
  uint64_t size = 0;
  CHECK(ioctl(fd, BLKGETSIZE64_, &size) == 0 && size >= 1 << 20);
  CHECK((uint64_t)lseek(fd, 0, SEEK_END) == size && read(fd, text, 1) == 0);
  CHECK(Fails(write(fd, text, 1), ENOSPC));
  CHECK(Fails(pread(fd, text, 1, -1), EINVAL));
  CHECK(Fails(pread(fd, (void*)(uintptr_t)size, 1, 0), EFAULT));
  CHECK(mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED &&
        errno == ENODEV);
  CHECK(fsync(fd) == 0);
  char link[64];
  snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
  const int again = open(link, O_RDONLY);
  CHECK(pread(again, text, 5, 100) == 5 && memcmp(text, "hello", 5) == 0);
  CHECK(Fails(write(again, text, 1), EBADF));
  close(again);
  close(fd);
}

static void Children(char** argv) {
  int status = -1;
  pid_t child = fork();
  if (child == 0) _exit(Version(control) != 0);
  CHECK(waitpid(child, &status, 0) == child && status == 0);
  char number[16];
  snprintf(number, sizeof(number), "%d", control);
  child = fork();
  if (child == 0) {
    execl("/proc/self/exe", argv[0], "--fd", number, (char*)NULL);
    _exit(99);
  }
  CHECK(waitpid(child, &status, 0) == child && status == 0);
}

static void* Loop(void* bad) {
  for (int i = 0; i < loops; ++i) *(long*)bad += Version(control) != 0;
  return NULL;
}

static void Threads(void) {
  pthread_t threads[4];
  long bad[4] = {0};
  for (int i = 0; i < 4; ++i) pthread_create(&threads[i], NULL, Loop, &bad[i]);
  for (int i = 0; i < 4; ++i) pthread_join(threads[i], NULL);
  CHECK(bad[0] + bad[1] + bad[2] + bad[3] == 0);
}

int main(int argc, char** argv) {
  if (argc == 3 && strcmp(argv[1], "--fd") == 0) {
    return Version(atoi(argv[2])) != 0;
  }
  if (argc == 2 && strcmp(argv[1], "--argv0") == 0) return puts(argv[0]) < 0;
  if (argc == 3 && strcmp(argv[1], "--exit") == 0) return atoi(argv[2]);
  if (argc > 2 && strcmp(argv[1], "--run") == 0) {
    execvp(argv[2], argv + 2);
    return 127;
  }
  if (argc > 2) loops = atoi(argv[2]);
  control = open("/dev/mapper/control", O_RDWR);
  CHECK(control >= 0 && Version(control) == 0);
  Nodes(argv[1]);
  Pointers();
  Copies();
  Bytes(argv[1]);
  Children(argv);
  Threads();
  if (failures == 0) puts("ok");
  return failures != 0;
}
