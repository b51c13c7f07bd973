// SPDX-License-Identifier: Apache-2.0
//
// Calls of libc's that name a path, on a machine: each is done to the machine's
// names and devices, never to the host's, through whichever door.
//
//   libc_client FAMILY
//
// One line for each call, with what came of it.
#define _GNU_SOURCE
#include <aio.h>
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <linux/aio_abi.h>
#include <linux/keyctl.h>
#include <linux/openat2.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/quota.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utime.h>

#include "tests/run/libc_client.h"

extern char** environ;

void Say(const char* what, long result) {
  printf("%s: %s\n", what, result >= 0 ? "ok" : strerrorname_np(errno));
}

// The first bytes of a device, by calls that are tested elsewhere.
static const char* Bytes(const char* path) {
  static char bytes[16];
  memset(bytes, 0, sizeof(bytes));
  const int fd = open(path, O_RDONLY);
  if (fd < 0) return strerrorname_np(errno);
  if (read(fd, bytes, sizeof(bytes) - 1) < 0) strcpy(bytes, "?");
  close(fd);
  bytes[strcspn(bytes, "\n")] = '\0';
  return bytes;
}

static const char* Kind(const char* path) {
  struct stat st;
  if (stat(path, &st) != 0) return strerrorname_np(errno);
  return S_ISBLK(st.st_mode)    ? "a block device"
         : S_ISCHR(st.st_mode)  ? "a character device"
         : S_ISDIR(st.st_mode)  ? "a directory"
         : S_ISFIFO(st.st_mode) ? "a FIFO"
                                : "a file";
}

static void Streams(void) {
  FILE* const out = fopen("/dev/pmem0", "w");
  fputs("by fopen", out);
  fclose(out);
  FILE* const in = freopen("/dev/pmem0", "r", stdin);
  char text[16] = "";
  if (in == NULL || fread(text, 1, 8, stdin) != 8) strcpy(text, "?");
  printf("freopen of stdin: %s\n", text);
  fflush(stdout);
  const int stdout_before = dup(1), stderr_before = dup(2);
  if (freopen("/dev/pmem1", "w", stdout) != NULL) fputs("by freopen", stdout);
  fflush(stdout);
  dup2(stdout_before, 1);
  printf("freopen of stdout: %s\n", Bytes("/dev/pmem1"));
  int fd = open("/dev/pmem2", O_WRONLY);
  dprintf(fd, "by %s\n", "dprintf");
  close(fd);
  printf("dprintf: %s\n", Bytes("/dev/pmem2"));
  fd = open("/dev/pmem3", O_WRONLY);
  dup2(fd, 2);
  close(fd);
  errno = ENOENT;
  perror("p");
  warnx("w");
  fprintf(stderr, "f\n");
  dup2(stderr_before, 2);
  fd = open("/dev/pmem3", O_RDONLY);
  char all[128] = "";
  if (read(fd, all, sizeof(all) - 1) < 0) strcpy(all, "?");
  printf("perror, warnx, fprintf:\n%s", all);
}

// With notify the copy that libc makes, of a low number, is none to read from.
static void Another(void) {
  char text[16] = "";
  FILE* const out = fopen("/dev/pmem0", "w");
  fputs("by fopen", out);
  fclose(out);
  FILE* const other = fopen("/dev/null", "r");
  FILE* const reopened = freopen("/dev/pmem0", "r", other);
  if (reopened == NULL || fread(text, 1, 8, reopened) != 8) strcpy(text, "?");
  printf("freopen of another: %s\n", text);
}

static void Spawn(void) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 1, "/dev/pmem4", O_WRONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 0, "/sys/block/pmem0/size",
                                   O_RDONLY, 0);
  char* const words[] = {"sh", "-c", "read n; echo spawned $n", NULL};
  pid_t pid;
  int status = -1;
  if (posix_spawnp(&pid, "sh", &actions, NULL, words, environ) == 0) {
    waitpid(pid, &status, 0);
  }
  posix_spawn_file_actions_destroy(&actions);
  printf("posix_spawn: %d, %s\n", status, Bytes("/dev/pmem4"));
}

// What is made is seen in the machine's directory, and that alone: the script
// looks at the host's.
static void Temporary(void) {
  char a[] = "/run/lvm/a.XXXXXX", b[] = "/run/lvm/b.XXXXXX.end";
  char c[] = "/dev/mapper/c.XXXXXX", d[] = "/etc/lvm/backup/d.XXXXXX";
  Say("mkstemp", mkstemp(a));
  Say("mkostemps", mkostemps(b, 4, O_CLOEXEC));
  Say("mkdtemp", mkdtemp(c) == NULL ? -1 : 0);
  Say("mkostemp", mkostemp(d, 0));
  printf("they are %s, %s, %s, %s\n", Kind(a), Kind(b), Kind(c), Kind(d));
  printf("and %s %s\n", strncmp(a, "/run/lvm/a.", 11) == 0 ? "named" : a,
         strstr(b, ".end") != NULL ? "well" : b);
  Say("mkfifo", mkfifo("/run/lvm/fifo", 0600));
  printf("it is %s\n", Kind("/run/lvm/fifo"));
  Say("truncate", truncate(a, 100));
  Say("truncate of a device", truncate("/dev/pmem0", 100));
  struct stat st;
  const struct timeval micro[2] = {{1, 0}, {2, 0}};
  const struct timespec nano[2] = {{3, 0}, {4, 0}};
  const struct utimbuf seconds = {5, 6};
  Say("utimes", utimes(a, micro));
  Say("utimensat", utimensat(AT_FDCWD, d, nano, 0));
  Say("utime", utime(b, &seconds));
  stat(a, &st);
  printf("%ld bytes, %ld", (long)st.st_size, (long)st.st_mtime);
  stat(d, &st);
  printf(", %ld", (long)st.st_mtime);
  stat(b, &st);
  printf(", %ld\n", (long)st.st_mtime);
  unlink(a), unlink(b), rmdir(c), unlink(d), unlink("/run/lvm/fifo");
}

// Nothing that a program does to a node's times makes it another file.
static void Times(void) {
  const char* const node = "/dev/pmem0";
  const struct timeval micro[2] = {{1, 0}, {2, 0}};
  const struct timespec nano[2] = {{3, 0}, {4, 0}};
  const struct utimbuf seconds = {5, 6};
  const int dir = open("/dev", O_RDONLY | O_DIRECTORY);
  const int path = open(node, O_PATH), fd = open(node, O_RDWR);
  Say("utimes", utimes(node, micro));
  Say("lutimes", lutimes(node, micro));
  Say("futimesat", futimesat(dir, "pmem0", micro));
  Say("utime", utime(node, &seconds));
  Say("utimensat", utimensat(dir, "pmem0", nano, AT_SYMLINK_NOFOLLOW));
  Say("futimens", futimens(fd, nano));
  Say("futimes", futimes(fd, micro));
  Say("syscall", syscall(SYS_utimensat, dir, "pmem0", nano, 0));
  Say("chdir", chdir("/dev"));
  Say("relative", utimensat(AT_FDCWD, "pmem0", NULL, 0));
  close(path);
  printf("it is %s\n", Kind(node));
}

static int walked;
static int Walk(const char* path, const struct stat* st, int type,
                struct FTW* at) {
  if (strcmp(path + at->base, "control") == 0 && S_ISCHR(st->st_mode) &&
      type == FTW_F && strcmp(path, "/dev/mapper/control") == 0) {
    ++walked;
  }
  return 0;
}

static void Names(void) {
  const struct open_how how = {.flags = O_RDWR};
  const int dir = open("/dev", O_RDONLY | O_DIRECTORY);
  long fd = syscall(SYS_openat2, dir, "pmem5", &how, sizeof(how));
  Say("openat2", fd);
  Say("write", syscall(SYS_write, fd, "openat2", 7));
  Say("fsync", fsync((int)fd));
  close((int)fd);
  fd = syscall(SYS_openat, dir, "pmem1", O_RDWR, 0);
  Say("openat", fd);
  Say("write", write((int)fd, "openat", 6));
  close((int)fd);
  // The host's, which stands in our /dev as a link, is no link.
  Say("null", openat(dir, "null", O_WRONLY | O_NOFOLLOW));
  // One at a time: they share a buffer.
  printf("%s, ", Bytes("/dev/pmem5"));
  printf("%s, ", Bytes("/dev/pmem1"));
  printf("%s\n", Kind("/dev/pmem5"));
  Say("nftw", nftw("/dev/mapper", &Walk, 8, FTW_PHYS));
  printf("%d control node\n", walked);
  // A descriptor of /proc is opened anew: a position of its own.
  const int first = open("/dev/pmem5", O_RDWR);
  char text[8] = "", name[64];
  lseek(first, 4, SEEK_SET);
  snprintf(name, sizeof(name), "/proc/self/fd/%d", first);
  const int second = open(name, O_RDONLY);
  if (read(second, text, 7) != 7) strcpy(text, "?");
  printf("%s at %ld\n", text, (long)lseek(first, 0, SEEK_CUR));
  Say("write by it", write(second, "x", 1));
  char cwd[4096];
  Say("chdir", chdir("/dev/mapper"));
  printf("%s\n", syscall(SYS_getcwd, cwd, sizeof(cwd)) > 0 ? cwd : "?");
  printf("/etc/lvm/backup/.. is %s\n", Kind("/etc/lvm/backup/.."));
  Say("mkdir in /sys", mkdir("/sys/block/x", 0777));
  Say("unlink in /sys", unlink("/sys/block/pmem0/size"));
  Say("creat in /sys", open("/sys/block/pmem0/x", O_CREAT | O_WRONLY, 0666));
  Say("unlink in /proc", unlink("/proc/partitions"));
}

// A link leads where it leads on the machine.
static void Links(void) {
  char cwd[4096], text[8192] = "";
  if (getcwd(cwd, sizeof(cwd)) == NULL) return;
  for (const char* c = cwd; *c != '\0'; ++c) {
    if (*c == '/') strcat(text, "../");
  }
  Say("relative", symlink(strcat(text, "dev/pmem2"), "l"));
  Say("write", dprintf(open("l", O_WRONLY), "linked"));
  printf("%s: %s, is %s\n", "l", Bytes("/dev/pmem2"), Kind("l"));
  Say("new", open("l", O_CREAT | O_EXCL | O_WRONLY, 0666));
  const int made = open("l", O_CREAT | O_RDWR, 0666);
  struct stat st;
  Say("created", fstat(made, &st));
  printf("%u:%u\n", major(st.st_rdev), minor(st.st_rdev));
  // Made by another, who knows no machine.
  printf("foreign is %s, foreign/pmem2 %s, %s; size %s\n", Kind("foreign"),
         Kind("foreign/pmem2"), Kind("device"), Bytes("size"));
  char real[4096];
  printf("%s, %s\n", Bytes("device"),
         realpath("foreign/pmem2", real) != NULL ? real : "?");
  Say("access", access("foreign/mapper/control", F_OK));
  DIR* const dir = opendir("foreign/mapper");
  int control = 0;
  for (struct dirent* e; dir != NULL && (e = readdir(dir)) != NULL;) {
    control += strcmp(e->d_name, "control") == 0 && e->d_type == DT_CHR;
  }
  printf("%d control node\n", control);
  Say("new name", open("foreign/new-of-dmdax", O_CREAT | O_WRONLY, 0666));
  printf("it is %s\n", Kind("/dev/new-of-dmdax"));
  Say("unlink", unlink("foreign/new-of-dmdax"));
  Say("nobody's", open("nobody", O_CREAT | O_WRONLY, 0666));
  printf("it is %s\n", Kind("/dev/nobody-of-dmdax"));
  unlink("/dev/nobody-of-dmdax");
  Say("chdir", chdir("foreign"));
  printf("pmem2 is %s\n", Kind("pmem2"));
}

static void Mounts(void) {
  Say("mount", mount("/dev/pmem0", "mp", "ext4", 0, NULL));
  Say("mount on", mount("none", "/dev/mapper", "tmpfs", 0, NULL));
  Say("mount with", mount("/nothing", "mp", "xfs", 0, "ro,logdev=/dev/pmem1"));
  Say("umount", umount("/dev/pmem0"));
  Say("swapon", swapon("/dev/pmem0", 0));
  Say("swapoff", swapoff("/dev/pmem0"));
  Say("quotactl", quotactl(QCMD(Q_SYNC, USRQUOTA), "/dev/pmem0", 0, NULL));
  Say("open_tree", syscall(SYS_open_tree, AT_FDCWD, "/dev/mapper", 0u));
  Say("fsconfig", syscall(SYS_fsconfig, 0, 1u, "source", "/dev/pmem0", 0));
  Say("a node", mknod("node", S_IFBLK | 0600, makedev(259, 0)));
  Say("mount of it", mount("node", "mp", "ext4", 0, NULL));
}

static const char* Described(long key) {
  static char text[64];
  const long n = syscall(SYS_keyctl, KEYCTL_DESCRIBE, key, text, sizeof(text));
  if (n < 0) return strerrorname_np(errno);
  // Without the numbers of user and group.
  const char* rest = text;
  for (int i = 0; i < 3 && rest != NULL; ++i) rest = strchr(rest + 1, ';');
  return n == (long)strlen(text) + 1 && rest != NULL ? rest : "?";
}

static void Keys(void) {
  const long session = KEY_SPEC_SESSION_KEYRING;
  const void* const nowhere = (const void*)8;
  const long key =
      syscall(SYS_add_key, "logon", "disk:1", "secret", 6, session);
  Say("add_key", key);
  Say("bad description",
      syscall(SYS_add_key, "logon", nowhere, "s", 1, session));
  Say("bad payload",
      syscall(SYS_add_key, "logon", "disk:2", nowhere, 6, session));
  printf("describe: %s\n", Described(key));
  Say("describe nowhere",
      syscall(SYS_keyctl, KEYCTL_DESCRIBE, key, nowhere, 64));
  Say("update", syscall(SYS_keyctl, KEYCTL_UPDATE, key, "other", 5));
  Say("update with nothing", syscall(SYS_keyctl, KEYCTL_UPDATE, key, NULL, 0));
  Say("search",
      syscall(SYS_keyctl, KEYCTL_SEARCH, session, "logon", "disk:1", 0) == key
          ? 0
          : -1);
  Say("search another",
      syscall(SYS_keyctl, KEYCTL_SEARCH, session, "logon", "disk:2", 0));
  Say("read", syscall(SYS_keyctl, KEYCTL_READ, key, NULL, 0));
  Say("link", syscall(SYS_keyctl, KEYCTL_LINK, key, session));
  Say("setperm", syscall(SYS_keyctl, KEYCTL_SETPERM, key, 0x3f000000L));
  printf("describe: %s\n", Described(key));
  Say("revoke", syscall(SYS_keyctl, KEYCTL_REVOKE, key));
  printf("describe: %s\n", Described(key));
  // An address that looks like a key's number; the host refuses such a name.
  char* const name =
      mmap((void*)0x70001000, 4096, PROT_READ | PROT_WRITE,
           MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
  strcpy(name, ".hidden");
  syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, ".hidden");
  const int host = errno;
  const long joined = syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, name);
  printf("a session is %s\n",
         joined == -1 && errno == host ? "the host's" : "?");
}

// With preload POSIX's are refused; what is never so is that others' bytes are
// read, or that what was taken is lost.
static const char* Transferred(int begun, struct aiocb* block, char first) {
  if (begun != 0) return "right";
  while (aio_error(block) == EINPROGRESS) usleep(1000);
  if (aio_return(block) < 0) return "right";
  char now = 0;
  if (pread(block->aio_fildes, &now, 1, block->aio_offset) != 1) return "?";
  return now == first && *(volatile char*)block->aio_buf == first ? "right"
                                                                   : "WRONG";
}

static void Asynchronous(void) {
  static char text[512], buffer[512];
  const int fd = open("/dev/pmem0", O_RDWR);
  memset(text, 'a', sizeof(text));
  Say("pwrite", pwrite(fd, text, sizeof(text), 0));
  struct aiocb in = {.aio_fildes = fd,
                     .aio_buf = buffer,
                     .aio_nbytes = sizeof(buffer),
                     .aio_lio_opcode = LIO_READ};
  printf("aio_read: %s\n", Transferred(aio_read(&in), &in, 'a'));
  struct aiocb* list[] = {&in};
  memset(buffer, 0, sizeof(buffer));
  printf("lio_listio: %s\n",
         Transferred(lio_listio(LIO_WAIT, list, 1, NULL), &in, 'a'));
  memset(text, 'b', sizeof(text));
  struct aiocb out = {
      .aio_fildes = fd, .aio_buf = text, .aio_nbytes = sizeof(text)};
  printf("aio_write: %s\n", Transferred(aio_write(&out), &out, 'b'));
  struct aiocb none = {.aio_fildes = -1};
  Say("aio_read of nothing", aio_read(&none));

  // The kernel's own, as a program has it without libaio.
  memset(text, 'c', sizeof(text));
  aio_context_t context = 0;
  Say("io_setup", syscall(SYS_io_setup, 8, &context));
  struct iocb request = {.aio_lio_opcode = IOCB_CMD_PWRITE,
                         .aio_fildes = (unsigned)fd,
                         .aio_buf = (uintptr_t)text,
                         .aio_nbytes = sizeof(text)};
  struct iocb* requests[] = {&request};
  Say("io_submit", syscall(SYS_io_submit, context, 1, requests));
  struct io_event event = {0};
  Say("io_getevents", syscall(SYS_io_getevents, context, 1, 1, &event, NULL));
  printf("%d bytes, %.1s\n", (int)event.res, Bytes("/dev/pmem0"));
  char parameters[256] = {0};
  Say("io_uring_setup", syscall(SYS_io_uring_setup, 8, parameters));
  close(fd);
}

int main(int argc, char** argv) {
  const struct {
    const char* name;
    void (*run)(void);
  } families[] = {
      {"streams", &Streams},     {"another", &Another}, {"spawn", &Spawn},
      {"temporary", &Temporary}, {"times", &Times},     {"names", &Names},
      {"links", &Links},         {"mounts", &Mounts},   {"keys", &Keys},
      {"polls", &Polls},         {"suspended", &Suspended},
      {"direct", &Direct},
      {"asynchronous", &Asynchronous}};
  for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); ++i) {
    if (argc == 2 && strcmp(argv[1], families[i].name) == 0) {
      families[i].run();
      return 0;
    }
  }
  return 2;
}
