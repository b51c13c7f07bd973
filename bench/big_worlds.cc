// SPDX-License-Identifier: Apache-2.0
#include "bench/big_worlds.h"

#include "absl/strings/str_cat.h"

namespace dmdax::bench {
namespace {

constexpr uint64_t kPage = 4096;
constexpr uint64_t kPmd = 2 << 20;

void AddPmem(const std::string& name, uint64_t base, uint64_t size,
             proto::World& world) {
  proto::Pmem& pmem = *world.add_pmem();
  pmem.set_name(name);
  pmem.set_base(base);
  pmem.set_size(size);
}

// A table of one linear row.
void AddLinear(const std::string& name, uint64_t sectors,
               const std::string& below, uint64_t start, proto::World& world) {
  proto::MappedDevice& device = *world.add_mapped_device();
  device.set_name(name);
  proto::Target& row = *device.mutable_table()->add_target();
  row.set_length(sectors);
  row.mutable_linear()->set_device(below);
  row.mutable_linear()->set_start(start);
}

// A table of one row of any type.
proto::MappedDevice& AddRaw(const std::string& name, uint64_t sectors,
                            const std::string& type, const std::string& params,
                            proto::World& world) {
  proto::MappedDevice& device = *world.add_mapped_device();
  device.set_name(name);
  proto::Target& row = *device.mutable_table()->add_target();
  row.set_length(sectors);
  row.mutable_raw()->set_type(type);
  row.mutable_raw()->set_params(params);
  return device;
}

void AddDax(const std::string& name, proto::World& world) {
  proto::DevDax& dax = *world.add_dax();
  dax.set_name(name);
  dax.set_align(kPage);
}

// A page of the last device-dax.
void AddRange(uint64_t page, proto::World& world) {
  proto::DevDax::Range& range =
      *world.mutable_dax(world.dax_size() - 1)->add_range();
  range.set_start((uint64_t{1} << 32) + page * 2 * kPage);
  range.set_size(kPage);
}

// Numbers below n, each once, in no order: those of odd ones are backwards.
uint64_t Scattered(uint64_t i, uint64_t n) {
  return i % 2 == 0 ? i : (n / 2 * 2 - i);
}

// pmem0 with a device "d0", and pmem1 of at least `bytes`.
proto::World TwoPmems(uint64_t bytes) {
  proto::World world;
  AddPmem("pmem0", uint64_t{1} << 32, uint64_t{1} << 30, world);
  AddLinear("d0", 8, "/dev/pmem0", 0, world);
  const uint64_t size = (bytes / (1 << 21) + 1) << 21;
  AddPmem("pmem1", uint64_t{1} << 40, size, world);
  return world;
}

proto::Mount& AddMountOf(const std::string& device, const std::string& path,
                         const char* options, proto::World& world) {
  proto::Mount& mount = *world.add_mount();
  mount.set_path(path);
  mount.set_device(device);
  mount.set_options(options);
  return mount;
}

proto::Mount& AddMount(proto::World& world) {
  return AddMountOf("/dev/pmem1", "/mnt", "dax", world);
}

proto::File& AddFile(const std::string& name, uint64_t bytes, uint64_t at,
                     proto::Mount& mount) {
  proto::File& file = *mount.add_file();
  file.set_name(name);
  proto::Extent& extent = *file.add_extent();
  extent.set_physical(at);
  extent.set_length(bytes);
  return file;
}

}  // namespace

proto::World ManyDevices(size_t n) {
  proto::World world;
  AddPmem("pmem0", uint64_t{1} << 32, uint64_t{1} << 30, world);
  for (size_t i = 0; i < n; ++i) {
    AddLinear(absl::StrCat("d", i), 8, "/dev/pmem0", 8 * (i % 100000), world);
  }
  return world;
}

proto::World ManyDisks(size_t n) {
  proto::World world;
  for (size_t i = 0; i < n; ++i) {
    proto::Block& disk = *world.add_block();
    disk.set_name(absl::StrCat("s", i));
    disk.set_sectors(8192);
    proto::Block& part = *world.add_block();
    part.set_name(absl::StrCat("s", i, "p1"));
    part.set_partition_of(disk.name());
    part.set_start(2048);
    part.set_sectors(2048);
  }
  return world;
}

proto::World ManyMappings(size_t n) {
  proto::World world;
  proto::Process& process = *world.add_process();
  process.set_pid(1);
  for (size_t i = 0; i < n; ++i) {
    proto::Vma& vma = *process.add_vma();
    vma.set_address((uint64_t{1} << 32) + 2 * kPage * i);
    vma.set_length(kPage);
  }
  return world;
}

proto::World Chain(size_t n) {
  proto::World world;
  AddPmem("pmem0", uint64_t{1} << 32, uint64_t{1} << 30, world);
  for (size_t i = 0; i < n; ++i) {
    AddLinear(absl::StrCat("d", i), 2048,
              i == 0 ? "/dev/pmem0" : absl::StrCat("/dev/mapper/d", i - 1), 0,
              world);
  }
  return world;
}

proto::World ManyLegs(size_t n) {
  proto::World world;
  proto::MappedDevice& device = *world.add_mapped_device();
  device.set_name("stripe");
  proto::Target& row = *device.mutable_table()->add_target();
  row.set_length(8 * n);
  row.mutable_striped()->set_chunk(8);
  for (size_t i = 0; i < n; ++i) {
    proto::Block& disk = *world.add_block();
    disk.set_name(absl::StrCat("s", i));
    disk.set_sectors(8192);
    row.mutable_striped()->add_stripe()->set_device("/dev/" + disk.name());
  }
  return world;
}

proto::World ManyRows(size_t n) {
  proto::World world = TwoPmems(kPage * 2 * n);
  proto::MappedDevice& device = *world.add_mapped_device();
  device.set_name("big");
  proto::PackedTable& rows = *device.mutable_table()->mutable_packed();
  rows.add_device_name("/dev/pmem1");
  for (size_t i = 0; i < n; ++i) {
    rows.add_length(8);
    rows.add_device(0);
    // No two rows can be joined.
    rows.add_start(16 * i);
  }
  return world;
}

proto::World ManyFiles(size_t n) {
  proto::World world = TwoPmems(kPage * n);
  proto::Mount& mount = AddMount(world);
  for (size_t i = 0; i < n; ++i) {
    AddFile(absl::StrCat("f", i), kPage, kPage * i, mount);
  }
  return world;
}

proto::World ManyExtents(size_t n) {
  proto::World world = TwoPmems(2 * kPage * n);
  proto::File& file = *AddMount(world).add_file();
  file.set_name("f");
  for (size_t i = 0; i < n; ++i) {
    proto::Extent& extent = *file.add_extent();
    extent.set_logical(kPage * i);
    extent.set_physical(2 * kPage * i);
    extent.set_length(kPage);
  }
  return world;
}

proto::World ManyTouches(size_t n) {
  proto::World world = TwoPmems(kPage * (n + 1));
  // Off a boundary of 2 MiB, so that each page is an entry of its own.
  AddFile("f", kPage * n, kPage, AddMount(world));
  proto::Process& process = *world.add_process();
  process.set_pid(1);
  proto::Vma& vma = *process.add_vma();
  vma.set_file("/mnt/f");
  vma.set_address(uint64_t{1} << 40);
  vma.set_length(kPage * n);
  for (size_t i = 0; i < n; ++i) {
    process.add_touch()->set_address(vma.address() + kPage * i);
  }
  return world;
}

proto::World MisalignedFiles(size_t n) {
  proto::World world = TwoPmems(kPmd * (n + 2));
  AddLinear("vg-a", (n + 1) * (kPmd / 512), "/dev/pmem1", 2048, world);
  proto::Mount& mount = AddMount(world);
  mount.set_device("/dev/mapper/vg-a");
  for (size_t i = 0; i < n; ++i) {
    AddFile(absl::StrCat("f", i), kPmd, kPmd * i, mount);
  }
  world.mutable_mapped_device()->DeleteSubrange(0, 1);
  world.mutable_pmem()->DeleteSubrange(0, 1);
  return world;
}

proto::World OffFiles(size_t n) {
  // The cures move each of them behind the others.
  proto::World world = TwoPmems(2 * kPmd * (n + 2));
  proto::Mount& mount = AddMount(world);
  for (size_t i = 0; i < n; ++i) {
    AddFile(absl::StrCat("f", i), kPmd, kPage + kPmd * i, mount);
  }
  world.mutable_mapped_device()->DeleteSubrange(0, 1);
  world.mutable_pmem()->DeleteSubrange(0, 1);
  return world;
}

proto::World ApartFiles(size_t n) {
  proto::World world = OffFiles(n);
  // Between two of them 2 MiB are free, and none of that at a multiple of it.
  for (proto::File& file : *world.mutable_mount(0)->mutable_file()) {
    proto::Extent& extent = *file.mutable_extent(0);
    extent.set_physical(2 * extent.physical() - kPage + kPmd);
  }
  world.mutable_pmem(0)->set_size(2 * kPmd * n + 2 * kPmd);
  return world;
}

proto::World MisalignedVolumes(size_t n) {
  constexpr uint64_t kSectors = 4 * kPmd / 512;
  proto::World world;
  AddPmem("pmem1", uint64_t{1} << 40, 4 * kPmd * (n + 2), world);
  for (size_t i = 0; i < n; ++i) {
    const std::string name = absl::StrCat("vg-", i);
    AddLinear(name, kSectors, "/dev/pmem1", 2048 + i * kSectors, world);
    proto::Mount& mount = AddMountOf("/dev/mapper/" + name,
                                     absl::StrCat("/mnt/", i), "dax", world);
    AddFile("f", kPmd, kPmd, mount);
  }
  return world;
}

proto::World GroupVolumes(size_t n) {
  proto::World world = MisalignedVolumes(n);
  for (proto::MappedDevice& device : *world.mutable_mapped_device()) {
    device.set_uuid("LVM-" + device.name());
  }
  return world;
}

proto::World StripedVolumes(size_t n) {
  constexpr uint64_t kSectors = kPmd / 512;
  proto::World world;
  AddPmem("pmem0", uint64_t{1} << 40, kPmd * (n + 2), world);
  AddPmem("pmem1", uint64_t{1} << 41, kPmd * (n + 2), world);
  for (size_t i = 0; i < n; ++i) {
    proto::MappedDevice& device = *world.add_mapped_device();
    device.set_name(absl::StrCat("vg-", i));
    device.set_uuid("LVM-" + device.name());
    proto::Target& row = *device.mutable_table()->add_target();
    row.set_length(2 * kSectors);
    row.mutable_striped()->set_chunk(kSectors);
    for (const char* disk : {"/dev/pmem0", "/dev/pmem1"}) {
      proto::Linear& leg = *row.mutable_striped()->add_stripe();
      leg.set_device(disk);
      leg.set_start(2048 + i * kSectors);
    }
  }
  return world;
}

proto::World PairsOfFiles(size_t n) {
  constexpr uint64_t kBytes = 8 * kPmd;
  proto::World world;
  for (size_t i = 0; i < n / 2; ++i) {
    const std::string disk = absl::StrCat("pmem", i);
    AddPmem(disk, (uint64_t{1} << 40) + i * kBytes, kBytes, world);
    const std::string name = absl::StrCat("d", i);
    AddLinear(name, 7 * kPmd / 512, "/dev/" + disk, 2048, world);
    proto::Mount& mount = AddMountOf("/dev/mapper/" + name,
                                     absl::StrCat("/mnt/", i), "dax", world);
    AddFile("f", kPmd, kPmd, mount);
    AddFile("g", kPmd, 3 * kPmd, mount);
  }
  return world;
}

proto::World ShiftedDisks(size_t n) {
  constexpr uint64_t kBytes = 4 * kPmd;
  proto::World world;
  for (size_t i = 0; i < n; ++i) {
    const std::string disk = absl::StrCat("pmem", i);
    AddPmem(disk, (uint64_t{1} << 40) + i * kBytes, kBytes, world);
    world.mutable_pmem(static_cast<int>(i))->set_data_offset(kPmd / 2);
    proto::Mount& mount =
        AddMountOf("/dev/" + disk, absl::StrCat("/mnt/", i), "dax", world);
    AddFile("f", kPmd, kPmd, mount);
  }
  return world;
}

proto::World RefusedMounts(size_t n) {
  constexpr uint64_t kSectors = 4 * kPmd / 512;
  proto::World world;
  AddPmem("pmem0", uint64_t{1} << 40, 4 * kPmd * n, world);
  for (size_t i = 0; i < n; ++i) {
    const std::string name = absl::StrCat("d_", i);
    AddLinear(name, kSectors, "/dev/pmem0", i * kSectors, world);
    proto::Mount& mount = AddMountOf(
        "/dev/mapper/" + name, absl::StrCat("/m_", i), "dax=always", world);
    AddFile("f", kPmd, kPmd, mount);
  }
  return world;
}

proto::World ReversedRows(size_t n) {
  constexpr uint64_t kSectors = 512;
  proto::World world;
  AddPmem("pmem0", uint64_t{1} << 40, kPmd * (n / 8 + 2), world);
  std::string below = "/dev/pmem0";
  for (const char* name : {"low", "high"}) {
    proto::MappedDevice& device = *world.add_mapped_device();
    device.set_name(name);
    for (size_t i = 0; i < n; ++i) {
      proto::Target& row = *device.mutable_table()->add_target();
      row.set_start(i * kSectors);
      row.set_length(kSectors);
      row.mutable_linear()->set_device(below);
      row.mutable_linear()->set_start((n - 1 - i) * kSectors);
    }
    below = absl::StrCat("/dev/mapper/", name);
  }
  AddFile("f", n * kSectors * 512, 0, AddMountOf(below, "/mnt", "dax", world));
  return world;
}

proto::World FreePmems(size_t n, uint64_t bytes) {
  proto::World world;
  for (size_t i = 0; i < n; ++i) {
    AddPmem(absl::StrCat("pmem", i), (uint64_t{1} << 40) + i * bytes, bytes,
            world);
  }
  return world;
}

proto::World ManyDaxRanges(size_t n) {
  proto::World world;
  AddDax("dax0.0", world);
  for (size_t i = 0; i < n; ++i) AddRange(Scattered(i, n), world);
  return world;
}

proto::World ManyDaxes(size_t n) {
  proto::World world;
  for (size_t i = 0; i < n; ++i) {
    AddDax(absl::StrCat("dax", i, ".0"), world);
    AddRange(Scattered(i, n), world);
  }
  return world;
}

proto::World ManySnapshots(size_t n) {
  constexpr uint64_t kSectors = 2048;
  proto::World world;
  AddPmem("pmem0", uint64_t{1} << 32, uint64_t{1} << 28, world);
  AddPmem("pmem1", uint64_t{1} << 40, uint64_t{1} << 40, world);
  AddRaw("origin", kSectors, "snapshot-origin", "/dev/pmem0", world);
  for (size_t i = 0; i < n; ++i) {
    const std::string cow = absl::StrCat("cow", i);
    AddLinear(cow, kSectors, "/dev/pmem1", i * kSectors, world);
    AddRaw(absl::StrCat("snap", i), kSectors, "snapshot",
           absl::StrCat("/dev/pmem0 /dev/mapper/", cow, " N 8"), world);
  }
  return world;
}

proto::World ManyThins(size_t n) {
  proto::World world;
  AddPmem("pmem0", uint64_t{1} << 32, uint64_t{1} << 30, world);
  AddPmem("pmem1", uint64_t{1} << 40, uint64_t{1} << 30, world);
  proto::MappedDevice& pool = AddRaw("pool", uint64_t{1} << 21, "thin-pool",
                                     "/dev/pmem1 /dev/pmem0 128 0", world);
  for (size_t i = 0; i < n; ++i) {
    pool.add_message(absl::StrCat("0 create_thin ", i));
  }
  return world;
}

}  // namespace dmdax::bench
