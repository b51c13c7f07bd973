// SPDX-License-Identifier: Apache-2.0
//
// A program with dmdax inside: a machine with two pmem disks, a volume striped
// over them, where a page of it is, and what a touch of a file on it gets.
#include <cstdlib>
#include <iostream>

#include "dmdax.h"

constexpr char kWorld[] = R"(
  pmem { name: "pmem0" base: 0x100000000 size: 0x20000000 }
  pmem { name: "pmem1" base: 0x128000000 size: 0x20000000 }
  mapped_device { name: "fast" table { target {
    length: 1048576
    striped { chunk: 4096 stripe { device: "/dev/pmem0" }
                          stripe { device: "/dev/pmem1" } } } } }
  mount { path: "/mnt" device: "/dev/mapper/fast" options: "dax=always"
          file { name: "f" extent { physical: 0x200000 length: 0x400000 } } }
)";

template <typename T>
T OrExit(absl::StatusOr<T> result) {
  if (result.ok()) return *std::move(result);
  std::cerr << result.status().message() << "\n";
  std::exit(1);
}

int main() {
  dmdax::ParsedWorld parsed = OrExit(dmdax::ParseWorld(kWorld, "world"));
  for (const char* kernel : {"6.1", "6.12"}) {
    parsed.world.set_kernel(kernel);
    dmdax::Session session = OrExit(dmdax::LoadWorld(parsed.world));
    dmdax::BlockDevice* fast = OrExit(dmdax::FindDevice(session, "fast"));
    const dmdax::DaxRun run = OrExit(
        dmdax::DaxTranslate(*fast->host_dax_dev(), dmdax::pgoff_t{512}, 512));
    std::cout << kernel << ": page 512 is pfn " << run.pfn.value() << ", with "
              << run.nr_pages << " pages in a row\n";

    dmdax::Task* task = OrExit(session.user->AddTask(/*pid=*/1));
    dmdax::VmAreaStruct* vma = OrExit(session.user->Mmap(
        *task, {.path = "/mnt/f", .vma = {.length = 4 << 20}}));
    const dmdax::FaultOutcome touch =
        task->Touch(vma->vm_start, dmdax::AccessKind::kWrite).outcome;
    std::cout << "  a write maps " << (4 << touch.order) << " KiB\n";
    if (touch.order == 0) {
      std::cout << "  no 2 MiB: " << dmdax::FaultReasonText(touch.reason)
                << "\n";
    }
  }
}
