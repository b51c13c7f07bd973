// SPDX-License-Identifier: Apache-2.0
#include "tools/check/machine_list.h"

#include <cerrno>
#include <filesystem>
#include <set>
#include <system_error>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/errno_status.h"
#include "base/read_input.h"
#include "formats/world_format.h"
#include "import/import.h"
#include "state/world.pb.h"

namespace dmdax {
namespace {

namespace fs = std::filesystem;

absl::Status Failed(const fs::path& path, const std::error_code& error) {
  return ErrnoError(error.value(),
                    absl::StrCat(path.string(), ": ", error.message()));
}

// Whether it is called as a World or an archive is.
bool IsCalledSo(const fs::path& path) {
  constexpr absl::string_view kEndings[] = {
      ".textproto", ".txtpb", ".pbtxt", ".prototxt", ".world", ".json",
      ".pb",        ".binpb", ".bin",   ".tar",      ".gz",    ".tgz",
      ".xz",        ".txz",   ".bz2",   ".zst",
  };
  const std::string ending = path.extension().string();
  for (absl::string_view known : kEndings) {
    if (absl::EqualsIgnoreCase(ending, known)) return true;
  }
  return false;
}

// Whether it begins as a World does, though it may be none: with a field of
// one, behind comments.
bool BeginsAsWorld(absl::string_view text) {
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    line = absl::StripAsciiWhitespace(line);
    if (line.empty() || line[0] == '#') continue;
    const size_t end = line.find_first_not_of("abcdefghijklmnopqrstuvwxyz_");
    if (end == line.npos || end == 0) return false;
    const absl::string_view rest =
        absl::StripLeadingAsciiWhitespace(line.substr(end));
    return (absl::StartsWith(rest, ":") || absl::StartsWith(rest, "{")) &&
           proto::World::descriptor()->FindFieldByName(
               std::string(line.substr(0, end))) != nullptr;
  }
  return false;
}

// Whether somebody meant the file to be a machine.
bool IsMeant(const fs::path& path) {
  if (IsCalledSo(path)) return true;
  constexpr uint64_t kMost = 1 << 20;
  std::error_code error;
  const uint64_t size = fs::file_size(path, error);
  if (error || size > kMost) return true;  // it says itself what it is not
  absl::StatusOr<std::string> text = ReadInput(path.string());
  if (!text.ok() || LooksImportable(*text, path.string()) ||
      BeginsAsWorld(*text)) {
    return true;
  }
  absl::StatusOr<ParsedWorld> world = ParseWorld(*std::move(text), "");
  return world.ok() && world->world.ByteSizeLong() > 0;
}

// Whether a report's own directories are there.
bool HasParts(const fs::path& directory) {
  std::error_code ignored;
  for (const char* part : {"proc", "sys", "sos_commands", "etc/lvm/backup"}) {
    if (fs::is_directory(directory / part, ignored)) return true;
  }
  return false;
}

// Whether a machine has such answers one by one, of a file, a group or a disk.
bool IsOfAPart(absl::string_view kind) {
  constexpr absl::string_view kKinds[] = {
      "filefrag", "fiemap",      "xfs_bmap", "lsattr",
      "xfs-info", "xfs_io-stat", "sfdisk",   "vgcfgbackup"};
  return absl::c_linear_search(kKinds, kind);
}

// The kinds of answers in a directory without such parts, and below it.
class OneMachine {
 public:
  // Whether they can be of one machine: more than one kind in it, none of them
  // twice, below it no other that has more, and nothing that is a machine by
  // itself.
  bool Has(const fs::path& directory) { return Add(directory, At::kTop); }

 private:
  enum class At { kTop, kBelow };

  bool Add(const fs::path& directory, At at) {
    std::set<std::string> kinds;
    std::error_code error;
    for (fs::directory_iterator it(directory, error);
         !error && it != fs::directory_iterator(); it.increment(error)) {
      if (!AddEntry(*it, &kinds)) return false;
    }
    if (error || (at == At::kTop) != (kinds.size() > 1)) return false;
    // In one directory, if at all.
    for (const std::string& kind : kinds) {
      if (!all_.insert(kind).second) return false;
    }
    return true;
  }

  bool AddEntry(const fs::directory_entry& entry,
                std::set<std::string>* kinds) {
    constexpr uint64_t kMost = 1 << 20;
    constexpr size_t kMostEntries = 64;
    const fs::path& path = entry.path();
    std::error_code gone;
    if (absl::StartsWith(path.filename().string(), ".")) return true;
    if (++entries_ > kMostEntries) return false;
    if (entry.is_directory(gone)) {
      // A link may lead back to where it is.
      return entry.is_symlink(gone) ||
             (!HasParts(path) && Add(path, At::kBelow));
    }
    if (!entry.is_regular_file(gone) || entry.file_size(gone) > kMost) {
      return false;
    }
    absl::StatusOr<std::string> text = ReadInput(path.string());
    if (!text.ok()) return true;  // whoever reads the machine says it
    const std::string kind = ImportKindOf(*text, path.string());
    if (kind.empty()) return !IsMeant(path);  // no World
    return kind != "archive" && (kinds->insert(kind).second || IsOfAPart(kind));
  }

  std::set<std::string> all_;
  size_t entries_ = 0;
};

bool IsOneMachine(const fs::path& directory) {
  return HasParts(directory) || OneMachine().Has(directory);
}

struct Found {
  std::set<std::string> machines, left_out, no_files;
};

absl::Status LookThrough(const fs::path& directory, Found& found) {
  std::error_code error;
  fs::directory_iterator it(directory, error);
  for (; !error && it != fs::directory_iterator(); it.increment(error)) {
    const fs::path& path = it->path();
    if (absl::StartsWith(path.filename().string(), ".")) continue;
    std::error_code gone;
    const fs::file_status target = fs::status(path, gone);
    if (fs::is_directory(target)) {
      if (IsOneMachine(path)) {
        found.machines.insert(path.string());
      } else if (!fs::is_symlink(fs::symlink_status(path, gone))) {
        // A link may lead back to where it is.
        absl::Status s = LookThrough(path, found);
        if (!s.ok()) return s;
      }
    } else if (fs::is_regular_file(target)) {
      (IsMeant(path) ? found.machines : found.left_out).insert(path.string());
    } else if (IsCalledSo(path)) {
      // Nobody waits for a FIFO; a link may lead nowhere.
      found.machines.insert(path.string());
      found.no_files.insert(path.string());
    } else {
      found.left_out.insert(path.string());
    }
  }
  // What was to be a machine's report, perhaps.
  if (!error && fs::is_empty(directory, error) && !error) {
    found.left_out.insert(directory.string());
  }
  return error ? Failed(directory, error) : absl::OkStatus();
}

absl::Status Add(absl::string_view said, Found& found) {
  // Of "reports/" and "reports" the machines have the same names.
  while (said.size() > 1 && absl::ConsumeSuffix(&said, "/")) {
  }
  const fs::path path{std::string(said)};
  std::error_code error;
  const fs::file_status target = fs::status(path, error);
  if (!fs::exists(target)) {
    return Failed(path,
                  std::make_error_code(std::errc::no_such_file_or_directory));
  }
  if (fs::is_directory(target) && !IsOneMachine(path)) {
    return LookThrough(path, found);
  }
  found.machines.insert(path.string());
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<MachineList> ListMachines(absl::Span<const std::string> said) {
  Found found;
  for (const std::string& word : said) {
    if (word != "-") {
      if (absl::Status s = Add(word, found); !s.ok()) return s;
      continue;
    }
    absl::StatusOr<std::string> lines = ReadInput("-");
    if (!lines.ok()) return lines.status();
    for (absl::string_view line : absl::StrSplit(*lines, '\n')) {
      absl::ConsumeSuffix(&line, "\r");
      if (line.empty()) continue;
      if (absl::Status s = Add(line, found); !s.ok()) return s;
    }
  }
  MachineList list;
  list.machines.assign(found.machines.begin(), found.machines.end());
  list.no_files = std::move(found.no_files);
  for (const std::string& path : found.left_out) {
    if (!found.machines.contains(path)) list.left_out.push_back(path);
  }
  return list;
}

absl::StatusOr<Shard> ParseShard(absl::string_view text) {
  const std::vector<absl::string_view> parts = absl::StrSplit(text, '/');
  Shard shard;
  if (parts.size() != 2 || !absl::SimpleAtoi(parts[0], &shard.number) ||
      !absl::SimpleAtoi(parts[1], &shard.of) || shard.number == 0 ||
      shard.number > shard.of) {
    return ErrnoError(EINVAL,
                      absl::StrCat("'", text.substr(0, 64),
                                   "' is not I/N with I from 1 to N (2/7)"));
  }
  return shard;
}

std::vector<std::string> TakeShard(const Shard& shard,
                                   absl::Span<const std::string> machines) {
  std::vector<std::string> taken;
  for (size_t i = shard.number - 1; i < machines.size(); i += shard.of) {
    taken.push_back(machines[i]);
  }
  return taken;
}

}  // namespace dmdax
