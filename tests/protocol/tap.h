/* SPDX-License-Identifier: Apache-2.0
 *
 * The Test Anything Protocol, https://testanything.org: a line for each check,
 * the plan at the end.
 *
 *   Ok(r->flags == 0, "DM_DEV_STATUS has no flags");
 *   Is(Call(DM_DEV_REMOVE), ENXIO, "what is not there is ENXIO");
 *   if (dm_minor < 45) return Skip("uuids are listed", "since 4.45");
 */
#ifndef DMDAX_TESTS_PROTOCOL_TAP_H_
#define DMDAX_TESTS_PROTOCOL_TAP_H_

/* Prints and counts one check; if it failed, also where it is and what it
 * was.  Returns whether it held. */
#define Ok(condition, text) TapOk((condition) != 0, text, #condition, __LINE__)
/* The same of a number, an errno (0: done): says what came instead. */
#define Is(got, wanted, text) TapIs(got, wanted, text, #got, __LINE__)

int TapOk(int holds, const char* text, const char* what, int line);
int TapIs(long got, long wanted, const char* text, const char* what, int line);
void Skip(const char* text, const char* why);
/* Says which part begins: it stands in front of each check. */
void TapPart(const char* name);
/* Ends the list.  Returns the exit status. */
int TapEnd(void);

#endif /* DMDAX_TESTS_PROTOCOL_TAP_H_ */
