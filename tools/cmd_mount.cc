// SPDX-License-Identifier: Apache-2.0
//
// dmdax mount, umount, file, dax: file systems, their files, and device-dax.
#include <cerrno>
#include <iostream>
#include <map>
#include <memory>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/errno_status.h"
#include "base/one_line.h"
#include "base/read_input.h"
#include "fs/extents_text.h"
#include "fs/file_system_type.h"
#include "fs/fs_parser.h"
#include "nlohmann/json.hpp"
#include "process/place_file.h"
#include "process/user_space.h"
#include "state/find_device.h"
#include "tools/app.h"
#include "tools/byte_count.h"
#include "tools/check/dax_depth.h"
#include "tools/command_line.h"

namespace dmdax {
namespace {

// "ext2, ext4 (default), xfs".
std::string TypesText() {
  return absl::StrJoin(
      FileSystemTypes(), ", ",
      [](std::string* out, const FileSystemType* type) {
        absl::StrAppend(out, type->name,
                        type->name == kDefaultFileSystem ? " (default)" : "");
      });
}

// "xfs was made with reflink=1".
std::string MadeWithText(FsFeature feature, absl::string_view words) {
  const auto append_name = [](std::string* out, const FileSystemType* type) {
    absl::StrAppend(out, type->name);
  };
  return absl::StrCat(
      absl::StrJoin(FileSystemTypesWith(feature), ", ", append_name),
      " was made with ", words);
}

struct MountArgs {
  std::string device;
  MountOptions mount;
  AllocatorOptions free_space;  // the mount's if --free-from is given
};

// The option --free-from.
CLI::Option* AddMountOptions(CLI::App* verb, MountArgs& o) {
  MountRequest& request = o.mount.request;
  request.type = std::string(kDefaultFileSystem);
  verb->add_option("DEVICE", o.device, "Name, path or major:minor");
  verb->add_option("PATH", o.mount.path, "Where: /mnt");
  verb->add_option("-t,--type", request.type, TypesText());
  verb->add_option("-o,--options", request.options,
                   "dax=always, dax=never ...");
  verb->add_option("--block-size", request.block_size, "Bytes (default 4096)")
      ->transform(Number(1, UINT32_MAX));
  verb->add_flag("--reflink", request.reflink,
                 MadeWithText(FS_FEATURE_REFLINK, "reflink=1"));
  verb->add_flag("--inline-data", request.inline_data,
                 MadeWithText(FS_FEATURE_INLINE_DATA, "inline_data"));
  CLI::Option* from =
      verb->add_option("--free-from", o.free_space.start,
                       "Free space begins at this byte of the device; without "
                       "it a write to a hole finds none")
          ->transform(ByteCount());
  verb->add_option("--free-to", o.free_space.end, "and ends here")
      ->transform(ByteCount(1))
      ->needs(from);
  verb->add_option("--free-align", o.free_space.align,
                   "Where a file offset is a multiple of this, so is its place "
                   "on the device: 2M lets writes get 2 MiB pages")
      ->transform(ByteCount())
      ->needs(from);
  return from;
}

void ListMounts(const Session& session, App& app) {
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  for (const auto& [path, mount] : session.user->mounts()) {
    const SuperBlock& sb = mount->sb();
    const std::string dax = sb.DaxOption();
    if (app.json) {
      all.push_back({{"device", mount->bdev().name()},
                     {"path", path},
                     {"type", mount->options().request.type},
                     {"read_only", mount->read_only()},
                     {"options", dax},
                     {"dax", sb.dax_dev != nullptr}});
      continue;
    }
    std::cout << mount->bdev().name() << " on " << OneLine(path) << " type "
              << mount->options().request.type << " ("
              << (mount->read_only() ? "ro" : "rw") << (dax.empty() ? "" : ",")
              << dax << ")" << (sb.dax_dev == nullptr ? " no DAX" : "") << "\n";
  }
  if (app.json) app.Answer("mounts", {{"mounts", std::move(all)}});
}

absl::Status Mount(Session& session, const MountArgs& o, App& app) {
  absl::StatusOr<BlockDevice*> bdev = FindDevice(session, o.device);
  if (!bdev.ok()) return bdev.status();
  absl::StatusOr<MountPoint*> mounted = session.user->Mount(o.mount, **bdev);
  absl::Status s = mounted.status();
  if (s.ok() && (*mounted)->read_only() &&
      !SaysReadOnly(o.mount.request.options)) {
    // In the words of mount(8).
    std::cerr << "mount: " << OneLine((*mounted)->options().path)
              << ": WARNING: source write-protected, mounted read-only.\n";
  }
  const std::vector<std::string> log = session.machine->log().TakeNew();
  app.TellLog(log);
  if (s.ok()) return s;
  // Mostly the kernel has logged just what is the error.
  const bool told = !log.empty() && absl::EndsWith(log.back(), s.message());
  std::string what(s.message());
  if (told) what = absl::StrCat("not mounted: ", ErrnoText(ErrnoOf(s)));
  if (absl::StrContains(absl::AsciiStrToLower(s.message()), "dax")) {
    what += NotDaxText(WhyNotDax(session, **bdev), 0);
  }
  return ErrnoError(ErrnoOf(s), what);
}

void MountVerb(CLI::App& cli, App& app) {
  auto o = std::make_shared<MountArgs>();
  CLI::App* verb = cli.add_subcommand(
      "mount",
      "Mount a file system, or list what is mounted.\n\n"
      "  dmdax mount vg-home /mnt -o dax=always\n"
      "  dmdax mount /dev/pmem0 /data -t xfs --free-from 64M --free-align 2M\n"
      "  dmdax mount");
  const CLI::Option* free_from = AddMountOptions(verb, *o);
  const CLI::App* mount = verb;
  verb->callback([o, mount, free_from, &app] {
    if (o->device.empty()) {
      GoesWith(mount->get_options(), "DEVICE and PATH");
      absl::StatusOr<Session> session = app.Ask();
      if (!session.ok()) return app.Report(session.status());
      return ListMounts(*session, app);
    }
    if (o->mount.path.empty()) throw CLI::RequiredError("PATH");
    if (*free_from) o->mount.allocator = o->free_space;
    app.Report(
        app.Change([&](Session& session) { return Mount(session, *o, app); }));
  });
}

void UmountVerb(CLI::App& cli, App& app) {
  auto path = std::make_shared<std::string>();
  CLI::App* umount = cli.add_subcommand(
      "umount", "Unmount a file system; its files are forgotten.");
  umount->add_option("PATH", *path)->required();
  umount->callback([path, &app] {
    app.Report(app.Change([&](Session& session) {
      absl::Status s = session.user->Unmount(*path);
      // The mount may have been the last that had the device open.
      if (s.ok()) session.ctl->DoDeferredRemove();
      return s;
    }));
  });
}

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

void FileVerbs(CLI::App& cli, App& app) {
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

void DevDaxVerb(CLI::App& machine, App& app) {
  auto dax = std::make_shared<DevDaxRequest>();
  CLI::App* verb = machine.add_subcommand(
      "device-dax",
      "Turn a pmem into a device-dax /dev/NAME.\n\n"
      "  dmdax device-dax dax0.0 --pmem pmem0 --align 1G");
  verb->add_option("NAME", dax->options.name, "dax0.0")->required();
  verb->add_option("--pmem", dax->pmem, "Whose memory")->required();
  verb->add_option("--align", dax->options.align, "4K, 2M (default) or 1G")
      ->transform(ByteCount());
  verb->callback([dax, &app] {
    app.Report(app.Change([&](Session& session) {
      return session.user->AddDevDax(*dax).status();
    }));
  });
}

}  // namespace

void RegisterMount(CLI::App& cli, App& app) {
  MountVerb(cli, app);
  UmountVerb(cli, app);
  FileVerbs(cli, app);
  DevDaxVerb(cli, app);
}

}  // namespace dmdax
