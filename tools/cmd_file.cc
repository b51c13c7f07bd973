// SPDX-License-Identifier: Apache-2.0
#include "tools/cmd_file.h"

#include <cerrno>
#include <iostream>
#include <memory>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/errno_status.h"
#include "base/one_line.h"
#include "base/read_input.h"
#include "fs/extents_text.h"
#include "nlohmann/json.hpp"
#include "process/place_file.h"
#include "process/user_space.h"
#include "tools/byte_count.h"
#include "tools/command_line.h"

namespace dmdax {
namespace {

// The file system a path lies on, and the rest of the path.
absl::StatusOr<MountPoint*> SplitPath(const UserSpace& user,
                                      const std::string& path,
                                      std::string* name) {
  for (size_t at = path.rfind('/'); at != std::string::npos && at > 0;
       at = path.rfind('/', at - 1)) {
    absl::StatusOr<MountPoint*> m = user.FindMount(path.substr(0, at));
    if (!m.ok()) continue;
    *name = path.substr(at + 1);
    return m;
  }
  if (path.size() > 1 && path[0] == '/' && user.FindMount("/").ok()) {
    *name = path.substr(1);
    return user.FindMount("/");
  }
  return ErrnoError(
      ENOENT, absl::StrCat("'", path, "' lies on no mounted file system"));
}

// "0:18874368:16M", "2M:0:4K:hole", in bytes.
absl::StatusOr<FileExtent> ParseExtent(const std::string& text) {
  const std::vector<std::string> part = absl::StrSplit(text, ':');
  uint64_t n[3] = {};
  bool ok = part.size() == 3 || part.size() == 4;
  for (size_t i = 0; ok && i < 3; ++i) {
    const std::optional<uint64_t> bytes = ParseBytes(part[i]);
    ok = bytes.has_value();
    n[i] = bytes.value_or(0);
  }
  FileExtent extent{.logical = n[0], .physical = n[1], .length = n[2]};
  if (ok && part.size() == 4) {
    ok = part[3] == "shared";
    extent.shared = ok;
    for (uint16_t type = IOMAP_HOLE; !ok && type <= IOMAP_INLINE; ++type) {
      ok = absl::EqualsIgnoreCase(part[3], IomapTypeName(type));
      if (ok) extent.type = type;
    }
  }
  if (ok) return extent;
  return absl::InvalidArgumentError(
      absl::StrCat("extent '", text,
                   "': LOGICAL:PHYSICAL:LENGTH[:KIND] in bytes, KIND hole, "
                   "mapped, unwritten, delalloc, inline or shared"));
}

absl::StatusOr<std::vector<FileExtent>> ParseExtentWords(
    const std::vector<std::string>& texts) {
  std::vector<FileExtent> extents;
  for (const std::string& text : texts) {
    absl::StatusOr<FileExtent> extent = ParseExtent(text);
    if (!extent.ok()) return extent.status();
    extents.push_back(*extent);
  }
  return extents;
}

// What a program printed of a file's extents; `name` is of a file or "-".
absl::Status ReadExtents(const std::string& name, FileOptions& file) {
  absl::StatusOr<std::string> text = ReadInput(name);
  if (!text.ok()) return text.status();
  if (absl::StripAsciiWhitespace(*text).empty()) {
    return ErrnoError(ENODATA,
                      absl::StrCat("'", InputName(name),
                                   "' is empty; a file that is one hole is "
                                   "added without --extents"));
  }
  absl::StatusOr<ExtentList> list = ParseExtents(*text);
  if (!list.ok()) {
    return ErrnoError(
        EINVAL, absl::StrCat(InputName(name), ": ", list.status().message()));
  }
  file.extents = std::move(list->extents);
  if (file.size == 0) file.size = list->file_size;
  file.s_magic = list->s_magic;
  file.s_blocksize = list->s_blocksize;
  file.never_dax |= list->never_dax;
  return absl::OkStatus();
}

struct FileArgs {
  std::string path;
  std::optional<std::string> extents_file;
  std::vector<std::string> extents, allocate;
  std::string placed;  // "": not
  FileOptions file;

  // Fills in the file's extents.
  absl::Status Parse() {
    absl::StatusOr<std::vector<FileExtent>> list = ParseExtentWords(extents);
    if (!list.ok()) return list.status();
    file.extents = *std::move(list);
    list = ParseExtentWords(allocate);
    if (!list.ok()) return list.status();
    file.allocate = *std::move(list);
    return extents_file ? ReadExtents(*extents_file, file) : absl::OkStatus();
  }
  // The same with --placed, which asks for blocks that nobody has.
  absl::Status Place(const MountPoint& mount) {
    if (placed.empty()) return absl::OkStatus();
    PlaceRoom room{.end = mount.bdev().nr_sectors() * kSectorSize,
                   .block_size = mount.options().request.block_size};
    if (std::optional<AllocatorOptions> free = mount.allocator()) {
      room.start = free->start;
      if (free->end != 0) room.end = free->end;
    }
    absl::StatusOr<std::vector<FileExtent>> list = PlaceFile(
        file.size, placed == "worst" ? Placement::kWorst : Placement::kAligned,
        room, mount.used());
    if (list.ok()) file.extents = *std::move(list);
    return list.status();
  }
};

void FileAddVerb(CLI::App& file, App& app) {
  auto o = std::make_shared<FileArgs>();
  CLI::App* verb = file.add_subcommand(
      "add",
      "Add a file, by its extents.\n\n"
      "  filefrag -v data | dmdax file add /mnt/data --extents -\n"
      "  dmdax file add /mnt/f --extent 0:18874368:16M --size 16M\n"
      "  dmdax file add /mnt/db --size 10G --placed aligned\n"
      "  dmdax file add /mnt/hole --size 4M\n\n"
      "A file that is preallocated, but nobody knows where, is --placed: as\n"
      "good for huge pages as can be, or as bad.  Without any extent it is a\n"
      "hole.");
  verb->add_option("PATH", o->path, "/mnt/f")->required();
  const CLI::Validator extent = Accepted(
      [](const std::string& text) { return ParseExtent(text).status(); });
  const CLI::Option* listing =
      verb->add_option("--extents", o->extents_file,
                       "What filefrag -v, xfs_bmap -v or xfs_io -c 'fiemap -v' "
                       "printed; - for standard input");
  const CLI::Option* extents =
      verb->add_option("--extent", o->extents,
                       "LOGICAL:PHYSICAL:LENGTH[:KIND], in bytes; repeatable")
          ->check(extent);
  verb->add_option("--allocate", o->allocate,
                   "An extent that writes to holes will get; repeatable")
      ->check(extent);
  const CLI::Option* size =
      verb->add_option("--size", o->file.size,
                       "Bytes (default: the extents' end)")
          ->transform(ByteCount());
  const CLI::Option* placed =
      verb->add_option("--placed", o->placed,
                       "aligned: every 2 MiB of it on a boundary of the "
                       "device; worst: none")
          ->transform(CLI::IsMember(
              std::vector<std::string>{"aligned", "worst"}, CLI::ignore_case))
          ->type_name("WHERE");
  verb->add_flag("--dax", o->file.dax, "Set FS_XFLAG_DAX (for dax=inode)");
  verb->add_flag("--synced", o->file.synced, "Metadata is written already");
  verb->callback([=, &app] {
    RequireAtMostOneOf({listing, extents, placed});
    if (placed->count() > 0 && size->count() == 0) {
      throw CLI::RequiredError("--size (with --placed)");
    }
    if (absl::Status s = o->Parse(); !s.ok()) return app.Report(s);
    app.Report(app.Change([&](Session& session) -> absl::Status {
      absl::StatusOr<MountPoint*> m =
          SplitPath(*session.user, o->path, &o->file.name);
      if (!m.ok()) return m.status();
      absl::Status s = o->Place(**m);
      return s.ok() ? (*m)->AddFile(o->file).status() : s;
    }));
  });
}

void FileListVerb(CLI::App& file, App& app) {
  CLI::App* verb =
      file.add_subcommand("list", "List the files: size, DAX or not, extents.");
  verb->callback([&app] {
    absl::StatusOr<Session> session = app.Ask();
    if (!session.ok()) return app.Report(session.status());
    nlohmann::ordered_json all = nlohmann::ordered_json::array();
    for (const auto& [at, mount] : session->user->mounts()) {
      for (const auto& [name, f] : mount->files()) {
        nlohmann::ordered_json extents = nlohmann::ordered_json::array();
        for (const FileExtent& e : f->inode.extents.All()) {
          extents.push_back({{"logical", e.logical},
                             {"physical", e.physical},
                             {"length", e.length},
                             {"type", IomapTypeName(e.type)},
                             {"shared", e.shared}});
        }
        all.push_back({{"path", f->path},
                       {"size", f->inode.i_size},
                       {"dax", f->inode.s_dax},
                       {"extents", std::move(extents)}});
      }
    }
    if (app.json) {
      app.Answer("files", {{"files", std::move(all)}});
      return;
    }
    for (const auto& f : all) {
      std::cout << OneLine(f["path"].get<std::string>()) << " " << f["size"]
                << (f["dax"].get<bool>() ? " dax" : " -") << "\n";
      for (const auto& e : f["extents"]) {
        std::cout << "  " << e["logical"] << " -> " << e["physical"] << " +"
                  << e["length"] << " " << e["type"].get<std::string>()
                  << (e["shared"].get<bool>() ? " shared" : "") << "\n";
      }
    }
  });
}

}  // namespace

void AddFileVerbs(CLI::App& cli, App& app) {
  CLI::App* file = cli.add_subcommand("file", "The files that can be mapped.");
  file->require_subcommand(1);
  FileAddVerb(*file, app);
  FileListVerb(*file, app);
  auto path = std::make_shared<std::string>();
  CLI::App* remove =
      file->add_subcommand("remove", "Remove a file that nobody maps.");
  remove->add_option("PATH", *path)->required();
  remove->callback([path, &app] {
    app.Report(app.Change([&](Session& session) -> absl::Status {
      std::string name;
      absl::StatusOr<MountPoint*> m = SplitPath(*session.user, *path, &name);
      return m.ok() ? (*m)->RemoveFile(name) : m.status();
    }));
  });
}

}  // namespace dmdax
