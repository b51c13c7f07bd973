// SPDX-License-Identifier: Apache-2.0
//
// How a path in a table line becomes a device number: the part of Machine
// that stands for the path walk and for init/do_mounts.c.
#include <algorithm>
#include <cerrno>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/types/span.h"
#include "base/errno_status.h"
#include "base/path_length.h"
#include "block/host_nodes.h"
#include "block/machine.h"

namespace dmdax {
namespace {

// Paths that exist on every Linux and are no block devices.
constexpr absl::string_view kDirectories[] = {"/",
                                              "/bin",
                                              "/dev",
                                              "/dev/mapper",
                                              "/etc",
                                              "/lib",
                                              "/mnt",
                                              "/proc",
                                              "/proc/1",
                                              "/proc/self",
                                              "/root",
                                              "/run",
                                              "/sbin",
                                              "/sys",
                                              "/sys/block",
                                              "/sys/class",
                                              "/sys/class/block",
                                              "/sys/devices",
                                              "/sys/fs",
                                              "/sys/kernel",
                                              "/sys/module",
                                              "/tmp",
                                              "/usr",
                                              "/usr/bin",
                                              "/var"};
constexpr absl::string_view kFiles[] = {
    "/bin/sh",           "/etc/passwd",  "/proc/mounts", "/proc/self/exe",
    "/proc/self/status", "/dev/null",    "/dev/zero",    "/dev/full",
    "/dev/random",       "/dev/urandom", "/dev/console", "/dev/tty",
    "/dev/ptmx",         "/dev/mem",     "/dev/kmsg",    "/dev/mapper/control",
    "/dev/loop-control"};

bool IsOneOf(absl::Span<const absl::string_view> paths,
             absl::string_view path) {
  return std::find(paths.begin(), paths.end(), path) != paths.end();
}

// "/dev//mapper/./d0" -> "/dev/mapper/d0".  ".." climbs, from what is added to
// `climbed`.
std::string CleanPath(absl::string_view path,
                      std::vector<std::string>* climbed) {
  std::string clean;
  while (!path.empty()) {
    const size_t slash = std::min(path.find('/'), path.size());
    const absl::string_view part = path.substr(0, slash);
    path.remove_prefix(std::min(slash + 1, path.size()));
    if (part.empty() || part == ".") continue;
    if (part == "..") {
      climbed->push_back(clean.empty() ? "/" : clean);
      clean.resize(clean.empty() ? 0 : clean.rfind('/'));
    } else {
      absl::StrAppend(&clean, "/", part);
    }
  }
  return clean.empty() ? "/" : clean;
}

// One %u of the kernel's sscanf: leading spaces, then digits; wraps.
bool ScanU32(absl::string_view& s, uint32_t* value) {
  while (!s.empty() && KernelIsSpace(s.front())) s.remove_prefix(1);
  if (s.empty() || !absl::ascii_isdigit(s.front())) return false;
  uint64_t wide = 0;
  while (!s.empty() && absl::ascii_isdigit(s.front())) {
    wide = wide * 10 + static_cast<uint64_t>(s.front() - '0');
    s.remove_prefix(1);
  }
  *value = static_cast<uint32_t>(wide);
  return true;
}

// new_decode_dev(): the 32-bit encoding of a device number.
DevT DecodeDev(uint64_t dev) { return DevT::HugeDecode(dev); }

// devt_from_devnum(): "259:0", "259:0:<offset>" with anything but a character
// after a further colon, or the bare number in hexadecimal.
std::optional<DevT> FromDevnum(absl::string_view name) {
  absl::string_view s = name;
  DevT dev;
  if (ScanU32(s, &dev.major_nr) && absl::ConsumePrefix(&s, ":") &&
      ScanU32(s, &dev.minor_nr)) {
    uint32_t offset;
    const bool two = s.empty();
    const bool three = absl::ConsumePrefix(&s, ":") && ScanU32(s, &offset) &&
                       (s.empty() || s.front() != ':' || s.size() == 1);
    if (two || three) {
      return dev.Fits() ? std::optional<DevT>(dev) : std::nullopt;
    }
  }
  s = name;
  if (s.size() > 1 && s[0] == '0' && absl::ascii_tolower(s[1]) == 'x') {
    s.remove_prefix(2);
  }
  uint64_t hex = 0;
  for (char c : s) {
    if (!absl::ascii_isxdigit(static_cast<unsigned char>(c))) {
      return std::nullopt;
    }
    hex = hex * 16 + static_cast<uint64_t>(
                         absl::ascii_isdigit(static_cast<unsigned char>(c))
                             ? c - '0'
                             : absl::ascii_tolower(c) - 'a' + 10);
  }
  return DecodeDev(hex);
}

HostNodes host_nodes = nullptr;

}  // namespace

void SetHostNodes(HostNodes look) { host_nodes = look; }
HostNodes GetHostNodes() { return host_nodes; }

std::optional<DevT> ScanMajorMinor(absl::string_view text) {
  DevT dev;
  if (ScanU32(text, &dev.major_nr) && absl::ConsumePrefix(&text, ":") &&
      ScanU32(text, &dev.minor_nr) && text.empty()) {
    return dev;
  }
  return std::nullopt;
}

Machine::PathIs Machine::LookAtPath(absl::string_view path) const {
  if (nodes_.contains(path) || char_nodes_.contains(path) ||
      IsOneOf(kFiles, path)) {
    return PathIs::kOther;
  }
  absl::string_view disk = path;
  const bool of_disk = (absl::ConsumePrefix(&disk, "/sys/block/") ||
                        absl::ConsumePrefix(&disk, "/sys/class/block/")) &&
                       by_name_.contains(disk);
  return of_disk || IsOneOf(kDirectories, path) ? PathIs::kDirectory
                                                : PathIs::kNothing;
}

// Nothing is climbed from but a directory that is there.
absl::Status Machine::CheckClimbed(const std::string& from) const {
  Need(AbsentObjects::By::kNode, from);
  const PathIs is = LookAtPath(from);
  if (is == PathIs::kOther) return ErrnoError(ENOTDIR, "");
  const auto below = [&](const auto& node) {
    return absl::StartsWith(node.first, from + "/");
  };
  if (is == PathIs::kDirectory ||
      std::any_of(nodes_.begin(), nodes_.end(), below)) {
    return absl::OkStatus();
  }
  return ErrnoError(ENOENT, "");
}

absl::StatusOr<DevT> Machine::LookupBdev(absl::string_view path) const {
  std::vector<std::string> climbed;
  // A relative name is looked up in the root directory.
  const std::string full = CleanPath(path, &climbed);
  absl::MutexLock lock(&mu_);
  if (path.empty()) return ErrnoError(ENOENT, "");
  // getname_kernel(), before anything is looked up.
  if (path.size() > kMaxPathBytes) return ErrnoError(ENAMETOOLONG, "");
  const HostNodes look = GetHostNodes();
  const auto on_host = [&](absl::string_view where) {
    return look != nullptr && !absl::StartsWith(where, "/dev/") &&
           !absl::StartsWith(where, "/sys/");
  };
  for (const std::string& from : climbed) {
    if (on_host(from)) continue;
    if (absl::Status s = CheckClimbed(from); !s.ok()) return s;
  }
  const bool of_directory = path.back() == '/';
  if (auto it = nodes_.find(full); it != nodes_.end()) {
    if (of_directory) return ErrnoError(ENOTDIR, "");
    return it->second;
  }
  if (on_host(full)) return look(of_directory ? full + "/" : full);
  Need(AbsentObjects::By::kNode, full);
  if (const PathIs is = LookAtPath(full); is != PathIs::kNothing) {
    const bool below_file = is == PathIs::kOther && of_directory;
    return ErrnoError(below_file ? ENOTDIR : ENOTBLK, "");
  }
  // A path below a node or a file is ENOTDIR: that is no directory.
  for (size_t slash = full.rfind('/'); slash > 0 && slash != full.npos;
       slash = full.rfind('/', slash - 1)) {
    const std::string above = full.substr(0, slash);
    if (LookAtPath(above) == PathIs::kOther) return ErrnoError(ENOTDIR, "");
    Need(AbsentObjects::By::kNode, above);
  }
  // simple_lookup(), of a directory that is there; in another one it is not
  // looked for.
  for (absl::string_view dir : {"", "/dev", "/dev/mapper"}) {
    absl::string_view name = full;
    if (!absl::ConsumePrefix(&name, absl::StrCat(dir, "/"))) continue;
    if (std::min(name.find('/'), name.size()) > kMaxNameBytes) {
      return ErrnoError(ENAMETOOLONG, "");
    }
  }
  return ErrnoError(ENOENT, "");
}

std::optional<DevT> Machine::NameToDevT(absl::string_view name) const {
  if (absl::StartsWith(name, "PARTUUID=") ||
      absl::StartsWith(name, "PARTLABEL=")) {
    return std::nullopt;  // no partition tables here
  }
  if (!absl::ConsumePrefix(&name, "/dev/")) return FromDevnum(name);
  // devt_from_devname(): by the kernel's own disk name; '/' becomes '!'.
  std::string disk(name);
  std::replace(disk.begin(), disk.end(), '/', '!');
  if (BlockDevice* bdev = FindBdevByName(disk)) return bdev->dev();
  return std::nullopt;
}

absl::StatusOr<DevT> Machine::DmGetDevT(absl::string_view path) const {
  absl::StatusOr<DevT> dev = LookupBdev(path);
  if (dev.ok() || profile_.dm_bad_path == DmBadPath::kLookupsErrno) return dev;
  std::optional<DevT> by_name = NameToDevT(path);
  // Number 0 is the kernel's way to say "none".
  if (by_name && *by_name != DevT{}) return *by_name;
  return ErrnoError(ENODEV, "");
}

}  // namespace dmdax
