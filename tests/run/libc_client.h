// SPDX-License-Identifier: Apache-2.0
//
// What the files of libc_client share.
#ifndef DMDAX_TESTS_RUN_LIBC_CLIENT_H_
#define DMDAX_TESTS_RUN_LIBC_CLIENT_H_

// "WHAT: ok", or the errno's name.
void Say(const char* what, long result);

// --- libc_io.c ---
void Polls(void);
void Direct(void);
void Suspended(void);

#endif  // DMDAX_TESTS_RUN_LIBC_CLIENT_H_
