// SPDX-License-Identifier: Apache-2.0
//
// nbdkit-dmdax-plugin.so: block devices of a resident machine for whoever
// speaks NBD.  docs/run.md says how to use it; nbdkit-plugin(3) what each
// function here is for.
#include <fcntl.h>
#include <linux/fs.h>
#include <stdlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <string>

#include "run/nbdkit/connection.h"
#include "run/nbdkit/device.h"
#include "run/nbdkit/nbdkit.h"

#define THREAD_MODEL NBDKIT_THREAD_MODEL_SERIALIZE_REQUESTS

namespace dmdax::nbd {
namespace {

std::string socket_path;
std::string device_name;

struct Client {
  Connection machine{Connection::kServing};
  Device device{machine};
  bool read_only = false;
};
Client& Of(void* handle) { return *static_cast<Client*>(handle); }

// What NBD can say of an errno; of others it would say EINVAL, as if the client
// had made a mistake.
int NbdErrno(int error) {
  switch (error) {
    case EACCES:
    case EROFS:
      return EPERM;
    case EPERM:
    case EIO:
    case ENOMEM:
    case EINVAL:
    case ENOSPC:
    case EOPNOTSUPP:
    case ESHUTDOWN:
      return error;
    default:
      return EIO;
  }
}

// 0, or -1 with a line about it.
int Tell(int error, const char* what) {
  if (error == 0) return 0;
  nbdkit_error("%s: %s", what, strerror(error));
  nbdkit_set_error(NbdErrno(error));
  return -1;
}

int TellNoMachine(int error) {
  if (error == 0) return 0;
  nbdkit_error(
      "no machine answers at %s: %s (is there a `dmdax --state DIR serve`?)",
      socket_path.c_str(), strerror(error));
  nbdkit_set_error(NbdErrno(error));
  return -1;
}

int Config(const char* key, const char* value) {
  if (strcmp(key, "device") == 0) {
    device_name = value;
    return 0;
  }
  const bool is_state = strcmp(key, "state") == 0;
  if (!is_state && strcmp(key, "socket") != 0) {
    nbdkit_error("what is '%s'? There are device=, state= and socket=", key);
    return -1;
  }
  // nbdkit goes to / before it serves.
  char* const path = nbdkit_absolute_path(value);
  if (path == nullptr) return -1;
  socket_path = path;
  free(path);
  if (is_state) socket_path += "/.socket";
  return 0;
}

int ConfigComplete() {
  if (!socket_path.empty()) return 0;
  const char* const path = getenv(DMDAX_SOCKET_ENV);
  if (path == nullptr || *path == '\0') {
    nbdkit_error(
        "which machine? state=DIR, of `dmdax --state DIR serve`; or "
        "socket=PATH");
    return -1;
  }
  socket_path = path;
  return 0;
}

// Once, before there are clients: whether it can work at all.
int GetReady() {
  Connection machine(Connection::kStarting);
  if (TellNoMachine(machine.Connect(socket_path)) != 0) return -1;
  if (device_name.empty()) return 0;
  return Tell(Device(machine).Open(device_name, O_RDONLY), device_name.c_str());
}

void* Open(int read_only) {
  auto client = std::make_unique<Client>();
  if (TellNoMachine(client->machine.Connect(socket_path)) != 0) return nullptr;
  const char* const exported = nbdkit_export_name();
  const std::string name = !device_name.empty()  ? device_name
                           : exported == nullptr ? ""
                                                 : exported;
  if (name.empty()) {
    nbdkit_error("which device? device=NAME, or the name of the export");
    nbdkit_set_error(EINVAL);
    return nullptr;
  }
  int error = EACCES;
  if (read_only == 0) error = client->device.Open(name, O_RDWR);
  client->read_only = error == EACCES;
  if (client->read_only) error = client->device.Open(name, O_RDONLY);
  if (Tell(error, name.c_str()) != 0) return nullptr;
  return client.release();
}

void Close(void* handle) { delete &Of(handle); }

int64_t GetSize(void* handle) {
  uint64_t size = 0;
  if (Tell(Of(handle).device.Ask(BLKGETSIZE64, &size), "size") != 0) return -1;
  return static_cast<int64_t>(size);
}

int BlockSize(void* handle, uint32_t* least, uint32_t* preferred,
              uint32_t* most) {
  int block = 0;
  if (Tell(Of(handle).device.Ask(BLKSSZGET, &block), "block size") != 0) {
    return -1;
  }
  *least = static_cast<uint32_t>(block);
  *preferred = std::max(*least, uint32_t{4096});
  *most = UINT32_MAX;
  return 0;
}

int CanWrite(void* handle) { return Of(handle).read_only ? 0 : 1; }
int CanTrim(void* handle) {
  return Of(handle).device.Limit("discard_max_bytes") > 0 ? 1 : 0;
}
int CanZero(void*) { return 1; }
// Whether it is one, the request is told.
int CanFastZero(void*) { return 1; }
int CanFua(void*) { return NBDKIT_FUA_EMULATE; }
// There is one machine, and it keeps nothing back.
int CanMultiConn(void*) { return 1; }
int IsRotational(void* handle) {
  return Of(handle).device.Limit("rotational") > 0 ? 1 : 0;
}

int Pread(void* handle, void* to, uint32_t size, uint64_t offset, uint32_t) {
  return Tell(Of(handle).device.Read(offset, size, to), "read");
}
int Pwrite(void* handle, const void* from, uint32_t size, uint64_t offset,
           uint32_t) {
  return Tell(Of(handle).device.Write(offset, size, from), "write");
}
int Flush(void* handle, uint32_t) {
  return Tell(Of(handle).device.Sync(), "flush");
}
int Trim(void* handle, uint32_t size, uint64_t offset, uint32_t) {
  return Tell(Of(handle).device.OfRange(BLKDISCARD, offset, size), "trim");
}
int Zero(void* handle, uint32_t size, uint64_t offset, uint32_t flags) {
  Device& device = Of(handle).device;
  if ((flags & NBDKIT_FLAG_FAST_ZERO) != 0 &&
      device.Limit("write_zeroes_max_bytes") == 0) {
    nbdkit_set_error(EOPNOTSUPP);
    return -1;
  }
  return Tell(device.OfRange(BLKZEROOUT, offset, size), "zero");
}

constexpr char kHelp[] =
    "device=NAME   MAJOR:MINOR, a path, or a name below /dev/mapper or /dev;\n"
    "              without it the name of the export says which\n"
    "state=DIR     the machine of `dmdax --state DIR serve`\n"
    "socket=PATH   that of this socket; default: $DMDAX_SOCKET";

nbdkit_plugin Plugin() {
  nbdkit_plugin p = {};
  p.name = "dmdax";
  p.longname = "block devices of a dmdax machine";
  p.description = "a device-mapper stack, modelled, as an NBD disk";
  p.config_help = kHelp;
  p.magic_config_key = "device";
  p.config = Config;
  p.config_complete = ConfigComplete;
  p.get_ready = GetReady;
  p.open = Open;
  p.close = Close;
  p.get_size = GetSize;
  p.block_size = BlockSize;
  p.can_write = CanWrite;
  p.can_trim = CanTrim;
  p.can_zero = CanZero;
  p.can_fast_zero = CanFastZero;
  p.can_fua = CanFua;
  p.can_multi_conn = CanMultiConn;
  p.is_rotational = IsRotational;
  p.pread = Pread;
  p.pwrite = Pwrite;
  p.flush = Flush;
  p.trim = Trim;
  p.zero = Zero;
  return p;
}

nbdkit_plugin plugin = Plugin();

}  // namespace
}  // namespace dmdax::nbd

using dmdax::nbd::plugin;
NBDKIT_REGISTER_PLUGIN(plugin)
