// SPDX-License-Identifier: Apache-2.0
//
// dmdax machine: the hardware under the emulated kernel.
#include <cerrno>
#include <iostream>
#include <memory>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/errno_status.h"
#include "base/nearest.h"
#include "base/one_line.h"
#include "block/queue_sysfs.h"
#include "nlohmann/json.hpp"
#include "state/dm_load.h"
#include "state/find_device.h"
#include "state/hardware.h"
#include "state/nodes.h"
#include "state/session.h"
#include "state/state_dir.h"
#include "tools/app.h"
#include "tools/byte_count.h"
#include "tools/check/dax_depth.h"
#include "tools/command_line.h"
#include "tools/world_file.h"

namespace dmdax {
namespace {

struct PmemArgs {
  std::string name, file, dev;
  uint64_t base = 0, size = 0, data_offset = 0;  // bytes
  bool memory = false, raw = false, asynchronous = false;

  proto::Pmem ToProto() const {
    proto::Pmem pmem;
    pmem.set_name(name);
    pmem.set_dev(dev);
    pmem.set_base(base);
    pmem.set_size(size);
    pmem.set_data_offset(data_offset);
    if (memory) pmem.set_memory(true);
    if (!file.empty()) pmem.set_file(file);
    pmem.set_raw(raw);
    pmem.set_asynchronous(asynchronous);
    return pmem;
  }
};

// A region is a pmem or a device-dax; UserSpace::AddDevDax() has the reverse.
absl::Status CheckNoDevDax(const UserSpace& user, const PmemArgs& pmem) {
  for (const auto& [name, request] : user.dev_daxes()) {
    for (const DevDaxRange& r : request.options.ranges) {
      if (r.start >= pmem.base + pmem.size || pmem.base >= r.start + r.size) {
        continue;
      }
      return ErrnoError(
          EBUSY,
          absl::StrFormat("pmem '%s': 0x%x-0x%x overlaps %s at 0x%x-0x%x",
                          pmem.name, pmem.base, pmem.base + pmem.size - 1, name,
                          r.start, r.start + r.size - 1));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckNumber(const Session& session, const std::string& name) {
  return CheckNoMappedNumber(*session.machine->FindBdevByName(name),
                             session.ctl->major());
}

void AddDevOption(CLI::App& verb, std::string& dev) {
  verb.add_option("--dev", dev,
                  "Device number, major:minor (default: the next)")
      ->check(Accepted(
          [](const std::string& text) { return DevNumber(text).status(); }));
}

void AddPmemVerb(CLI::App& machine, App& app) {
  auto o = std::make_shared<PmemArgs>();
  CLI::App* verb = machine.add_subcommand(
      "add-pmem",
      "Add a persistent-memory disk.\n\n"
      "  dmdax machine add-pmem pmem0 --base 4G --size 512M");
  verb->add_option("NAME", o->name, "Disk name: pmem0")->required();
  verb->add_option("--base", o->base, "Physical address")
      ->required()
      ->transform(ByteCount());
  verb->add_option("--size", o->size, "Size")
      ->required()
      ->transform(ByteCount());
  verb->add_option("--data-offset", o->data_offset,
                   "Bytes before the data (info block and memmap)")
      ->transform(ByteCount());
  AddDevOption(*verb, o->dev);
  verb->add_option("--file", o->file, "File with the bytes");
  verb->add_flag("--memory", o->memory, "Keep bytes in memory")
      ->excludes("--file");
  verb->add_flag("--raw", o->raw, "A raw namespace: no struct pages");
  verb->add_flag("--async", o->asynchronous,
                 "An asynchronous region (no MAP_SYNC)");
  verb->callback([o, &app] {
    app.Report(app.Change([&](Session& session) {
      absl::Status s = CheckNoDevDax(*session.user, *o);
      if (s.ok()) s = AddPmem(o->ToProto(), *session.machine);
      return s.ok() ? CheckNumber(session, o->name) : s;
    }));
  });
}

struct BlockArgs {
  std::string name, dev, partition_of;
  uint64_t sectors = 0, start = 0, size = 0;  // size: bytes, or 0
  uint32_t logical_block_size = 0, physical_block_size = 0;  // bytes

  proto::Block ToProto() const {
    proto::Block block;
    block.set_name(name);
    block.set_sectors(size != 0 ? size / kSectorSize : sectors);
    block.set_dev(dev);
    block.set_logical_block_size(logical_block_size);
    block.set_physical_block_size(physical_block_size);
    block.set_partition_of(partition_of);
    block.set_start(start);
    return block;
  }
};

void AddBlockVerb(CLI::App& machine, App& app) {
  auto o = std::make_shared<BlockArgs>();
  CLI::App* verb = machine.add_subcommand(
      "add-block",
      "Add a disk without DAX, or a partition of any disk.\n\n"
      "  dmdax machine add-block sda --size 1G\n"
      "  dmdax machine add-block pmem0p1 --partition-of pmem0 "
      "--start 2048 --sectors 4096");
  verb->add_option("NAME", o->name, "Disk name: sda, loop0")->required();
  const CLI::Option* sectors =
      verb->add_option("--sectors", o->sectors, "Size in sectors")
          ->transform(Number());
  const CLI::Option* size =
      verb->add_option("--size", o->size, "Or in bytes, whole sectors")
          ->transform(ByteCount(kSectorSize));
  AddDevOption(*verb, o->dev);
  verb->add_option("--logical-block-size", o->logical_block_size,
                   "Bytes, default 512")
      ->transform(Number(1, UINT32_MAX));
  verb->add_option("--physical-block-size", o->physical_block_size, "Bytes")
      ->transform(Number(1, UINT32_MAX));
  CLI::Option* disk = verb->add_option("--partition-of", o->partition_of,
                                       "The disk this is a partition of");
  verb->add_option("--start", o->start, "First sector of the partition")
      ->transform(Number())
      ->needs(disk);
  verb->callback([o, sectors, size, &app] {
    RequireOneOf({sectors, size});
    if (o->size % kSectorSize != 0) {
      throw CLI::ValidationError(
          "--size",
          absl::StrCat(o->size, " bytes are no whole sectors; ",
                       NearestMultiples(o->size, kSectorSize, kSectorSize)));
    }
    app.Report(app.Change([&](Session& session) {
      absl::Status s = AddBlock(o->ToProto(), *session.machine);
      return s.ok() ? CheckNumber(session, o->name) : s;
    }));
  });
}

nlohmann::ordered_json DescribeDevice(const Session& session,
                                      BlockDevice& bdev) {
  nlohmann::ordered_json j = {{"name", bdev.name()},
                              {"dev", bdev.dev().ToString()},
                              {"sectors", bdev.nr_sectors()}};
  if (const PmemDevice* pmem = session.machine->FindPmem(bdev.name())) {
    j["kind"] = "pmem";
    j["base"] = pmem->options().base;
    j["size"] = pmem->options().size;
    j["data_offset"] = pmem->options().data_offset;
  } else if (bdev.dev().major_nr == session.ctl->major()) {
    j["kind"] = "dm";
    j["dm_name"] = NameOfDevice(session, bdev);
  } else if (bdev.is_partition()) {
    j["kind"] = "partition";
    j["start"] = bdev.start_sect().value();
  } else {
    j["kind"] = "block";
  }
  j["dax"] = bdev.queue().Has(QUEUE_FLAG_DAX);
  j["max_sectors_kb"] = bdev.queue().limits().max_sectors / 2;
  j["openers"] = bdev.openers();
  return j;
}

void ListVerb(CLI::App& machine, App& app) {
  CLI::App* verb =
      machine.add_subcommand("list", "List the devices of the machine.");
  verb->callback([&app] {
    absl::StatusOr<Session> session = app.Ask();
    if (!session.ok()) return app.Report(session.status());
    nlohmann::ordered_json all = {{"kernel", session->machine->profile().name},
                                  {"devices", nlohmann::ordered_json::array()}};
    for (BlockDevice* bdev : session->machine->BlockDevices()) {
      all["devices"].push_back(DescribeDevice(*session, *bdev));
    }
    if (app.json) {
      app.Answer("machine", std::move(all));
      return;
    }
    std::cout << "kernel " << session->machine->profile().name << "\n";
    for (const auto& d : all["devices"]) {
      std::cout << absl::StreamFormat(
          "%-10s %-8s %-9s %12d sectors  %s", d["name"].get<std::string>(),
          d["dev"].get<std::string>(), d["kind"].get<std::string>(),
          d["sectors"].get<uint64_t>(), d["dax"].get<bool>() ? "dax" : "-");
      if (d.contains("base")) {
        std::cout << absl::StreamFormat("  at 0x%x", d["base"].get<uint64_t>());
      }
      if (d.contains("start")) std::cout << "  from " << d["start"];
      if (d.contains("dm_name")) {
        std::cout << "  " << OneLine(d["dm_name"].get<std::string>());
      }
      std::cout << "\n";
    }
  });
}

void LoadVerb(CLI::App& machine, App& app) {
  struct LoadArgs {
    std::string file;
    bool replace = false;
  };
  auto o = std::make_shared<LoadArgs>();
  CLI::App* verb = machine.add_subcommand(
      "load",
      "Make the machine that a World file describes.\n\n"
      "  dmdax machine load examples/oracle.textproto\n"
      "  dmdax machine load --replace examples/oracle.textproto");
  verb->add_option("FILE", o->file, "World file, or - for standard input")
      ->required();
  verb->add_flag("--replace", o->replace,
                 "In place of the machine there is, its mapped devices "
                 "included; `machine undo` brings that one back");
  verb->callback([o, &app] {
    // Before the lock: standard input may take its time.
    absl::StatusOr<Session> loaded = SessionFromWorldFile(o->file, *app.kernel);
    if (!loaded.ok()) return app.Report(loaded.status());
    app.Report(app.Load(*loaded,
                        o->replace ? App::kReplaceMachine : App::kKeepMachine));
  });
}

void UndoVerb(CLI::App& machine, App& app) {
  CLI::App* verb = machine.add_subcommand(
      "undo",
      "Bring back the machine that `machine load` replaced.  A second one\n"
      "undoes the first.");
  verb->callback([&app] { app.Report(app.Undo()); });
}

void RemoveVerb(CLI::App& machine, App& app) {
  auto name = std::make_shared<std::string>();
  CLI::App* verb = machine.add_subcommand(
      "remove", "Remove a pmem or block device that is not in use.");
  verb->add_option("NAME", *name)->required();
  verb->callback([name, &app] {
    app.Report(app.Change(
        [&](Session& session) { return session.machine->Remove(*name); }));
  });
}

void SetVerb(CLI::App& machine, App& app) {
  struct Args {
    std::string name;
    uint32_t max_sectors_kb = 0;
  };
  auto o = std::make_shared<Args>();
  CLI::App* verb = machine.add_subcommand(
      "set",
      "Change a queue attribute, as /sys/block/<disk>/queue does.\n\n"
      "  dmdax machine set home --max-sectors-kb 4096");
  verb->add_option("DEVICE", o->name)->required();
  verb->add_option("--max-sectors-kb", o->max_sectors_kb,
                   "KiB one request may cover")
      ->required()
      ->transform(Number(0, UINT32_MAX));
  verb->callback([o, &app] {
    app.Report(app.Change([&](Session& session) -> absl::Status {
      absl::StatusOr<BlockDevice*> bdev = FindDevice(session, o->name);
      if (!bdev.ok()) return bdev.status();
      return QueueMaxSectorsStore(**bdev, o->max_sectors_kb,
                                  session.machine->profile());
    }));
  });
}

void WaitVerb(CLI::App& machine, App& app) {
  auto seconds = std::make_shared<uint32_t>(0);
  CLI::App* verb = machine.add_subcommand(
      "wait",
      "Let time pass at once: the machine's clock goes on by so many seconds,\n"
      "in which mirrors are brought in sync, snapshots merge and clones copy.\n"
      "It goes on by itself, too, as the host's does.\n\n"
      "  dmdax machine wait 60");
  verb->add_option("SECONDS", *seconds, "At most 4294967295")
      ->required()
      ->transform(Number(0, UINT32_MAX));
  verb->callback([seconds, &app] {
    app.Report(app.Change([&](Session& session) {
      session.machine->AdvanceClock(*seconds);
      session.ctl->LetTimePass();
      return absl::OkStatus();
    }));
  });
}

}  // namespace

void RegisterMachine(CLI::App& cli, App& app) {
  CLI::App* machine = cli.add_subcommand(
      "machine", "The hardware: persistent memory and block devices.");
  machine->require_subcommand(1);
  AddPmemVerb(*machine, app);
  AddBlockVerb(*machine, app);
  ListVerb(*machine, app);
  LoadVerb(*machine, app);
  UndoVerb(*machine, app);
  RemoveVerb(*machine, app);
  SetVerb(*machine, app);
  WaitVerb(*machine, app);
}

}  // namespace dmdax
