// SPDX-License-Identifier: Apache-2.0
//
// Dispatch: what each op of server/protocol.h does.
//
//   Dispatch dispatch(machine, tree, handles);
//   Pending pending{.request = *connection.Next(), .comm = "dmsetup"};
//   if (std::optional<Answer> answer = dispatch.Do(pending)) {
//     connection.Send(pending.request.head, *std::move(answer));
//   }  // else it waits: Do() again when something has changed
//
// An answer about a change is given when the state has it, if there is one, and
// the scratch tree.
// Threading: thread-compatible.
#ifndef DMDAX_SERVER_DISPATCH_H_
#define DMDAX_SERVER_DISPATCH_H_

#include <map>
#include <optional>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "base/keyring.h"
#include "dm/io/block_file.h"
#include "server/connection.h"
#include "server/handles.h"
#include "server/lease.h"
#include "server/resident.h"
#include "server/scratch_tree.h"

namespace dmdax {

struct Pending {
  Request request;
  std::string comm;  // the peer's program
  // DM_DEV_WAIT: the reply if the device goes while it waits; "": none yet.
  std::string last;
};

class Dispatch {
 public:
  Dispatch(Resident& machine, ScratchTree& tree, Handles& handles);

  std::optional<Answer> Do(Pending& pending);
  // The last copy of the handle's descriptor is closed.
  void Closed(uint64_t handle);
  // Looks whether others have changed the state.
  absl::Status Refresh() { return machine_.Refresh(); }
  // Keeps bytes that were written; what can not be kept, the next sync of each
  // open device says.
  absl::Status Keep();

  // Whether anything has changed since this was asked: then pending requests
  // may have their answer.
  bool TakeChanged() { return std::exchange(changed_, false); }
  bool is_over() const { return over_; }

 private:
  // What was closed before a request counts as closed in it.
  void SweepClosed();
  void SweepClosedFor(const Request& ioctl);
  std::optional<Answer> DoHandle(Pending& pending, Handle& handle);
  Answer Open(Pending& pending);
  Answer Identify(const Request& request);
  Answer Changed(const Request& request);
  std::optional<Answer> ControlIoctl(Pending& pending, Handle& handle);
  std::optional<Answer> Wait(Pending& pending, Handle& handle);
  std::optional<Answer> DeviceIoctl(const Request& request, Handle& handle);
  std::optional<Answer> Read(const Request& request, Handle& handle);
  std::optional<Answer> Write(const Request& request, Handle& handle);
  Answer WriteAttribute(const Request& request, const Handle& handle);
  std::optional<Answer> Sync(Handle& handle);
  std::optional<Answer> Allocate(const Request& request, Handle& handle);
  Answer Seek(const Request& request, Handle& handle);
  Answer SetFlags(const Request& request, Handle& handle);
  Answer UseKey(const Request& request);
  // False: the quota is used up.
  bool CountKey(const std::string& description, size_t bytes);
  Answer PutKey(const std::string& description, std::string payload);
  absl::Status DropKey(const std::string& description, size_t bytes);
  Answer ControlKey(const Request& request);
  struct KnownKey {
    std::string description;
    uint32_t permissions;
  };
  Answer ControlKey(const Request& request, KnownKey& known, const Key& key);
  Answer LeasePage();
  Answer Lease(const Request& request, Handle& handle);
  // Does what may write bytes of a disk; nothing: the device is suspended, and
  // the caller waits.
  std::optional<Answer> WithBytes(
      Handle& handle, absl::FunctionRef<absl::Status(BlockFile&)> write);

  // Changes the machine, and has tree and control nodes follow.
  absl::Status Change(absl::FunctionRef<void(Session&)> change,
                      Resident::Touches touches = Resident::Touches::kAnything);
  absl::Status Follow();

  Resident& machine_;
  ScratchTree& tree_;
  Handles& handles_;
  Leases leases_;
  // The logon keys by their serial numbers, less that of the first, and the
  // other way round.
  std::vector<KnownKey> keys_;
  std::map<std::string, size_t> key_numbers_;
  // What they count against the quota, in bytes; known once one was added.
  std::optional<uint64_t> key_bytes_;
  bool changed_ = false;
  bool over_ = false;
};

}  // namespace dmdax

#endif  // DMDAX_SERVER_DISPATCH_H_
