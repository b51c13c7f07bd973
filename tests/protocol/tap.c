/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/protocol/tap.h"

#include <stdio.h>
#include <string.h>

static const char* part = "";
static int checks, failures;

int TapOk(int holds, const char* text, const char* what, int line) {
  printf("%s %d - %s: %s\n", holds ? "ok" : "not ok", ++checks, part, text);
  if (!holds) {
    ++failures;
    printf("# %s, line %d: not so: %s\n", part, line, what);
  }
  return holds;
}

static void PrintNumber(long number) {
  if (number > 0 && number < 134) {
    printf("%ld (as errno: %s)", number, strerror((int)number));
  } else {
    printf("%ld", number);
  }
}

int TapIs(long got, long wanted, const char* text, const char* what, int line) {
  printf("%s %d - %s: %s\n", got == wanted ? "ok" : "not ok", ++checks, part,
         text);
  if (got == wanted) return 1;
  ++failures;
  printf("# %s, line %d: %s is ", part, line, what);
  PrintNumber(got);
  printf(", wanted ");
  PrintNumber(wanted);
  printf("\n");
  return 0;
}

void Skip(const char* text, const char* why) {
  printf("ok %d - %s: %s # SKIP %s\n", ++checks, part, text, why);
}

void TapPart(const char* name) { part = name; }

int TapEnd(void) {
  printf("1..%d\n", checks);
  return failures == 0 ? 0 : 1;
}
