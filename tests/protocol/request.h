/* SPDX-License-Identifier: Apache-2.0
 *
 * Requests to the control node, and what nearly every check has to do first.
 *
 * There is one request, `req`, which each function here writes anew.  After it
 * has returned, `req` is what the kernel made of it: the reply, or what was
 * left of the request.
 *
 *   Prepare(Name("a"));
 *   req.h.flags = DM_QUERY_INACTIVE_TABLE_FLAG;
 *   int err = Call(DM_DEV_STATUS);  // 0 or an errno
 *
 * All devices are our own: their names begin with NamePrefix(), which has the
 * process's number in it.
 */
#ifndef DMDAX_TESTS_PROTOCOL_REQUEST_H_
#define DMDAX_TESTS_PROTOCOL_REQUEST_H_

#include <stddef.h>

#include "tests/protocol/dm.h"

struct Request {
  struct dm_ioctl h;
  char payload[65536 - sizeof(struct dm_ioctl)];
};
extern struct Request req;

/* The control node, open; the minor number of the interface's version there. */
extern int dm_control;
extern uint32_t dm_minor;
/* Opens the node once more; -1: errno says why not. */
int DmOpen(void);

const char* NamePrefix(void);
/* Our device `suffix`, and its uuid.  Good until 8 more have been asked for. */
const char* Name(const char* suffix);
const char* Uuid(const char* suffix);

/* An empty request about the device of that name, as large as `req`, with the
 * payload right behind the struct.  "" leaves the name out. */
void Prepare(const char* name);
/* Puts a NUL-terminated text into the payload. */
void PutText(const char* text);

/* ioctl(2) of the control node: 0 or an errno.  It begins with a version of
 * 4.0.0, if none has been set. */
int Call(unsigned nr);
int CallWith(int fd, unsigned long command, void* request);

/* The payload of a reply, or null if data_start is not in the request. */
void* Payload(void);

struct Row {
  uint64_t start;
  uint64_t length;
  const char* type;
  const char* params;
};
/* Puts rows into the request, at data_start. */
void PutRows(const struct Row* rows, int count);

/* What they do is in their names.  0 or an errno. */
int Create(const char* name, const char* uuid);
int Load(const char* name, uint32_t flags, const struct Row* rows, int count);
int Suspend(const char* name);
int Resume(const char* name);
/* Tries again while udev or another has the device open. */
int Remove(const char* name);
int Status(const char* name);
/* DM_TARGET_MSG to the device's sector 0. */
int Message(const char* name, const char* text);
/* Creates a device of zeros, so many sectors, and lets it run. */
int MakeZero(const char* name, uint64_t sectors);
/* The parameters of a linear row on the device: "MAJOR:MINOR 0".  Good until
 * 4 more have been asked for. */
const char* LinearOn(const char* name);
/* The device's number, 0 if there is none. */
uint64_t DevOf(const char* name);

/* Removes all devices whose names begin so. */
void RemoveAllNamed(const char* prefix);

/* An entry of DM_LIST_DEVICES.  uuid: null without one. */
struct Listed {
  const char* name;
  uint64_t dev;
  uint32_t event_nr;
  uint32_t flags;
  const char* uuid;
};
/* Goes through a reply of DM_LIST_DEVICES.  Returns how many entries it has,
 * -1 if an offset or a text leads out of it or is not aligned.  `out` has as
 * many as fit. */
int ReadList(struct Listed* out, int most);
/* Asks for the list and finds the device in it: 1, 0, or -1 as above. */
int FindListed(const char* name, uint32_t flags, struct Listed* out);

#endif /* DMDAX_TESTS_PROTOCOL_REQUEST_H_ */
