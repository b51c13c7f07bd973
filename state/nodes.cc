// SPDX-License-Identifier: Apache-2.0
#include "state/nodes.h"

#include <cerrno>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/errno_status.h"
#include "base/path_length.h"
#include "process/field_error.h"

namespace dmdax {
namespace {

absl::Status OtherNode(const proto::Node& node, DevT dev, DevT other) {
  return FieldError(EEXIST, "path",
                    absl::StrCat("node '", node.path(), "' of ", dev.ToString(),
                                 ": it is that of ", other.ToString()));
}

// A path that mknod(2) could make in /dev.
absl::Status CheckNodePath(const std::string& path,
                           const std::map<std::string, DevT>& nodes) {
  const auto bad = [&](int err, absl::string_view what) {
    return FieldError(err, "path",
                      absl::StrCat("node '", path.substr(0, 128), "': ", what));
  };
  if (!absl::StartsWith(path, "/") || absl::StrContains(path, '\0')) {
    return bad(EINVAL, "an absolute path, such as /dev/x");
  }
  for (absl::string_view part : absl::StrSplit(path.substr(1), '/')) {
    if (part.empty() || part == "." || part == "..") {
      return bad(EINVAL, "a path without '//', '.' and '..'");
    }
  }
  if (const std::string what = PathTooLong(path); !what.empty()) {
    return bad(ENAMETOOLONG, what);
  }
  for (absl::string_view taken : {"/dev", "/dev/mapper"}) {
    if (path == taken) return bad(EISDIR, "that is a directory");
  }
  if (path == "/dev/mapper/control") return bad(EEXIST, "that is the control");
  for (size_t end = path.rfind('/'); end > 0; end = path.rfind('/', end - 1)) {
    if (const std::string above = path.substr(0, end); nodes.contains(above)) {
      return bad(ENOTDIR, absl::StrCat(above, " is a node"));
    }
  }
  const std::string below = path + "/";
  if (auto it = nodes.lower_bound(below);
      it != nodes.end() && absl::StartsWith(it->first, below)) {
    return bad(EISDIR, absl::StrCat("a directory, where ", it->first, " is"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<DevT> DevNumber(absl::string_view text) {
  const std::vector<absl::string_view> parts = absl::StrSplit(text, ':');
  DevT dev;
  // SimpleAtoi() would take blanks and a sign.
  if (text.find_first_not_of("0123456789:") == text.npos && parts.size() == 2 &&
      absl::SimpleAtoi(parts[0], &dev.major_nr) &&
      absl::SimpleAtoi(parts[1], &dev.minor_nr) && dev.Fits()) {
    return dev;
  }
  return ErrnoError(EINVAL,
                    absl::StrCat("dev '", text.substr(0, 40),
                                 "' is not major:minor, at most 4095:1048575"));
}

absl::StatusOr<std::optional<DevT>> ParseDev(const std::string& name,
                                             const std::string& text) {
  if (text.empty()) return std::optional<DevT>();
  absl::StatusOr<DevT> dev = DevNumber(text);
  if (dev.ok()) return std::optional<DevT>(*dev);
  return ErrnoError(EINVAL, absl::StrCat(name, ": ", dev.status().message()));
}

absl::Status AddNodes(const proto::World& world, Machine& machine,
                      const SourceMap& map, WorldKind kind) {
  const bool written = kind == WorldKind::kWritten;
  std::map<std::string, DevT> nodes;  // those of the disks
  if (written && world.node_size() > 0) nodes = machine.Nodes();
  std::map<std::string, int> given;
  for (int i = 0; i < world.node_size(); ++i) {
    const proto::Node& node = world.node(i);
    absl::StatusOr<std::optional<DevT>> dev = ParseDev(node.path(), node.dev());
    if (!dev.ok())
      return ErrorAt(map, absl::StrCat("node[", i, "]"), dev.status());
    if (written && !*dev) {
      return ErrorAt(
          map, absl::StrCat("node[", i, "]"),
          FieldError(EINVAL, "",
                     absl::StrCat("node '", node.path(), "': no dev")));
    }
    if (!*dev) continue;
    const auto [first, is_new] = given.insert({node.path(), i});
    if (written && !is_new) {
      return ErrorAt(map, absl::StrCat("node[", i, "]"),
                     FieldError(EEXIST, "path",
                                absl::StrCat("node '", node.path(), "' of ",
                                             node.dev(), ": it is node[",
                                             first->second, "] already, of ",
                                             world.node(first->second).dev())));
    }
    if (auto disk = nodes.find(node.path());
        disk != nodes.end() && disk->second != **dev) {
      return ErrorAt(map, absl::StrCat("node[", i, "]"),
                     OtherNode(node, **dev, disk->second));
    }
    machine.AddNode(node.path(), **dev);
  }
  return absl::OkStatus();
}

bool HasDevice(const Session& session, DevT dev) {
  return session.machine->FindBdev(dev) != nullptr ||
         (dev.major_nr == session.ctl->major() &&
          session.ctl->FindMinor(dev.minor_nr) != nullptr);
}

absl::Status CheckNodes(const proto::World& world, const Session& session,
                        const SourceMap& map) {
  if (world.node_size() == 0) return absl::OkStatus();
  const std::map<std::string, DevT> nodes = session.machine->Nodes();
  for (int i = 0; i < world.node_size(); ++i) {
    const proto::Node& node = world.node(i);
    const std::optional<DevT> dev = ScanMajorMinor(node.dev());
    if (!dev) continue;
    if (absl::Status s = CheckNodePath(node.path(), nodes); !s.ok()) {
      return ErrorAt(map, absl::StrCat("node[", i, "]"), s);
    }
    if (!HasDevice(session, *dev)) {
      return ErrorAt(map, absl::StrCat("node[", i, "]"),
                     FieldError(ENXIO, "dev",
                                absl::StrCat("node '", node.path(),
                                             "': no device has the number ",
                                             dev->ToString())));
    }
    if (auto it = nodes.find(node.path());
        it != nodes.end() && it->second != *dev) {
      return ErrorAt(map, absl::StrCat("node[", i, "]"),
                     OtherNode(node, *dev, it->second));
    }
  }
  return absl::OkStatus();
}

}  // namespace dmdax
