// SPDX-License-Identifier: Apache-2.0
//
// BufferedIo: what read(2), write(2) and fsync(2) of a descriptor without
// O_DIRECT do: those that go through the page cache of a block device.
//
// Here is no cache: what is written has gone down the stack when Write()
// returns.  But it goes as the kernel writes it back, a bio for each block of
// the device's own size (BlockDevice::soft_block_size()), and what became of it
// is known when the kernel would know: each block that was refused is logged
// ("lost async page write"), and the error told, at the next fsync of whoever
// has the device open, or at the next close, which then leaves the error to
// whoever calls fsync later.  A block that is written in part is read first.
//
// Reads fetch whole pages: the bytes of a page of which any block is bad can
// not be read, and each of its bad blocks is logged ("async page read").
//
// Both lines are limited to ten in five seconds.  Whatever a target or a disk
// says is EIO here, but for EOPNOTSUPP of what dmdax does not model, which is
// passed on and nothing said in the kernel's name.
//
// Mirrors: block_read_full_folio, __block_write_begin,
// __block_write_full_folio, buffer_io_error of fs/buffer.c; filemap_read,
// generic_perform_write of mm/filemap.c (4.14 to 7.3).
// Threading: thread-compatible; several of one device may be used at once.
#ifndef DMDAX_DM_IO_BUFFERED_IO_H_
#define DMDAX_DM_IO_BUFFERED_IO_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "block/block_device.h"
#include "block/machine.h"
#include "dm/bio/submit_bio.h"

namespace dmdax {

class BufferedIo {
 public:
  // `comm`: the program that has the device open, as the log names it.
  BufferedIo(Machine& machine, BlockDevice& bdev, const std::string& comm);

  // [offset, offset + size) lies on the device and is not empty.  How many of
  // the bytes: fewer if a page behind the first can not be read, or if a block
  // that is written in part can not.  EIO: none at all.
  absl::StatusOr<size_t> Read(uint64_t offset, absl::Span<char> bytes);
  absl::StatusOr<size_t> Write(uint64_t offset, absl::Span<const char> bytes);

  // file_write_and_wait_range(): logs what was lost.  EIO: something was, which
  // this descriptor is told now, and not again.
  absl::Status WriteBack();
  // sync_blockdev(), of a close: logs what was lost, and tells nobody.
  void LogLost();

 private:
  uint64_t Size() const { return bdev_.nr_sectors() << kSectorShift; }
  absl::Status ReadPages(uint64_t begin, uint64_t offset,
                         absl::Span<char> bytes);
  absl::Status ReadPage(uint64_t page, uint64_t offset, absl::Span<char> bytes);
  absl::Status WritePage(uint64_t offset, absl::Span<const char> bytes);
  absl::Status WriteBlocks(uint64_t first, absl::Span<const char> bytes);
  absl::Status Failed(const absl::Status& status) const;
  void SayLost(uint64_t block, absl::string_view what);

  Machine& machine_;
  BlockDevice& bdev_;
  BioSubmitter bios_;
  uint64_t since_;  // of Writeback
  // Of what is not modelled, until WriteBack() tells it.
  absl::Status unmodelled_;
};

}  // namespace dmdax

#endif  // DMDAX_DM_IO_BUFFERED_IO_H_
