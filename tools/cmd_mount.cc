// SPDX-License-Identifier: Apache-2.0
//
// dmdax mount, umount, file, dax: file systems, their files, and device-dax.
#include <iostream>
#include <memory>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/errno_status.h"
#include "base/read_input.h"
#include "fs/file_system_type.h"
#include "nlohmann/json.hpp"
#include "state/user_world.h"
#include "tools/app.h"
#include "tools/byte_count.h"
#include "tools/print_json.h"

namespace dmdax {
namespace {

// What the kernel said, whatever came of it.
void PrintLog(Session& session) {
  for (const std::string& line : session.machine->log().TakeNew()) {
    std::cerr << "dmesg: " << line << "\n";
  }
}

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

struct MountOptions {
  std::string device, path, type = "ext4", options;
  uint32_t block_size = 4096;
  uint64_t start = 0, end = 0, align = 4096;
  bool has_allocator = false;
  bool reflink = false, inline_data = false;
};

void AddMountOptions(CLI::App* verb, MountOptions& o) {
  verb->add_option("DEVICE", o.device, "Name, path or major:minor");
  verb->add_option("PATH", o.path, "Where: /mnt");
  verb->add_option("-t,--type", o.type, TypesText());
  verb->add_option("-o,--options", o.options, "dax=always, dax=never ...");
  verb->add_option("--block-size", o.block_size, "Bytes (default 4096)");
  verb->add_flag("--reflink", o.reflink,
                 MadeWithText(FS_FEATURE_REFLINK, "reflink=1"));
  verb->add_flag("--inline-data", o.inline_data,
                 MadeWithText(FS_FEATURE_INLINE_DATA, "inline_data"));
  CLI::Option* from =
      verb->add_option("--free-from", o.start,
                       "Free space begins at this byte of the device; without "
                       "it a write to a hole finds none")
          ->transform(ByteCount())
          ->each([&o](const std::string&) { o.has_allocator = true; });
  verb->add_option("--free-to", o.end, "and ends here")
      ->transform(ByteCount())
      ->needs(from);
  verb->add_option("--free-align", o.align,
                   "Blocks are congruent to the file offset modulo this")
      ->transform(ByteCount())
      ->needs(from);
}

void ListMounts(const Session& session) {
  for (const auto& [path, mount] : session.user->mounts()) {
    const SuperBlock& sb = mount->sb();
    const std::string dax = sb.DaxOption();
    std::cout << mount->bdev().name() << " on " << path << " type "
              << mount->options().request.type << " ("
              << (dax.empty() ? "rw" : absl::StrCat("rw,", dax)) << ")"
              << (sb.dax_dev == nullptr ? " no DAX" : "") << "\n";
  }
}

absl::Status Mount(Session& session, const MountOptions& o) {
  absl::StatusOr<BlockDevice*> bdev = FindAnyDevice(session, o.device);
  if (!bdev.ok()) return bdev.status();
  proto::Mount mount;
  mount.set_device((*bdev)->dev().ToString());
  mount.set_path(o.path);
  mount.set_type(o.type);
  mount.set_options(o.options);
  mount.set_block_size(o.block_size);
  mount.set_reflink(o.reflink);
  mount.set_inline_data(o.inline_data);
  if (o.has_allocator) {
    mount.mutable_allocator()->set_start(o.start);
    mount.mutable_allocator()->set_end(o.end);
    mount.mutable_allocator()->set_align(o.align);
  }
  absl::Status s = AddMount(mount, WorldKind::kWritten, session).status();
  PrintLog(session);
  return s;
}

void MountVerb(CLI::App& cli, App& app) {
  auto o = std::make_shared<MountOptions>();
  CLI::App* verb = cli.add_subcommand(
      "mount",
      "Mount a file system, or list what is mounted.\n\n"
      "  dmdax mount vg-home /mnt -o dax=always\n"
      "  dmdax mount /dev/pmem0 /data -t xfs --free-from 64M --free-align 2M\n"
      "  dmdax mount");
  AddMountOptions(verb, *o);
  verb->callback([o, &app] {
    if (o->path.empty() && o->device.empty()) {
      absl::StatusOr<Session> session = app.Ask();
      if (!session.ok()) return app.Report(session.status());
      return ListMounts(*session);
    }
    if (o->path.empty()) {
      return app.Report(absl::InvalidArgumentError("mount DEVICE PATH"));
    }
    app.Report(
        app.Change([&](Session& session) { return Mount(session, *o); }));
  });
}

void UmountVerb(CLI::App& cli, App& app) {
  auto path = std::make_shared<std::string>();
  CLI::App* umount = cli.add_subcommand(
      "umount", "Unmount a file system; its files are forgotten.");
  umount->add_option("PATH", *path)->required();
  umount->callback([path, &app] {
    app.Report(app.Change(
        [&](Session& session) { return session.user->Unmount(*path); }));
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
  return absl::NotFoundError(
      absl::StrCat("'", path, "' lies on no mounted file system"));
}

// "0:18874368:16M", "2M:0:4K:hole", in bytes.
absl::Status ParseExtent(const std::string& text, proto::Extent* out) {
  const std::vector<std::string> part = absl::StrSplit(text, ':');
  uint64_t n[3] = {};
  bool ok = part.size() == 3 || part.size() == 4;
  for (size_t i = 0; ok && i < 3; ++i) ok = ParseBytes(part[i], &n[i]).empty();
  proto::Extent::Type type = proto::Extent::MAPPED;
  if (ok && part.size() == 4) {
    if (part[3] == "shared") {
      out->set_shared(true);
    } else {
      ok = proto::Extent::Type_Parse(absl::AsciiStrToUpper(part[3]), &type);
    }
  }
  if (!ok) {
    return absl::InvalidArgumentError(
        absl::StrCat("extent '", text,
                     "': LOGICAL:PHYSICAL:LENGTH[:KIND] in bytes, KIND hole, "
                     "mapped, unwritten, delalloc, inline or shared"));
  }
  out->set_logical(n[0]);
  out->set_physical(n[1]);
  out->set_length(n[2]);
  out->set_type(type);
  return absl::OkStatus();
}

void FileAddVerb(CLI::App& file, App& app) {
  struct Options {
    std::string path;
    std::optional<std::string> extents_file;
    std::vector<std::string> extents, allocate;
    proto::File file;
    uint64_t size = 0;
    bool dax = false, synced = false;
  };
  auto o = std::make_shared<Options>();
  CLI::App* verb = file.add_subcommand(
      "add",
      "Add a file, by its extents.\n\n"
      "  filefrag -v data | dmdax file add /mnt/data --extents -\n"
      "  dmdax file add /mnt/f --extent 0:18874368:16M --size 16M\n"
      "  dmdax file add /mnt/hole --size 4M");
  verb->add_option("PATH", o->path, "/mnt/f")->required();
  verb->add_option("--extents", o->extents_file,
                   "What filefrag -v, xfs_bmap -v or xfs_io -c 'fiemap -v' "
                   "printed; - for standard input");
  verb->add_option("--extent", o->extents,
                   "LOGICAL:PHYSICAL:LENGTH[:KIND], in bytes; repeatable");
  verb->add_option("--allocate", o->allocate,
                   "An extent that writes to holes will get; repeatable");
  verb->add_option("--size", o->size, "Bytes (default: the extents' end)")
      ->transform(ByteCount());
  verb->add_flag("--dax", o->dax, "Set FS_XFLAG_DAX (for dax=inode)");
  verb->add_flag("--synced", o->synced, "Metadata is written already");
  verb->callback([o, &app] {
    proto::File f;
    f.set_size(o->size);
    f.set_dax(o->dax);
    f.set_synced(o->synced);
    for (const std::string& text : o->extents) {
      absl::Status s = ParseExtent(text, f.add_extent());
      if (!s.ok()) return app.Report(s);
    }
    for (const std::string& text : o->allocate) {
      absl::Status s = ParseExtent(text, f.add_allocate());
      if (!s.ok()) return app.Report(s);
    }
    if (o->extents_file) {
      absl::StatusOr<std::string> text = ReadInput(*o->extents_file);
      if (!text.ok()) return app.Report(text.status());
      if (absl::StripAsciiWhitespace(*text).empty()) {
        return app.Report(ErrnoError(
            ENODATA, absl::StrCat("'", InputName(*o->extents_file),
                                  "' is empty; a file that is one hole is "
                                  "added without --extents")));
      }
      f.set_extents_text(*std::move(text));
    }
    app.Report(app.Change([&](Session& session) -> absl::Status {
      std::string name;
      absl::StatusOr<MountPoint*> m = SplitPath(*session.user, o->path, &name);
      if (!m.ok()) return m.status();
      f.set_name(name);
      return AddFile(f, WorldKind::kWritten, **m).status();
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
      PrintJson(all);
      return;
    }
    for (const auto& f : all) {
      std::cout << f["path"].get<std::string>() << " " << f["size"]
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
  auto dax = std::make_shared<proto::DevDax>();
  auto name = std::make_shared<std::string>();
  auto pmem = std::make_shared<std::string>();
  auto align = std::make_shared<uint64_t>(uint64_t{2} << 20);
  CLI::App* verb = machine.add_subcommand(
      "device-dax",
      "Turn a pmem into a device-dax /dev/NAME.\n\n"
      "  dmdax device-dax dax0.0 --pmem pmem0 --align 1G");
  verb->add_option("NAME", *name, "dax0.0")->required();
  verb->add_option("--pmem", *pmem, "Whose memory")->required();
  verb->add_option("--align", *align, "4K, 2M (default) or 1G")
      ->transform(ByteCount());
  verb->callback([=, &app] {
    dax->set_name(*name);
    dax->set_pmem(*pmem);
    dax->set_align(*align);
    app.Report(app.Change(
        [&](Session& session) { return AddDevDax(*dax, session).status(); }));
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
