// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <linux/blkpg.h>
#include <sys/ioctl.h>

#include <cstring>
#include <string>

#include "absl/types/span.h"
#include "run/notify/handlers.h"
#include "server/protocol.h"

namespace dmdax::run {
namespace {

// Of struct dm_ioctl.
constexpr size_t kDmVersion = 12, kDmDataSize = 12, kDmSize = 312;
constexpr uint32_t kDmType = 0xfd, kDmWait = 8;
// DM_VERSION, LIST_DEVICES, DEV_STATUS, DEV_WAIT, TABLE_DEPS, TABLE_STATUS,
// LIST_VERSIONS, GET_TARGET_VERSION: after one that fails nothing is other.
constexpr uint32_t kDmAsks =
    1 << 0 | 1 << 2 | 1 << 7 | 1 << 8 | 1 << 11 | 1 << 12 | 1 << 13 | 1 << 17;
// include/linux/errno.h: the kernel runs the signal's handler, and then, as
// the handler was set up, does the call again or says EINTR.
constexpr int kRestart = 512;

int CallMachine(Call& call, Exchange& e, bool* answered) {
  const bool waits = (e.head.arg[0] & 0xff) == kDmWait &&
                     (e.head.arg[0] >> 8 & 0xff) == kDmType;
  call.door.files.Reap();
  const int error = waits ? call.door.machine.Call(
                                e,
                                [&] {
                                  if (!call.door.listener.Waits(call.id())) {
                                    return ESRCH;
                                  }
                                  return call.target.HasSignal() ? kRestart : 0;
                                })
                          : call.door.machine.Call(e);
  *answered = e.answered;
  return error;
}

Reply ControlIoctl(Call& call, const OpenFile& file) {
  const TargetMemory& memory = call.target.memory();
  const auto command = static_cast<uint32_t>(call.arg(1));
  const uint64_t address = call.arg(2);
  if ((command >> 8 & 0xff) != kDmType) return Reply::Errno(ENOTTY);
  std::string request(kDmSize, '\0');
  request.resize(
      memory.ReadSome(address, absl::MakeSpan(request.data(), request.size())));
  // The version is written back whatever comes of the command: memory that can
  // not be written is refused before anything is done; where nothing would be,
  // the answer finds it out.
  const uint32_t number = command & 0xff;
  const bool asks = number < 32 && (kDmAsks >> number & 1) != 0;
  if (request.size() < kDmVersion ||
      (!asks &&
       !memory.Write(address, absl::MakeConstSpan(request.data(), kDmVersion))
            .ok())) {
    return Reply::Errno(EFAULT);
  }
  uint32_t wanted = 0;
  if (request.size() == kDmSize) {
    memcpy(&wanted, request.data() + kDmDataSize, sizeof(wanted));
  }
  if (wanted > DMDAX_MAX_PAYLOAD && wanted <= uint32_t{1} << 30) {
    return Reply::Errno(ENOMEM);
  }
  if (wanted > kDmSize && wanted <= DMDAX_MAX_PAYLOAD) {
    request.resize(wanted);
    request.resize(memory.ReadSome(
        address, absl::MakeSpan(request.data(), request.size())));
  }
  Exchange e(DMDAX_OP_IOCTL, file.handle);
  e.head.arg[0] = command;
  e.head.arg[1] = request.size();
  // Nearly all of the 16 KiB that libdevmapper sends.
  e.in =
      absl::string_view(request).substr(0, request.find_last_not_of('\0') + 1);
  bool answered;
  const int error = CallMachine(call, e, &answered);
  if (answered && asks && e.out.size() < kDmVersion) {
    e.out.append(request, e.out.size(), kDmVersion - e.out.size());
  }
  if (answered && !memory.Write(address, e.out).ok()) {
    return Reply::Errno(EFAULT);
  }
  return Reply::Of(error);
}

// The descriptor that the argument names, if it is one.
Fd FdAlong(const Call& call, const dmdax_ioctl_arg& arg,
           const std::string& bytes) {
  int number = -1;
  if (arg.fd == DMDAX_IOCTL_FD_IS_ARG) number = call.number(2);
  if (arg.fd == DMDAX_IOCTL_FD_IN_BYTES && !bytes.empty()) {
    memcpy(&number, bytes.data() + arg.fd_at, sizeof(number));
  }
  return number >= 0 ? call.target.Copy(number) : Fd();
}

// What can not be read is not sent: whether that matters is for the machine to
// say.
Reply DeviceIoctl(Call& call, const OpenFile& file) {
  const TargetMemory& memory = call.target.memory();
  const auto command = static_cast<uint32_t>(call.arg(1));
  const uint64_t address = call.arg(2);
  const dmdax_ioctl_arg arg = dmdax_ioctl_arg_of(command);
  std::string in(arg.reads != 0 ? arg.size : 0, '\0');
  if (!memory.Read(address, absl::MakeSpan(in.data(), in.size())).ok()) {
    in.clear();
  }
  if (arg.nested != 0 && !in.empty()) {
    blkpg_ioctl_arg names;
    memcpy(&names, in.data(), sizeof(names));
    std::string more(arg.nested, '\0');
    const absl::Span<char> bytes(more.data(), more.size());
    if (memory.Read(reinterpret_cast<uint64_t>(names.data), bytes).ok()) {
      in += more;
    }
  }
  Exchange e(DMDAX_OP_IOCTL, file.handle);
  e.head.flags = call.IsRoot() ? DMDAX_AS_ROOT : 0;
  e.head.arg[0] = command;
  e.head.arg[1] = address;
  e.in = in;
  const Fd along = FdAlong(call, arg, in);
  e.in_fd = along.get();
  call.door.files.Reap();
  if (const int error = call.AskMachine(e)) return Reply::Errno(error);
  if (!memory.Write(address, e.out).ok()) return Reply::Errno(EFAULT);
  return Reply::Value(static_cast<int>(e.head.arg[0]));
}

}  // namespace

Reply Ioctl(Call& call) {
  switch (static_cast<uint32_t>(call.arg(1))) {
    case FIOCLEX:  // The descriptor's own.
    case FIONCLEX:
    case FIONBIO:
    case FIOASYNC:
      return Reply::Continue();
    default:
      break;
  }
  const std::optional<OpenFile> file = call.FileAt(call.number(0));
  if (!file) return Reply::Continue();
  if (const int error = file->Error()) return Reply::Errno(error);
  return file->IsControl() ? ControlIoctl(call, *file)
                           : DeviceIoctl(call, *file);
}

}  // namespace dmdax::run
