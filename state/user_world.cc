// SPDX-License-Identifier: Apache-2.0
#include "state/user_world.h"

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "base/errno_status.h"
#include "base/round_up.h"
#include "fs/mount_words.h"
#include "process/field_error.h"
#include "process/vma_words.h"
#include "state/find_device.h"
#include "state/repeat_touches.h"
#include "state/user_file.h"

namespace dmdax {
namespace {

SuperBlock Decided(const proto::Mount& mount, BlockDevice& bdev) {
  const proto::MountRuntime& r = mount.runtime();
  SuperBlock sb{.dax = static_cast<DaxMode>(std::min(r.mode(), 2u)),
                .dax_inode_given = r.mode_given(),
                .journals_data = r.journals_data()};
  if (r.dax_device()) sb.dax_dev = bdev.host_dax_dev();
  sb.dax_part_off = r.dax_part_off();
  return sb;
}

MountOptions MountFromProto(const proto::Mount& in) {
  MountOptions out;
  out.path = in.path();
  out.types = FileSystems::kAll;
  out.request.type = in.type();
  out.request.options = in.options();
  out.machine_options = in.machine_options();
  out.request.inline_data = in.inline_data();
  out.request.reflink = in.reflink();
  // What mkfs made is not asked for: a machine that has mounted it so has it.
  out.request.project = HasMountWord(in.options(), "prjquota");
  out.request.has_dalign = MountValue(in.options(), "sunit").has_value();
  if (in.block_size() != 0) out.request.block_size = in.block_size();
  if (in.has_allocator()) {
    AllocatorOptions& a = out.allocator.emplace();
    a.start = in.allocator().start();
    a.end = in.allocator().end();
    if (in.allocator().align() != 0) a.align = in.allocator().align();
    for (const proto::Allocator::Range& r : in.allocator().used()) {
      a.used.push_back({r.start(), r.length()});
    }
  }
  return out;
}

DevDaxRequest DevDaxFromProto(const proto::DevDax& in) {
  DevDaxRequest out;
  out.options.name = in.name();
  out.pmem = in.pmem();
  if (in.align() != 0) out.options.align = in.align();
  for (const proto::DevDax::Range& r : in.range()) {
    out.options.ranges.push_back({r.start(), r.size()});
  }
  return out;
}

absl::StatusOr<MmapOptions> VmaFromProto(const proto::Vma& in) {
  MmapOptions out{.path = in.file(),
                  .vma = {.offset = in.offset(),
                          .length = in.length(),
                          .address = in.address()}};
  absl::StatusOr<int> prot = ParseProt(in.prot());
  if (!prot.ok()) return prot.status();
  out.vma.prot = *prot;
  absl::Status s = ParseMapFlags(in.flags(), out);
  if (!s.ok()) return s;
  return out;
}

// What a process has mapped so far, by its start.
struct MappedRange {
  uint64_t end = 0;
  int index = 0;  // of the vma
};
using MappedRanges = std::map<uint64_t, MappedRange>;

class UserLoader {
 public:
  UserLoader(const proto::World& world, WorldKind kind, Session& session,
             const SourceMap& map)
      : world_(world), kind_(kind), session_(session), map_(map) {}

  absl::Status Load() {
    for (int i = 0; i < world_.mount_size(); ++i) {
      if (absl::Status s = LoadMount(i); !s.ok()) return s;
    }
    for (int i = 0; i < world_.dax_size(); ++i) {
      absl::StatusOr<DevDax*> dax = AddDevDax(DevDaxFromProto(world_.dax(i)));
      if (!dax.ok()) {
        return At(absl::StrCat("dax[", i, "]"), "", dax.status());
      }
    }
    for (int i = 0; i < world_.process_size(); ++i) {
      if (absl::Status s = LoadProcess(i); !s.ok()) return s;
    }
    RepeatTouches(std::move(touches_), *session_.user);
    return absl::OkStatus();
  }

 private:
  // Where in the input an error is, and of which thing it is.
  absl::Status At(const std::string& path, const std::string& what,
                  const absl::Status& s) const {
    return ErrorAt(map_, path, s, what);
  }

  absl::Status LoadMount(int i) {
    const proto::Mount& mount = world_.mount(i);
    const std::string path = absl::StrCat("mount[", i, "]");
    session_.machine->log().TakeNew();
    absl::StatusOr<MountPoint*> m = AddMount(mount);
    if (!m.ok()) {
      const std::string words =
          absl::StrJoin(session_.machine->log().TakeNew(), "; ");
      absl::Status s = m.status();
      std::string what =
          absl::StrCat("mount '", mount.path().substr(0, 128), "'");
      if (absl::StrContains(words, s.message())) {
        // The log says the same, with whose words they are.
        s = FieldError(ErrnoOf(s), FieldOf(s), words);
      } else if (!words.empty()) {
        absl::StrAppend(&what, ": ", words);
      }
      return At(path, what, s);
    }
    for (int f = 0; f < mount.file_size(); ++f) {
      if (absl::Status s = AddFile(mount.file(f), **m); !s.ok()) {
        return At(
            absl::StrCat(path, ".file[", f, "]"),
            absl::StrCat("file '", mount.file(f).name().substr(0, 128), "'"),
            s);
      }
    }
    return absl::OkStatus();
  }

  absl::StatusOr<MountPoint*> AddMount(const proto::Mount& mount) {
    absl::StatusOr<BlockDevice*> bdev = FindDevice(session_, mount.device());
    if (!bdev.ok()) {
      return FieldError(ErrnoOf(bdev.status()), "device",
                        bdev.status().message());
    }
    MountOptions options = MountFromProto(mount);
    if (kind_ == WorldKind::kSnapshot && mount.has_runtime()) {
      options.decided = Decided(mount, **bdev);
    }
    return session_.user->Mount(options, **bdev);
  }

  absl::Status AddFile(const proto::File& in, MountPoint& mount) {
    absl::StatusOr<FileOptions> options = FileFromProto(in);
    if (!options.ok()) return options.status();
    if (kind_ == WorldKind::kWritten) {
      return mount.AddFile(*std::move(options)).status();
    }
    absl::StatusOr<MountedFile*> file = mount.RestoreFile(*std::move(options));
    if (!file.ok()) return file.status();
    RestoreRuntime(in.runtime(), **file);
    return absl::OkStatus();
  }

  absl::StatusOr<DevDax*> AddDevDax(const DevDaxRequest& request) {
    return kind_ == WorldKind::kWritten ? session_.user->AddDevDax(request)
                                        : session_.user->RestoreDevDax(request);
  }

  absl::Status LoadProcess(int i) {
    const proto::Process& process = world_.process(i);
    const std::string path = absl::StrCat("process[", i, "]");
    const std::string what = absl::StrCat("process ", process.pid());
    absl::StatusOr<Task*> task = session_.user->AddTask(process.pid());
    if (!task.ok()) return At(path, what, task.status());
    // TASK_COMM_LEN has room for a NUL.
    constexpr size_t kMaxComm = 15;
    if (kind_ == WorldKind::kWritten && process.comm().size() > kMaxComm) {
      return At(path + ".comm", what,
                FieldError(EINVAL, "",
                           absl::StrCat("comm of ", process.comm().size(),
                                        " bytes: at most ", kMaxComm)));
    }
    if (!process.comm().empty()) (*task)->set_comm(process.comm());
    MappedRanges taken;
    for (int v = 0; v < process.vma_size(); ++v) {
      const absl::Status s = AddVma(process, v, **task, taken);
      // A snapshot must open, whatever has become of the device.
      if (!s.ok() && kind_ == WorldKind::kWritten) {
        return At(absl::StrCat(path, ".vma[", v, "]"), what, s);
      }
    }
    if (process.touch_size() == 0) return absl::OkStatus();
    std::vector<TouchRecord>& touches =
        touches_.emplace_back(TaskTouches{*task, {}}).touches;
    touches.reserve(static_cast<size_t>(process.touch_size()));
    for (int t = 0; t < process.touch_size(); ++t) {
      const proto::Touch& touch = process.touch(t);
      if (kind_ == WorldKind::kWritten &&
          (*task)->mm().FindVma(touch.address()) == nullptr) {
        return At(
            absl::StrCat(path, ".touch[", t, "].address"), what,
            ErrnoError(EFAULT,
                       absl::StrFormat("touch of 0x%x, where nothing is mapped "
                                       "(SIGSEGV)",
                                       touch.address())));
      }
      touches.push_back({touch.address(),
                         touch.write() ? AccessKind::kWrite : AccessKind::kRead,
                         touch.sequence()});
    }
    return absl::OkStatus();
  }

  absl::Status AddVma(const proto::Process& process, int v, Task& task,
                      MappedRanges& taken) {
    absl::StatusOr<MmapOptions> vma = VmaFromProto(process.vma(v));
    if (!vma.ok()) return vma.status();
    if (kind_ == WorldKind::kSnapshot) vma->opened = OpenedWhen::kBefore;
    if (kind_ == WorldKind::kWritten && vma->vma.address != 0) {
      if (absl::Status s = CheckFree(vma->vma, taken); !s.ok()) return s;
    }
    absl::StatusOr<VmAreaStruct*> made = session_.user->Mmap(task, *vma);
    if (!made.ok()) return made.status();
    // It may have been joined with the one below it.
    const uint64_t end = (*made)->vm_end;
    const uint64_t page = session_.user->faults().page_size();
    const uint64_t length = RoundUp(vma->vma.length, page);
    const uint64_t start =
        vma->vma.address != 0 ? vma->vma.address : (*made)->vm_start;
    taken[start] = {std::min(end, start + length), v};
    return absl::OkStatus();
  }

  // mmap(2) would replace what another vma of the World has mapped.
  static absl::Status CheckFree(const VmaOptions& vma,
                                const MappedRanges& taken) {
    auto next = taken.lower_bound(vma.address);
    auto other = taken.end();
    if (next != taken.end() && next->first - vma.address < vma.length) {
      other = next;
    }
    if (next != taken.begin() && std::prev(next)->second.end > vma.address) {
      other = std::prev(next);
    }
    if (other == taken.end()) return absl::OkStatus();
    return FieldError(
        EEXIST, "address",
        absl::StrFormat("address 0x%x, length 0x%x: vma[%d] is at 0x%x-0x%x",
                        vma.address, vma.length, other->second.index,
                        other->first, other->second.end));
  }

  const proto::World& world_;
  const WorldKind kind_;
  Session& session_;
  const SourceMap& map_;
  std::vector<TaskTouches> touches_;
};

}  // namespace

absl::Status AddUserWorld(const proto::World& world, WorldKind kind,
                          Session& session, const SourceMap& map) {
  return UserLoader(world, kind, session, map).Load();
}

namespace {

void SaveVma(const VmAreaStruct& vma, const FaultProfile& faults,
             proto::Vma* out) {
  out->set_address(vma.vm_start);
  out->set_length(vma.vm_end - vma.vm_start);
  if (vma.vm_file != nullptr) {
    out->set_file(vma.vm_file->path);
    out->set_offset(vma.vm_pgoff << faults.page_shift);
  }
  out->set_prot(ProtText(vma));
  out->set_flags(MapFlagsText(vma));
}

void SaveMount(const MountPoint& mount, proto::Mount* out) {
  const MountRequest& request = mount.options().request;
  out->set_path(mount.options().path);
  out->set_device(mount.bdev().dev().ToString());
  out->set_type(request.type);
  out->set_options(request.options);
  out->set_machine_options(mount.options().machine_options);
  out->set_block_size(static_cast<uint32_t>(request.block_size));
  out->set_inline_data(request.inline_data);
  out->set_reflink(request.reflink);
  if (std::optional<AllocatorOptions> a = mount.allocator()) {
    out->mutable_allocator()->set_start(a->start);
    out->mutable_allocator()->set_end(a->end);
    out->mutable_allocator()->set_align(a->align);
    for (const ByteRange& range : a->used) {
      proto::Allocator::Range* used = out->mutable_allocator()->add_used();
      used->set_start(range.start);
      used->set_length(range.length);
    }
  }
  for (const auto& [name, file] : mount.files()) {
    FileToProto(*file, out->add_file());
  }
  const SuperBlock& sb = mount.sb();
  proto::MountRuntime* r = out->mutable_runtime();
  r->set_dax_device(sb.dax_dev != nullptr);
  r->set_mode(static_cast<uint32_t>(sb.dax));
  r->set_mode_given(sb.dax_inode_given);
  r->set_journals_data(sb.journals_data);
  r->set_dax_part_off(sb.dax_part_off);
}

}  // namespace

void SaveUserWorld(const UserSpace& user, proto::World* world) {
  for (const auto& [path, mount] : user.mounts()) {
    SaveMount(*mount, world->add_mount());
  }
  for (const auto& [name, request] : user.dev_daxes()) {
    proto::DevDax* out = world->add_dax();
    out->set_name(name);
    out->set_align(request.options.align);
    out->set_pmem(request.pmem);
    for (const DevDaxRange& r : request.options.ranges) {
      proto::DevDax::Range* range = out->add_range();
      range->set_start(r.start);
      range->set_size(r.size);
    }
  }
  for (const auto& [pid, task] : user.tasks()) {
    proto::Process* out = world->add_process();
    out->set_pid(pid);
    out->set_comm(task->mm().comm);
    for (const VmAreaStruct* vma : task->mm().vmas()) {
      SaveVma(*vma, user.faults(), out->add_vma());
    }
    for (const TouchRecord& touch : task->touches()) {
      proto::Touch* t = out->add_touch();
      t->set_address(touch.address);
      t->set_write(touch.kind == AccessKind::kWrite);
      t->set_sequence(touch.sequence);
    }
  }
}

}  // namespace dmdax
