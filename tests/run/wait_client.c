/* SPDX-License-Identifier: Apache-2.0
 *
 * Waits for an event of a device that has none, as dmeventd does, until a
 * signal's handler has run.
 *
 *   wait_client NAME        "Interrupted system call"
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define DM_DEV_WAIT 0xc138fd08u

static void Handler(int signal) { (void)signal; }

int main(int argc, char** argv) {
  uint32_t request[78] = {4, 0, 0, 312, 312};
  strncpy((char*)request + 48, argv[argc - 1], 127);
  struct sigaction action = {.sa_handler = Handler};
  sigaction(SIGALRM, &action, NULL);
  const int control = open("/dev/mapper/control", O_RDWR);
  alarm(1);
  const int result = ioctl(control, DM_DEV_WAIT, request);
  puts(result == 0 ? "an event" : strerror(errno));
  return 0;
}
