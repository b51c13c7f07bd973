// SPDX-License-Identifier: Apache-2.0
//
// dmdax mmap, touch, munmap, maps: a process that is kept in the state.
#include <cerrno>
#include <iostream>
#include <memory>
#include <sstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/errno_status.h"
#include "base/one_line.h"
#include "nlohmann/json.hpp"
#include "process/vma_words.h"
#include "tools/app.h"
#include "tools/byte_count.h"
#include "tools/command_line.h"
#include "tools/fault_report.h"

namespace dmdax {
namespace {

absl::StatusOr<Task*> FindTask(const Session& session, uint32_t pid) {
  Task* task = session.user->FindTask(pid);
  if (task != nullptr) return task;
  return ErrnoError(ESRCH,
                    absl::StrCat("no process ", pid, "; dmdax mmap makes one"));
}

void PidOption(CLI::App& verb, uint32_t& pid) {
  verb.add_option("--pid", pid, "The process (default 1)")
      ->transform(Number(0, UINT32_MAX));
}

void MmapVerb(CLI::App& cli, App& app) {
  struct Options {
    std::string flags, prot = "rw";
    MmapOptions mmap;
    uint32_t pid = 1;
  };
  auto o = std::make_shared<Options>();
  CLI::App* verb = cli.add_subcommand(
      "mmap",
      "Map a file in a process, which is made if need be; prints the address.\n"
      "\n"
      "  dmdax mmap /mnt/f --len 16M\n"
      "  dmdax mmap /dev/dax0.0 --len 2M --flags shared,sync --pid 7");
  verb->add_option("FILE", o->mmap.path, "/mnt/f, /dev/dax0.0")->required();
  verb->add_option("--len", o->mmap.vma.length, "Bytes")
      ->required()
      ->transform(ByteCount());
  verb->add_option("--offset", o->mmap.vma.offset,
                   "Byte of the file to begin with")
      ->transform(ByteCount());
  verb->add_option("--addr", o->mmap.vma.address, "Address (MAP_FIXED)")
      ->transform(ByteCount());
  verb->add_option("--prot", o->prot, "Letters of rwx, or none (default rw)")
      ->check(Accepted(
          [](const std::string& text) { return ParseProt(text).status(); }));
  verb->add_option("--flags", o->flags,
                   "shared (default), private, sync, readonly, hugepage, "
                   "nohugepage")
      ->check(Accepted([](const std::string& text) {
        MmapOptions scratch;
        return ParseMapFlags(text, scratch);
      }));
  PidOption(*verb, o->pid);
  verb->callback([o, &app] {
    uint64_t address = 0;
    absl::Status changed = app.Change([&](Session& session) -> absl::Status {
      Task* task = session.user->FindTask(o->pid);
      if (task == nullptr) {
        absl::StatusOr<Task*> added = session.user->AddTask(o->pid);
        if (!added.ok()) return added.status();
        task = *added;
      }
      absl::StatusOr<int> prot = ParseProt(o->prot);
      if (!prot.ok()) return prot.status();
      o->mmap.vma.prot = *prot;
      absl::Status s = ParseMapFlags(o->flags, o->mmap);
      if (!s.ok()) return s;
      absl::StatusOr<VmAreaStruct*> mapped = session.user->Mmap(*task, o->mmap);
      app.TellLog(task->mm().log().TakeNew());
      if (!mapped.ok()) return mapped.status();
      address = (*mapped)->vm_start;
      return absl::OkStatus();
    });
    if (!changed.ok()) return app.Report(changed);
    if (app.json) {
      app.Answer("mmap", {{"pid", o->pid}, {"address", address}});
    } else {
      std::cout << absl::StreamFormat("0x%x\n", address);
    }
  });
}

void MunmapVerb(CLI::App& cli, App& app) {
  struct Options {
    uint64_t address = 0, length = 0;
    uint32_t pid = 1;
  };
  auto o = std::make_shared<Options>();
  CLI::App* verb =
      cli.add_subcommand("munmap",
                         "Unmap a range of a process.\n\n"
                         "  dmdax munmap 0x7ffff6c00000 --len 16M");
  verb->add_option("ADDR", o->address)->required()->transform(ByteCount());
  verb->add_option("--len", o->length, "Bytes")
      ->required()
      ->transform(ByteCount());
  PidOption(*verb, o->pid);
  verb->callback([o, &app] {
    app.Report(app.Change([&](Session& session) -> absl::Status {
      absl::StatusOr<Task*> task = FindTask(session, o->pid);
      return task.ok() ? (*task)->Unmap(o->address, o->length) : task.status();
    }));
  });

  auto pid = std::make_shared<uint32_t>(1);
  CLI::App* kill = cli.add_subcommand(
      "kill", "End a process; everything it mapped is unmapped.");
  kill->add_option("PID", *pid)->required()->transform(Number(0, UINT32_MAX));
  kill->callback([pid, &app] {
    app.Report(app.Change(
        [&](Session& session) { return session.user->RemoveTask(*pid); }));
  });
}

void TouchVerb(CLI::App& cli, App& app) {
  struct Options {
    uint64_t address = 0;
    uint32_t pid = 1;
    bool write = false;
  };
  auto o = std::make_shared<Options>();
  CLI::App* verb = cli.add_subcommand(
      "touch",
      "Read or write one byte of a process; tells as dmdax fault does.\n\n"
      "  dmdax touch 0x7ffff6c00000 --write\n\n"
      "Exit 1 if it ends in a signal.");
  verb->add_option("ADDR", o->address)->required()->transform(ByteCount());
  verb->add_flag("--write", o->write, "Write (default: read)");
  PidOption(*verb, o->pid);
  verb->callback([o, &app] {
    nlohmann::ordered_json json;
    std::ostringstream text;
    absl::Status changed = app.Change([&](Session& session) -> absl::Status {
      absl::StatusOr<Task*> task = FindTask(session, o->pid);
      if (!task.ok()) return task.status();
      UserSpace& user = *session.user;
      const TouchReport report = (*task)->Touch(
          o->address, o->write ? AccessKind::kWrite : AccessKind::kRead,
          user.NextSequence());
      const int want = user.faults().pmd_order();
      if (app.json) {
        json = FaultToJson(user, report, want);
      } else {
        PrintFault(text, user, report, want);
      }
      if (report.outcome.sig != 0) app.exit_code = 1;
      return absl::OkStatus();
    });
    if (!changed.ok()) return app.Report(changed);
    if (app.json) {
      app.Answer("fault", std::move(json));
    } else {
      std::cout << text.str();
    }
  });
}

// How many pages of a mapping have entries of each size.
struct Resident {
  uint64_t bytes[3] = {};  // PTE, PMD, PUD
};

Resident ResidentOf(Task& task, const VmAreaStruct& vma) {
  const FaultProfile& faults = task.mm().profile();
  Resident r;
  uint64_t at = vma.vm_start;
  while (at < vma.vm_end) {
    Pte entry;
    int order = 0;
    if (!task.mm().Lookup(at, &entry, &order)) {
      // Where there is no table there are no entries either.
      PageTable& table = task.mm().page_table();
      uint64_t step = faults.pud_size();
      if (PtSlot pmd = table.Pmd(at, false)) {
        step = pmd.is_table() ? faults.page_size() : faults.pmd_size();
      }
      at = (at & ~(step - 1)) + step;
      continue;
    }
    const uint64_t bytes = faults.page_size() << order;
    r.bytes[order == 0 ? 0 : order == faults.pmd_order() ? 1 : 2] += bytes;
    at = (at & ~(bytes - 1)) + bytes;
  }
  return r;
}

// Where in its file the mapping begins, bytes.
uint64_t OffsetOf(Task& task, const VmAreaStruct& vma) {
  if (vma.vm_file == nullptr) return 0;
  return vma.vm_pgoff << task.mm().profile().page_shift;
}

void PrintVma(Task& task, const VmAreaStruct& vma) {
  const bool shared = (vma.vm_flags & VM_MAYSHARE) != 0;
  std::cout << absl::StreamFormat(
      "%x-%x %c%c%c%c %08x %s\n", vma.vm_start, vma.vm_end,
      (vma.vm_flags & VM_READ) ? 'r' : '-',
      (vma.vm_flags & VM_WRITE) ? 'w' : '-',
      (vma.vm_flags & VM_EXEC) ? 'x' : '-', shared ? 's' : 'p',
      OffsetOf(task, vma),
      vma.vm_file != nullptr ? OneLine(vma.vm_file->path) : "");
  const Resident r = ResidentOf(task, vma);
  std::cout << absl::StreamFormat(
      "  PTE %d kB, PMD %d kB, PUD %d kB\n  VmFlags: %s\n", r.bytes[0] / 1024,
      r.bytes[1] / 1024, r.bytes[2] / 1024, VmFlagsText(vma.vm_flags));
}

void MapsVerb(CLI::App& cli, App& app) {
  CLI::App* verb = cli.add_subcommand(
      "maps",
      "The processes and their mappings, with what is mapped by entries of\n"
      "which size, as /proc/PID/maps and smaps tell it.");
  verb->callback([&app] {
    absl::StatusOr<Session> session = app.Ask();
    if (!session.ok()) return app.Report(session.status());
    nlohmann::ordered_json all = nlohmann::ordered_json::array();
    for (const auto& [pid, task] : session->user->tasks()) {
      if (!app.json) std::cout << "process " << pid << "\n";
      for (const VmAreaStruct* vma : task->mm().vmas()) {
        if (!app.json) {
          PrintVma(*task, *vma);
          continue;
        }
        const File* file = vma->vm_file.get();
        const Resident r = ResidentOf(*task, *vma);
        all.push_back({{"pid", pid},
                       {"address", vma->vm_start},
                       {"length", vma->vm_end - vma->vm_start},
                       {"file", file != nullptr ? file->path : ""},
                       {"offset", OffsetOf(*task, *vma)},
                       {"prot", ProtText(*vma)},
                       {"flags", MapFlagsText(*vma)},
                       {"pte_bytes", r.bytes[0]},
                       {"pmd_bytes", r.bytes[1]},
                       {"pud_bytes", r.bytes[2]},
                       {"vm_flags", VmFlagsText(vma->vm_flags)}});
      }
    }
    if (app.json) app.Answer("maps", {{"mappings", std::move(all)}});
  });
}

}  // namespace

void RegisterProcess(CLI::App& cli, App& app) {
  MmapVerb(cli, app);
  TouchVerb(cli, app);
  MunmapVerb(cli, app);
  MapsVerb(cli, app);
}

}  // namespace dmdax
