/* SPDX-License-Identifier: Apache-2.0
 *
 * The parts of the program, each a file check_*.c.  Whatever a part makes it
 * takes away again; main.c removes what is left when a check has failed.
 */
#ifndef DMDAX_TESTS_PROTOCOL_PARTS_H_
#define DMDAX_TESTS_PROTOCOL_PARTS_H_

void CheckVersion(void); /* DM_VERSION, and what all commands have in common */
void CheckMemory(void);  /* how much of the request is read and written */
void CheckCreate(void);
void CheckSelect(void); /* how a request says which device it is about */
void CheckRename(void);
void CheckRemove(void);
void CheckLoad(void);
void CheckRows(void); /* where the rows of a load may lie */
void CheckState(void);
void CheckStatus(void); /* DM_TABLE_STATUS */
void CheckDeps(void);
void CheckList(void);
void CheckVersions(void);
void CheckMessage(void);
void CheckGeometry(void);
void CheckWait(void);
void CheckPoll(void);
void CheckRemoveAll(void); /* only if asked for */
void CheckPrivilege(void); /* only if asked for */

#endif /* DMDAX_TESTS_PROTOCOL_PARTS_H_ */
