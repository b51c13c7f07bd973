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
#include "tools/cmd_file.h"
#include "tools/command_line.h"
#include "tools/mount_scan.h"

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
  AllocatorOptions free_space;  // the mount's if --free-from or --scan is given
  bool scan = false;
  GivenType given = GivenType::kNo;
};

void AddMountOptions(CLI::App* verb, MountArgs& o) {
  MountRequest& request = o.mount.request;
  request.type = std::string(kDefaultFileSystem);
  verb->add_option("DEVICE", o.device, "Name, path or major:minor");
  verb->add_option("PATH", o.mount.path, "Where: /mnt");
  verb->add_option("-t,--type", request.type, TypesText());
  verb->add_option("-o,--options", request.options,
                   "dax=always, dax=never ...");
  CLI::Option* scan =
      verb->add_flag("--scan", o.scan,
                     "Add the files that the device has, with their extents, "
                     "and take from its super block what the file system was "
                     "made with: ext2, ext3 or ext4");
  verb->add_option("--block-size", request.block_size, "Bytes (default 4096)")
      ->transform(Number(1, UINT32_MAX))
      ->excludes(scan);
  verb->add_flag("--reflink", request.reflink,
                 MadeWithText(FS_FEATURE_REFLINK, "reflink=1"))
      ->excludes(scan);
  verb->add_flag("--inline-data", request.inline_data,
                 MadeWithText(FS_FEATURE_INLINE_DATA, "inline_data"))
      ->excludes(scan);
  verb->add_option("--free-from", o.free_space.start,
                   "Free space begins at this byte of the device; without it, "
                   "and without --scan, a write to a hole finds none")
      ->transform(ByteCount());
  verb->add_option("--free-to", o.free_space.end, "and ends here")
      ->transform(ByteCount(1));
  verb->add_option("--free-align", o.free_space.align,
                   "Where a file offset is a multiple of this, so is its place "
                   "on the device: 2M lets writes get 2 MiB pages")
      ->transform(ByteCount());
}

// What is given of free space is the mount's.
void TakeFreeSpace(const CLI::App& verb, MountArgs& o) {
  const bool from = verb.count("--free-from") > 0;
  for (const char* name : {"--free-to", "--free-align"}) {
    if (verb.count(name) > 0 && !from && !o.scan) {
      throw CLI::RequiresError(name, "--free-from");
    }
  }
  if (from || o.scan) o.mount.allocator = o.free_space;
  if (verb.count("--type") > 0) o.given = GivenType::kYes;
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

absl::Status Mount(Session& session, MountArgs o, App& app) {
  absl::StatusOr<BlockDevice*> bdev = FindDevice(session, o.device);
  if (!bdev.ok()) return bdev.status();
  absl::StatusOr<ScannedFileSystem> scanned = ScannedFileSystem();
  if (o.scan) {
    scanned = ScanDevice(session, **bdev, o.device);
    app.TellLog(session.machine->log().TakeNew());
    if (!scanned.ok()) return scanned.status();
    absl::Status use = UseSuperBlock(*scanned, o.device, o.given, o.mount);
    if (!use.ok()) return use;
  }
  o.mount.named = NamedDevices::kLookedUp;
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
  if (s.ok()) return AddScannedFiles(*scanned, o.device, **mounted);
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
      "  dmdax mount vg-home /mnt -o dax=always --scan\n"
      "  dmdax mount /dev/pmem0 /data -t xfs --free-from 64M --free-align 2M\n"
      "  dmdax mount");
  AddMountOptions(verb, *o);
  const CLI::App* mount = verb;
  verb->callback([o, mount, &app] {
    if (o->device.empty()) {
      GoesWith(mount->get_options(), "DEVICE and PATH");
      absl::StatusOr<Session> session = app.Ask();
      if (!session.ok()) return app.Report(session.status());
      return ListMounts(*session, app);
    }
    if (o->mount.path.empty()) throw CLI::RequiredError("PATH");
    TakeFreeSpace(*mount, *o);
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
  AddFileVerbs(cli, app);
  DevDaxVerb(cli, app);
}

}  // namespace dmdax
