// SPDX-License-Identifier: Apache-2.0
#include "process/mount_point.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/errno_status.h"
#include "base/path_length.h"
#include "base/round_up.h"
#include "fs/fs_parser.h"
#include "fs/no_dax.h"
#include "process/field_error.h"

namespace dmdax {
namespace {

// The first inode that is no directory of the file system's own (ext4).
constexpr uint64_t kFirstIno = 12;

bool PowerOfTwo(uint64_t n) { return n != 0 && (n & (n - 1)) == 0; }

}  // namespace

std::optional<FileExtent> FileAllocator::Allocate(uint64_t logical,
                                                  uint64_t length) {
  std::optional<FileExtent> extent = promised.Allocate(logical, length);
  if (extent.has_value() || free_space == nullptr) return extent;
  extent = free_space->Allocate(logical, length);
  if (extent.has_value() && used != nullptr) {
    used->Add(BlockSharing::kOwned, extent->physical, extent->length);
  }
  return extent;
}

namespace {

// A FileAllocator that owns the allocator of its free space: a copy must take
// nothing from the mount it was made from.
class OwningAllocator final : public BlockAllocator {
 public:
  OwningAllocator(const ExtentListAllocator& promised,
                  std::unique_ptr<BlockAllocator> free_space)
      : free_space_(std::move(free_space)) {
    files_.promised = promised;
    files_.free_space = free_space_.get();
  }
  std::optional<FileExtent> Allocate(uint64_t logical,
                                     uint64_t length) override {
    return files_.Allocate(logical, length);
  }
  std::unique_ptr<BlockAllocator> Clone() const override {
    return files_.Clone();
  }
  uint64_t Repeat() const override { return files_.Repeat(); }

 private:
  std::unique_ptr<BlockAllocator> free_space_;
  FileAllocator files_;
};

}  // namespace

std::unique_ptr<BlockAllocator> FileAllocator::Clone() const {
  return std::make_unique<OwningAllocator>(
      promised, free_space == nullptr ? nullptr : free_space->Clone());
}

uint64_t FileAllocator::Repeat() const {
  // A promised extent belongs to one place of the file, so no page repeats
  // another.
  if (!promised.empty()) return 0;
  // Without free space every page gets ENOSPC, so all are alike.
  return free_space == nullptr ? kPageSize : free_space->Repeat();
}

MountPoint::MountPoint(MountOptions options, BlockDevice& bdev,
                       const FaultProfile& faults, MemMap& mem)
    : options_(std::move(options)), bdev_(bdev), faults_(faults), mem_(mem) {}

MountPoint::~MountPoint() {
  files_.clear();
  if (open_mode_ != 0) bdev_.Close(open_mode_);
}

absl::Status MountPoint::CheckPath() const {
  const auto bad = [&](absl::string_view what, int err = EINVAL) {
    return FieldError(
        err, "path",
        absl::StrCat("path '", options_.path.substr(0, 128), "': ", what));
  };
  // The root is mounted before there is a command.
  const bool root = options_.path == "/" && options_.types == FileSystems::kAll;
  if (root) return absl::OkStatus();
  if (!absl::StartsWith(options_.path, "/") || options_.path == "/" ||
      absl::StrContains(options_.path, '\0')) {
    return bad("an absolute path below '/'");
  }
  if (options_.decided.has_value()) return absl::OkStatus();
  for (absl::string_view part : absl::StrSplit(options_.path.substr(1), '/')) {
    if (part.empty() || part == "." || part == "..") {
      return bad("a path without '//', '.' and '..'");
    }
  }
  if (const std::string what = PathTooLong(options_.path); !what.empty()) {
    return bad(what, ENAMETOOLONG);
  }
  return absl::OkStatus();
}

absl::Status MountPoint::CheckBlockSize() const {
  const uint64_t block = options_.request.block_size;
  if (PowerOfTwo(block) && block >= type_->min_block_size &&
      block <= type_->max_block_size) {
    return absl::OkStatus();
  }
  return FieldError(
      EINVAL, "block_size",
      absl::StrCat("block_size ", block, ": a power of two, ",
                   type_->min_block_size, " to ", type_->max_block_size));
}

// Neither has words that a kernel would say before it reads the superblock,
// which we do not have.
absl::Status MountPoint::CheckDeviceSize() const {
  if (options_.decided.has_value()) return absl::OkStatus();
  const uint64_t block = options_.request.block_size;
  const uint32_t logical = bdev_.queue().limits().logical_block_size;
  if (block < logical) {
    return FieldError(
        EINVAL, "block_size",
        absl::StrCat("block_size ", block, ": ", bdev_.name(),
                     " has logical blocks of ", logical, " bytes"));
  }
  // Of a device with a file system this is not the limit, but of any.
  const uint64_t bytes = bdev_.nr_sectors() * kSectorSize;
  if (bytes / block >= type_->min_blocks) return absl::OkStatus();
  return FieldError(
      EINVAL, "device",
      absl::StrCat(bdev_.name(), " has ", bytes, " bytes, ", bytes / block,
                   " blocks of ", block, "; the least that ", type_->name,
                   " takes is ", type_->min_blocks));
}

absl::Status MountPoint::CheckAllocator() const {
  if (!options_.allocator.has_value()) return absl::OkStatus();
  const uint64_t block = options_.request.block_size;
  const AllocatorOptions& a = *options_.allocator;
  if (!PowerOfTwo(a.align) || a.align < block) {
    return FieldError(EINVAL, "allocator.align",
                      absl::StrCat("align ", a.align, ": a power of two from ",
                                   block, " on"));
  }
  const uint64_t bytes = bdev_.nr_sectors() * kSectorSize;
  const uint64_t room = RoundDown(bytes, block);
  absl::Status s =
      CheckMultiple("allocator.", "start", a.start, block, 0, room);
  if (s.ok()) s = CheckMultiple("allocator.", "end", a.end, block, block, room);
  if (!s.ok()) return s;
  // A device may have become smaller since it was mounted.
  if (options_.decided.has_value()) return absl::OkStatus();
  const uint64_t end = a.end != 0 ? a.end : room;
  const auto bad = [&](absl::string_view field, uint64_t nearest) {
    return FieldError(
        EINVAL, absl::StrCat("allocator.", field),
        absl::StrCat("allocator from ", a.start, " to ", end, ": ",
                     bdev_.name(), " has ", bytes, " bytes; nearest valid ",
                     field, ": ", nearest));
  };
  if (end > bytes) return bad("end", room);
  if (a.start > end) return bad("start", end);
  for (size_t i = 0; s.ok() && i < a.used.size(); ++i) {
    s = CheckUsed(a.used[i], absl::StrCat("allocator.used[", i, "]."), room);
  }
  return s;
}

absl::Status MountPoint::CheckUsed(const ByteRange& used, const std::string& at,
                                   uint64_t room) const {
  const uint64_t block = options_.request.block_size;
  absl::Status s = CheckMultiple(at, "start", used.start, block, 0, room);
  if (s.ok()) {
    s = CheckMultiple(at, "length", used.length, block, block, room);
  }
  if (!s.ok()) return s;
  if (used.start <= room && used.length <= room - used.start) return s;
  return FieldError(
      EINVAL, absl::StrCat(at, "length"),
      absl::StrCat(at, "start ", used.start, " + length ", used.length, ": ",
                   bdev_.name(), " has ", room, " bytes in blocks"));
}

absl::Status MountPoint::FillSuper(const KernelProfile& profile, KernelLog& log,
                                   const Machine* machine) {
  if (options_.decided.has_value()) {
    sb_ = *options_.decided;
    sb_.s_type = type_;
    return absl::OkStatus();
  }
  if (!type_->no_dax.empty()) {
    sb_ = {.s_type = type_, .dax = DaxMode::kNever};
    return absl::OkStatus();
  }
  absl::StatusOr<SuperBlock> sb =
      MountDax(options_.request, bdev_, profile, log,
               options_.named == NamedDevices::kLookedUp ? machine : nullptr);
  if (!sb.ok()) {
    return FieldError(ErrnoOf(sb.status()), "options", sb.status().message());
  }
  sb_ = *std::move(sb);
  return absl::OkStatus();
}

std::string MountPath(absl::string_view path) {
  while (path.size() > 1 && path.back() == '/') path.remove_suffix(1);
  return std::string(path);
}

std::string PathBelow(absl::string_view mount, absl::string_view name) {
  return absl::StrCat(mount == "/" ? "" : mount, "/", name);
}

std::vector<absl::string_view> PathsAbove(absl::string_view path) {
  std::vector<absl::string_view> above;
  for (size_t end = path.rfind('/'); end != absl::string_view::npos && end > 0;
       end = path.rfind('/', end - 1)) {
    above.push_back(path.substr(0, end));
  }
  if (path.size() > 1 && path[0] == '/') above.push_back(path.substr(0, 1));
  return above;
}

absl::StatusOr<std::unique_ptr<MountPoint>> MountPoint::Create(
    const MountOptions& options, BlockDevice& bdev,
    const KernelProfile& profile, const FaultProfile& faults, MemMap& mem,
    KernelLog& log, const Machine* machine) {
  std::unique_ptr<MountPoint> m(new MountPoint(options, bdev, faults, mem));
  MountRequest& request = m->options_.request;
  if (request.type.empty()) request.type = std::string(kDefaultFileSystem);
  m->options_.path = MountPath(m->options_.path);
  if (absl::Status s = m->CheckPath(); !s.ok()) return s;
  absl::StatusOr<const FileSystemType*> type = FindFileSystemType(request.type);
  absl::StatusOr<const FileSystemType*> driver = FindFileSystemDriver(request);
  const FileSystemType* other = options.types == FileSystems::kAll
                                    ? FindUnmodelledFileSystem(request.type)
                                    : nullptr;
  if (other != nullptr) type = driver = other;
  if (absl::Status s = type.ok() ? driver.status() : type.status(); !s.ok()) {
    return FieldError(ErrnoOf(s), "type", s.message());
  }
  m->type_ = *type;
  if (absl::Status s = m->CheckBlockSize(); !s.ok()) return s;
  if (absl::Status s = m->CheckDeviceSize(); !s.ok()) return s;
  if (absl::Status s = m->CheckAllocator(); !s.ok()) return s;
  // The device is opened before the file system decides, as in the kernel: a
  // device in use is EBUSY whatever the options are.
  unsigned mode = FMODE_READ | FMODE_WRITE;
  if (options.claim == DeviceClaim::kExclusive) mode |= FMODE_EXCL;
  if (absl::Status s = bdev.Open(mode, m.get()); !s.ok()) {
    return FieldError(ErrnoOf(s), "device", s.message());
  }
  m->open_mode_ = mode;
  if (absl::Status s = m->FillSuper(profile, log, machine); !s.ok()) return s;
  m->fs_ = (*driver)->make(**driver, faults);
  m->fs_->TakeOptions(request.options);
  if (options.allocator.has_value()) {
    const AllocatorOptions& a = *options.allocator;
    const uint64_t bytes = bdev.nr_sectors() * kSectorSize;
    m->allocator_ = std::make_unique<AlignedAllocator>(
        a.start, std::max(a.start, a.end != 0 ? a.end : bytes), a.align,
        &m->used_);
    m->FindUsedBlocks();
  }
  return m;
}

std::optional<AllocatorOptions> MountPoint::allocator() const {
  std::optional<AllocatorOptions> now = options_.allocator;
  if (now.has_value()) now->start = allocator_->next();
  return now;
}

void MountPoint::FindUsedBlocks() {
  used_ = {};
  if (options_.allocator.has_value()) {
    for (const ByteRange& range : options_.allocator->used) {
      used_.Add(BlockSharing::kOwned, range.start, range.length);
    }
  }
  for (const auto& [name, file] : files_) {
    KeepBlocks(file->inode.extents.All(), file->options.allocate, used_);
  }
}

absl::StatusOr<MountedFile*> MountPoint::AddFile(FileOptions options) {
  const Place place = files_.lower_bound(options.name);
  absl::Status s = CheckListing(options);
  if (s.ok()) s = CheckDirectories(options.name, place);
  if (s.ok()) s = CheckNew(options, bdev_.nr_sectors() * kSectorSize, place);
  if (s.ok()) s = CheckForType(options);
  if (!s.ok()) return s;
  s = ClaimBlocks(options, files_, used_);
  if (s.ok()) return Insert(std::move(options), place);
  FindUsedBlocks();
  return s;
}

absl::StatusOr<MountedFile*> MountPoint::RestoreFile(FileOptions options) {
  // Its device may have shrunk since: another table is no business of a mount.
  constexpr uint64_t kAnySize = ~uint64_t{0};
  const Place place = files_.lower_bound(options.name);
  if (absl::Status s = CheckNew(options, kAnySize, place); !s.ok()) return s;
  KeepBlocks(options.extents, options.allocate, used_);
  return Insert(std::move(options), place);
}

MountedFile* MountPoint::Insert(FileOptions given, Place place) {
  auto file = std::make_unique<MountedFile>(faults_, mem_);
  file->options = std::move(given);
  const FileOptions& options = file->options;
  file->path = PathBelow(options_.path, options.name);
  DaxInode& inode = file->inode;
  inode.i_ino = kFirstIno + files_.size();
  inode.s_dev = bdev_.dev();
  inode.dax_dev = sb_.dax_dev;
  inode.dax_part_off = sb_.dax_part_off;
  inode.ra_pages = bdev_.queue().ra_pages();
  inode.has_extents = type_->has_extents && !options.indirect_blocks;
  inode.extsize = options.extsize;
  inode.datasync_dirty = !options.synced;
  inode.i_size = options.size;
  uint64_t end = 0;
  for (const FileExtent& extent : options.extents) {
    end = std::max(end, extent.end());
    if (extent.type == IOMAP_HOLE) continue;
    if (extent.type == IOMAP_INLINE) inode.inline_data = true;
    inode.reflinked |= extent.shared;
    inode.extents.Insert(extent);
  }
  // ext4_should_enable_dax(), and xfs_inode_supports_dax() of kernels where
  // both do not go together.
  const bool no_dax = options.never_dax || inode.inline_data ||
                      (inode.reflinked && !faults_.dax_reflink);
  inode.s_dax = !no_dax && sb_.ShouldEnableDax(options.dax);
  // A file without a size ends where its extents end.
  if (inode.i_size == 0) inode.i_size = end;
  for (const FileExtent& extent : options.allocate) {
    file->allocator.promised.Add(extent);
  }
  file->allocator.promised.set_extsize(options.extsize);
  file->allocator.free_space = allocator_.get();
  file->allocator.used = &used_;
  return files_.emplace_hint(place, options.name, std::move(file))
      ->second.get();
}

absl::Status MountPoint::RemoveFile(const std::string& name) {
  auto it = files_.find(name);
  if (it == files_.end()) {
    return ErrnoError(ENOENT,
                      absl::StrCat("no file '", name, "' on ", options_.path));
  }
  if (!it->second->inode.mapping.i_mmap.empty()) {
    return ErrnoError(EBUSY, absl::StrCat(it->second->path, " is mapped"));
  }
  files_.erase(it);
  FindUsedBlocks();
  return absl::OkStatus();
}

const MountedFile* MountPoint::FileOnTheWay(absl::string_view name) const {
  for (size_t end = name.size(); end != name.npos && end > 0;
       end = name.rfind('/', end - 1)) {
    if (const MountedFile* file = FindFile(name.substr(0, end))) return file;
  }
  return nullptr;
}

MountedFile* MountPoint::FindFile(absl::string_view name) const {
  auto it = files_.find(name);
  return it != files_.end() ? it->second.get() : nullptr;
}

bool MountPoint::read_only() const {
  const bool mounted = options_.claim == DeviceClaim::kExclusive;
  return SaysReadOnly(options_.request.options) ||
         (mounted && bdev_.read_only());
}

std::shared_ptr<File> MountPoint::Open(MountedFile& file, bool writable) {
  return fs_->Open(file.inode, file.path, writable);
}

}  // namespace dmdax
