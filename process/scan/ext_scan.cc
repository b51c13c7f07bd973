// SPDX-License-Identifier: Apache-2.0
#include "process/scan/ext_scan.h"

#include <ext2fs/ext2fs.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <memory>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "iomap/used_blocks.h"
#include "process/scan/ext_extents.h"
#include "process/scan/ext_io.h"

namespace dmdax {
namespace {

// What ext2 has of features; with another one it is ext4 or, with a journal,
// ext3, which ext4 mounts.
constexpr uint32_t kExt2Incompat =
    EXT2_FEATURE_INCOMPAT_FILETYPE | EXT2_FEATURE_INCOMPAT_META_BG;
constexpr uint32_t kExt2RoCompat =
    EXT2_FEATURE_RO_COMPAT_SPARSE_SUPER | EXT2_FEATURE_RO_COMPAT_LARGE_FILE;

// ext4_should_enable_dax(), but for the mount's part.
constexpr uint32_t kNeverDax = EXT3_JOURNAL_DATA_FL | EXT4_INLINE_DATA_FL |
                               EXT4_ENCRYPT_FL | EXT4_VERITY_FL;

std::string PathOf(absl::string_view directory, absl::string_view name) {
  return directory.empty() ? std::string(name)
                           : absl::StrCat(directory, "/", name);
}

absl::Status CheckName(absl::string_view name) {
  if (name.empty() || name.find('/') != name.npos ||
      name.find('\0') != name.npos) {
    return ErrnoError(EUCLEAN, "a name that no file can have");
  }
  return absl::OkStatus();
}

class ExtScanner {
 public:
  ExtScanner(absl::string_view device, uint64_t size, ReadBytes read)
      : device_(device), io_(size, read) {}

  absl::StatusOr<ScannedFileSystem> Scan() {
    absl::Status s = CheckSuperBlock();
    if (s.ok()) s = Open();
    if (s.ok()) s = Walk();
    if (s.ok()) s = FindUsed();
    // libext2fs may have got over it.
    if (s.ok()) s = io_.read_error();
    if (s.ok()) return std::move(found_);
    return ErrnoError(ErrnoOf(s), absl::StrCat(device_, ": ", s.message()));
  }

 private:
  struct Entry {
    std::string name;
    ext2_ino_t ino = 0;
  };
  struct Directory {
    std::string path;
    ext2_ino_t ino = 0;
  };

  absl::Status CheckSuperBlock();
  absl::Status NoSuperBlock();
  absl::Status Open();
  void ReadRequest();
  absl::Status Walk();
  absl::Status ReadDirectory(const Directory& directory, ext2_inode& inode);
  static int OnEntry(ext2_ino_t, int, ext2_dir_entry* dirent, int, int, char*,
                     void* self);
  absl::Status Visit(const std::string& path, ext2_ino_t ino);
  absl::Status CheckSize(const ext2_inode& inode, bool inline_data) const;
  absl::Status AddFile(const std::string& path, ext2_ino_t ino,
                       const ext2_inode& inode);
  absl::Status FindUsed();
  absl::Status Use(uint64_t start, uint64_t end, const UsedBlocks& of_files);

  const std::string device_;
  ExtIo io_;
  struct Close {
    void operator()(struct_ext2_filsys* fs) const { ext2fs_free(fs); }
  };
  std::unique_ptr<struct_ext2_filsys, Close> fs_;
  std::unique_ptr<ExtExtents> extents_;
  ScannedFileSystem found_;
  absl::flat_hash_set<ext2_ino_t> seen_;
  std::deque<Directory> directories_;  // to be read
  uint64_t names_ = 0;
  std::vector<Entry> entries_;  // of the directory that is read
  absl::Status status_;         // of OnEntry()
};

absl::Status ExtScanner::NoSuperBlock() {
  char magic[4] = {};
  if (io_.Read(0, absl::MakeSpan(magic)) == 0 &&
      memcmp(magic, "XFSB", sizeof(magic)) == 0) {
    return ErrnoError(
        EINVAL,
        "xfs, which is not scanned, but ext2, ext3 and ext4 are: mount it "
        "without, and add what `xfs_bmap -v FILE` prints with `dmdax file add "
        "PATH --extents -`");
  }
  return ErrnoError(EINVAL, "no super block of ext2, ext3 or ext4");
}

// What libext2fs takes on trust: it makes room for all groups that the super
// block speaks of.  That is little-endian, as our processors are.
absl::Status ExtScanner::CheckSuperBlock() {
  ext2_super_block sb;
  static_assert(sizeof(sb) == SUPERBLOCK_SIZE);
  if (io_.size() < SUPERBLOCK_OFFSET + SUPERBLOCK_SIZE) return NoSuperBlock();
  const errcode_t error =
      io_.Read(SUPERBLOCK_OFFSET,
               absl::MakeSpan(reinterpret_cast<char*>(&sb), sizeof(sb)));
  if (error != 0) return io_.StatusOf(error);
  if (sb.s_magic != EXT2_SUPER_MAGIC) return NoSuperBlock();
  if (ext2fs_has_feature_journal_dev(&sb)) {
    return ErrnoError(EINVAL, "the journal of another file system");
  }
  if (sb.s_log_block_size > EXT2_MAX_BLOCK_LOG_SIZE - EXT2_MIN_BLOCK_LOG_SIZE) {
    return ErrnoError(
        EUCLEAN, absl::StrCat("blocks of 2^", sb.s_log_block_size, " KiB"));
  }
  const uint64_t room = io_.size() / EXT2_BLOCK_SIZE(&sb);
  if (ext2fs_blocks_count(&sb) > room) {
    return ErrnoError(
        EINVAL, absl::StrCat("a file system of ", ext2fs_blocks_count(&sb),
                             " blocks, where ", room, " are"));
  }
  if (ext2fs_has_feature_journal_needs_recovery(&sb)) {
    return ErrnoError(EUCLEAN,
                      "the journal has to be replayed first: `e2fsck -fy` in "
                      "`dmdax run` does");
  }
  return absl::OkStatus();
}

absl::Status ExtScanner::Open() {
  ext2_filsys fs = nullptr;
  const errcode_t error = io_.Open(device_, &fs);
  if (error != 0) return io_.StatusOf(error);
  fs_.reset(fs);
  extents_ = std::make_unique<ExtExtents>(io_, fs);
  ReadRequest();
  return absl::OkStatus();
}

void ExtScanner::ReadRequest() {
  const ext2_super_block& sb = *fs_->super;
  MountRequest& request = found_.request;
  request.has_journal = ext2fs_has_feature_journal(fs_->super) != 0;
  const bool ext2 = !request.has_journal &&
                    (sb.s_feature_incompat & ~kExt2Incompat) == 0 &&
                    (sb.s_feature_ro_compat & ~kExt2RoCompat) == 0;
  request.type = ext2 ? "ext2" : "ext4";
  request.block_size = fs_->blocksize;
  request.inline_data = ext2fs_has_feature_inline_data(fs_->super) != 0;
  request.project = ext2fs_has_feature_project(fs_->super) != 0;
  // tune2fs -o journal_data, -E mount_opts=.
  if (request.has_journal &&
      (sb.s_default_mount_opts & EXT3_DEFM_JMODE) == EXT3_DEFM_JMODE_DATA) {
    request.options = "data=journal";
  }
  const auto* words = reinterpret_cast<const char*>(sb.s_mount_opts);
  const size_t length = strnlen(words, sizeof(sb.s_mount_opts));
  if (length > 0) {
    absl::StrAppend(&request.options, request.options.empty() ? "" : ",",
                    absl::string_view(words, length));
  }
}

absl::Status ExtScanner::Walk() {
  seen_.insert(EXT2_ROOT_INO);
  directories_.push_back({"", EXT2_ROOT_INO});
  for (; !directories_.empty(); directories_.pop_front()) {
    const Directory& directory = directories_.front();
    ext2_inode inode;
    absl::Status s =
        io_.StatusOf(ext2fs_read_inode(fs_.get(), directory.ino, &inode));
    if (s.ok() && (inode.i_flags & EXT4_ENCRYPT_FL) != 0) {
      found_.encrypted.push_back(directory.path);
      continue;
    }
    if (s.ok()) s = ReadDirectory(directory, inode);
    if (!s.ok()) {
      return ErrnoError(ErrnoOf(s),
                        absl::StrCat(InodeText(directory.ino, directory.path),
                                     ": ", s.message()));
    }
    // A hash has ordered them, with a secret of the file system's.
    std::sort(entries_.begin(), entries_.end(),
              [](const Entry& a, const Entry& b) { return a.name < b.name; });
    for (const Entry& entry : entries_) {
      const std::string path = PathOf(directory.path, entry.name);
      if (s = Visit(path, entry.ino); !s.ok()) {
        return ErrnoError(ErrnoOf(s), absl::StrCat(InodeText(entry.ino, path),
                                                   ": ", s.message()));
      }
    }
  }
  return absl::OkStatus();
}

absl::Status ExtScanner::ReadDirectory(const Directory& directory,
                                       ext2_inode& inode) {
  entries_.clear();
  status_ = absl::OkStatus();
  if ((inode.i_flags & EXT4_INLINE_DATA_FL) == 0) {
    // libext2fs goes through the same blocks, which have an end if these have.
    absl::Status s = extents_->Of(directory.ino, inode).status();
    if (!s.ok()) return s;
  }
  const errcode_t error =
      ext2fs_dir_iterate2(fs_.get(), directory.ino, /*flags=*/0,
                          /*block_buf=*/nullptr, OnEntry, this);
  return status_.ok() ? io_.StatusOf(error) : status_;
}

int ExtScanner::OnEntry(ext2_ino_t, int, ext2_dir_entry* dirent, int, int,
                        char*, void* data) {
  auto* self = static_cast<ExtScanner*>(data);
  const absl::string_view name(
      dirent->name, static_cast<size_t>(ext2fs_dirent_name_len(dirent)));
  if (name == "." || name == "..") return 0;
  self->status_ = CheckName(name);
  if (self->status_.ok() && ++self->names_ > kMostNames) {
    self->status_ =
        ErrnoError(E2BIG, absl::StrCat("more than ", kMostNames,
                                       " names in all; no more are read"));
  }
  if (!self->status_.ok()) return DIRENT_ABORT;
  self->entries_.push_back({std::string(name), dirent->inode});
  return 0;
}

absl::Status ExtScanner::Visit(const std::string& path, ext2_ino_t ino) {
  ext2_inode inode;
  const errcode_t error = ext2fs_read_inode(fs_.get(), ino, &inode);
  if (error != 0) return io_.StatusOf(error);
  if (inode.i_links_count == 0) {
    return ErrnoError(EUCLEAN, "the inode is free");
  }
  const bool directory = LINUX_S_ISDIR(inode.i_mode);
  if (!directory && !LINUX_S_ISREG(inode.i_mode)) return absl::OkStatus();
  const bool first = seen_.insert(ino).second;
  if (!directory) {
    return first ? AddFile(path, ino, inode) : absl::OkStatus();
  }
  if (!first) return ErrnoError(EUCLEAN, "a directory in two places");
  if (path.size() >= PATH_MAX) {
    return ErrnoError(ENAMETOOLONG,
                      absl::StrCat("a path of ", path.size(),
                                   " bytes; at most ", PATH_MAX - 1));
  }
  directories_.push_back({path, ino});
  return absl::OkStatus();
}

// fs/ext4/inode.c:__ext4_iget(); and what is in an inode ends with it.
absl::Status ExtScanner::CheckSize(const ext2_inode& inode,
                                   bool inline_data) const {
  const uint64_t size = EXT2_I_SIZE(&inode);
  if (size > INT64_MAX) {
    return ErrnoError(EUCLEAN, absl::StrCat("a size of ", size,
                                            " bytes; at most ", INT64_MAX));
  }
  if (!inline_data) return absl::OkStatus();
  if (!found_.request.inline_data) {
    return ErrnoError(EUCLEAN,
                      "data in an inode, in a file system without inline_data");
  }
  if (size > EXT2_INODE_SIZE(fs_->super)) {
    return ErrnoError(EUCLEAN,
                      absl::StrCat(size, " bytes of data in an inode of ",
                                   EXT2_INODE_SIZE(fs_->super)));
  }
  return absl::OkStatus();
}

absl::Status ExtScanner::AddFile(const std::string& path, ext2_ino_t ino,
                                 const ext2_inode& inode) {
  const bool inline_data = (inode.i_flags & EXT4_INLINE_DATA_FL) != 0;
  if (absl::Status s = CheckSize(inode, inline_data); !s.ok()) return s;
  FileOptions file{
      .name = path,
      .size = EXT2_I_SIZE(&inode),
      .dax = (inode.i_flags & FS_DAX_FL) != 0,
      .never_dax = (inode.i_flags & kNeverDax) != 0,
      .immutable = (inode.i_flags & EXT2_IMMUTABLE_FL) != 0,
      .append_only = (inode.i_flags & EXT2_APPEND_FL) != 0,
      .indirect_blocks = !inline_data && (inode.i_flags & EXT4_EXTENTS_FL) == 0,
      .synced = true};
  if (!inline_data) {
    absl::StatusOr<std::vector<FileExtent>> extents = extents_->Of(ino, inode);
    if (!extents.ok()) return extents.status();
    // Nobody can map a part of an empty file.
    if (file.size > 0) file.extents = *std::move(extents);
  } else if (file.size > 0) {
    file.extents.push_back({.length = file.size, .type = IOMAP_INLINE});
  }
  found_.files.push_back({ino, std::move(file)});
  return absl::OkStatus();
}

absl::Status ExtScanner::FindUsed() {
  if (const errcode_t error = ext2fs_read_block_bitmap(fs_.get()); error != 0) {
    return io_.StatusOf(error);
  }
  UsedBlocks of_files;
  for (const ScannedFile& file : found_.files) {
    for (const FileExtent& e : file.options.extents) {
      if (e.type == IOMAP_INLINE) continue;
      of_files.Add(BlockSharing::kOwned, e.physical, e.length);
    }
  }
  const uint64_t block = fs_->blocksize;
  const blk64_t end = ext2fs_blocks_count(fs_->super);
  blk64_t at = fs_->super->s_first_data_block;
  absl::Status s = Use(0, at * block, of_files);
  while (s.ok() && at < end) {
    blk64_t first = end;
    errcode_t error = ext2fs_find_first_set_block_bitmap2(fs_->block_map, at,
                                                          end - 1, &first);
    if (error == ENOENT) break;
    at = end;
    if (error == 0) {
      error = ext2fs_find_first_zero_block_bitmap2(fs_->block_map, first,
                                                   end - 1, &at);
    }
    if (error != 0 && error != ENOENT) return io_.StatusOf(error);
    s = Use(first * block, at * block, of_files);
  }
  // What lies behind the file system is not its own.
  if (s.ok()) s = Use(end * block, io_.size() / block * block, of_files);
  return s;
}

absl::Status ExtScanner::Use(uint64_t start, uint64_t end,
                             const UsedBlocks& of_files) {
  while (start < end) {
    const uint64_t free = of_files.EndOfUsed(start);
    const uint64_t stop = std::min(end, of_files.NextUsed(free));
    start = stop;
    if (free >= stop) continue;
    if (absl::Status s = extents_->CountExtent(); !s.ok()) return s;
    found_.used.push_back({free, stop - free});
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ScannedFileSystem> ScanExt(absl::string_view device,
                                          uint64_t size, ReadBytes read) {
  return ExtScanner(device, size, read).Scan();
}

std::string InodeText(uint32_t inode, absl::string_view name) {
  return absl::StrCat("inode ", inode, ", /", name);
}

}  // namespace dmdax
