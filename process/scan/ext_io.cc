// SPDX-License-Identifier: Apache-2.0
#include "process/scan/ext_io.h"

#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/errno_status.h"

namespace dmdax {
namespace {

// Which ExtIo is being opened: a manager is told no more than a name.
thread_local ExtIo* opening = nullptr;

errcode_t OpenChannel(const char*, int, io_channel* channel);

errcode_t CloseChannel(io_channel channel) {
  if (--channel->refcount == 0) delete channel;
  return 0;
}

errcode_t SetBlockSize(io_channel channel, int size) {
  channel->block_size = size;
  return 0;
}

// A negative count is one of bytes.
errcode_t ReadBlocks(io_channel channel, unsigned long long block, int count,
                     void* data) {
  const auto block_size = static_cast<uint64_t>(channel->block_size);
  uint64_t at = 0;
  if (__builtin_mul_overflow(block, block_size, &at)) {
    return EXT2_ET_SHORT_READ;
  }
  const uint64_t bytes = count < 0 ? static_cast<uint64_t>(-int64_t{count})
                                   : static_cast<uint64_t>(count) * block_size;
  return static_cast<ExtIo*>(channel->private_data)
      ->Read(at, absl::MakeSpan(static_cast<char*>(data), bytes));
}

errcode_t ReadBlocks32(io_channel channel, unsigned long block, int count,
                       void* data) {
  return ReadBlocks(channel, block, count, data);
}

errcode_t WriteBlocks(io_channel, unsigned long long, int, const void*) {
  return EROFS;
}

errcode_t WriteBlocks32(io_channel, unsigned long, int, const void*) {
  return EROFS;
}

errcode_t Flush(io_channel) { return 0; }

struct_io_manager MakeManager() {
  struct_io_manager manager = {};
  manager.magic = EXT2_ET_MAGIC_IO_MANAGER;
  manager.name = "dmdax";
  manager.open = OpenChannel;
  manager.close = CloseChannel;
  manager.set_blksize = SetBlockSize;
  manager.read_blk = ReadBlocks32;
  manager.write_blk = WriteBlocks32;
  manager.flush = Flush;
  manager.read_blk64 = ReadBlocks;
  manager.write_blk64 = WriteBlocks;
  return manager;
}

io_manager Manager() {
  static struct_io_manager manager = MakeManager();
  return &manager;
}

errcode_t OpenChannel(const char*, int, io_channel* channel) {
  *channel = new struct_io_channel();
  (*channel)->magic = EXT2_ET_MAGIC_IO_CHANNEL;
  (*channel)->manager = Manager();
  (*channel)->block_size = SUPERBLOCK_SIZE;
  (*channel)->refcount = 1;
  (*channel)->private_data = opening;
  return 0;
}

}  // namespace

errcode_t ExtIo::Read(uint64_t at, absl::Span<char> bytes) {
  if (at > size_ || bytes.size() > size_ - at) return EXT2_ET_SHORT_READ;
  absl::Status s = read_(at, bytes);
  if (s.ok()) return 0;
  if (read_error_.ok()) read_error_ = std::move(s);
  return EIO;
}

errcode_t ExtIo::Open(const std::string& name, ext2_filsys* fs) {
  initialize_ext2_error_table();
  opening = this;
  const errcode_t error = ext2fs_open2(name.c_str(), /*io_options=*/nullptr,
                                       EXT2_FLAG_64BITS, /*superblock=*/0,
                                       /*block_size=*/0, Manager(), fs);
  opening = nullptr;
  return error;
}

absl::Status ExtIo::StatusOf(errcode_t error) const {
  if (error == 0) return absl::OkStatus();
  if (!read_error_.ok()) return read_error_;
  return ErrnoError(
      error == EXT2_ET_UNSUPP_FEATURE || error == EXT2_ET_RO_UNSUPP_FEATURE
          ? EOPNOTSUPP
          : EUCLEAN,
      error_message(error));
}

}  // namespace dmdax
