// SPDX-License-Identifier: Apache-2.0
//
// What ThreadSanitizer reports of our own code and is not so.

extern "C" const char* __tsan_default_suppressions();

extern "C" const char* __tsan_default_suppressions() {
  return
      // An ioctl(2) may be called by a signal's handler, and ours allocates
      // memory.  SessionGuard keeps handlers from running while it does.
      "signal:dmdax::preload\n"
      // The child of a fork makes the lock anew by assignment, which TSan does
      // not see: the lock knows its writer by a number that the child has not.
      "mutex:dmdax::preload::SessionGuard\n";
}
