// SPDX-License-Identifier: Apache-2.0
#include "server/socket.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <optional>

#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "state/dir/own_uid.h"

namespace dmdax {
namespace {

absl::Status Failed(absl::string_view what, const std::string& path) {
  const int error = errno;
  return ErrnoError(error, absl::StrCat("cannot ", what, " '", path,
                                        "': ", ErrnoText(error)));
}

struct Address {
  Fd directory;
  sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = {}};
  const sockaddr* get() const {
    return reinterpret_cast<const sockaddr*>(&name);
  }
};

absl::StatusOr<Address> AddressOf(const std::string& directory,
                                  const std::string& name) {
  Address address;
  address.directory =
      Fd(open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!address.directory.ok()) return Failed("open", directory);
  const std::string path =
      absl::StrCat("/proc/self/fd/", address.directory.get(), "/", name);
  if (path.size() >= sizeof(address.name.sun_path)) {
    return ErrnoError(ENAMETOOLONG, absl::StrCat("'", name, "' is too long"));
  }
  memcpy(address.name.sun_path, path.c_str(), path.size() + 1);
  return address;
}

std::optional<ucred> PeerOf(const Fd& socket) {
  ucred peer;
  socklen_t size = sizeof(peer);
  if (getsockopt(socket.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) {
    return std::nullopt;
  }
  return peer;
}

Fd NewSocket() { return Fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)); }

}  // namespace

absl::StatusOr<Fd> ListenAt(const std::string& directory,
                            const std::string& name) {
  const std::string path = absl::StrCat(directory, "/", name);
  absl::StatusOr<Address> address = AddressOf(directory, name);
  if (!address.ok()) return address.status();
  // Of two that find a dead one at once, one is served.
  const Fd one(openat(address->directory.get(), (name + ".lock").c_str(),
                      O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!one.ok() || flock(one.get(), LOCK_EX) != 0) {
    return Failed("lock", path + ".lock");
  }
  if (ConnectTo(path).ok()) {
    return ErrnoError(EADDRINUSE,
                      absl::StrCat("'", path, "': a server is there already"));
  }
  // One whose server was killed; nothing else is ours to take away.
  struct stat st;
  if (fstatat(address->directory.get(), name.c_str(), &st,
              AT_SYMLINK_NOFOLLOW) == 0) {
    if (!S_ISSOCK(st.st_mode)) {
      return ErrnoError(EEXIST, absl::StrCat("'", path, "' is no socket"));
    }
    unlinkat(address->directory.get(), name.c_str(), 0);
  }
  Fd socket = NewSocket();
  const mode_t before = umask(0177);
  const bool bound = socket.ok() && bind(socket.get(), address->get(),
                                         sizeof(address->name)) == 0;
  umask(before);
  if (!bound || listen(socket.get(), SOMAXCONN) != 0) {
    return Failed("listen at", path);
  }
  return socket;
}

absl::StatusOr<Fd> ConnectTo(const std::string& path) {
  const size_t slash = path.rfind('/');
  absl::StatusOr<Address> address =
      AddressOf(slash == path.npos ? "." : path.substr(0, slash + 1),
                slash == path.npos ? path : path.substr(slash + 1));
  if (!address.ok()) return address.status();
  Fd socket = NewSocket();
  if (!socket.ok() ||
      connect(socket.get(), address->get(), sizeof(address->name)) != 0) {
    return Failed("connect to", path);
  }
  return socket;
}

bool PeerIsOurs(const Fd& socket) {
  const std::optional<ucred> peer = PeerOf(socket);
  return peer && (peer->uid == OwnUid() || peer->uid == 0);
}

int PeerPid(const Fd& socket) {
  const std::optional<ucred> peer = PeerOf(socket);
  return peer ? peer->pid : 0;
}

std::string PeerComm(const Fd& socket) {
  const int pid = PeerPid(socket);
  if (pid == 0) return "";
  std::ifstream file(absl::StrCat("/proc/", pid, "/comm"));
  std::string comm;
  std::getline(file, comm);
  return comm;
}

}  // namespace dmdax
