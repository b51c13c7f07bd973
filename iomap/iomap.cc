// SPDX-License-Identifier: Apache-2.0
#include "iomap/iomap.h"

#include <cerrno>

#include "absl/strings/ascii.h"
#include "iomap/dax_inode.h"

namespace dmdax {
namespace {

void Record(FaultRecorder* recorder, FaultEventKind kind, const DaxInode& inode,
            const Iomap& iomap) {
  FaultEvent& event = recorder->Add(kind);
  event.dev = inode.s_dev;
  event.ino = inode.i_ino;
  event.bdev = iomap.bdev;
  event.addr = iomap.addr;
  event.offset = iomap.offset;
  event.length = iomap.length;
  event.iomap_type = iomap.type;
  event.iomap_flags = iomap.flags;
}

// iomap_iter_advance(): 1 when there is more to do.
int Advance(IomapIter& iter) {
  if (iter.processed < 0) return static_cast<int>(iter.processed);
  if (iter.processed == 0) return iter.stale ? 1 : 0;
  iter.pos += iter.processed;
  iter.len -= iter.processed;
  return iter.len > 0 ? 1 : 0;
}

}  // namespace

int IomapIterNext(IomapIter& iter, IomapOps& ops, FaultRecorder* recorder) {
  FaultScope scope(recorder, FaultFunction::kIomapIter);
  // Nobody is asked for the names when none listens.
  const bool listens = recorder != nullptr;
  const auto none = FaultFunction::kNone;
  if (iter.started) {
    FaultScope end(recorder, listens ? ops.EndFunction(iter.flags) : none);
    const int64_t written = iter.processed > 0 ? iter.processed : 0;
    const int ret = ops.End(*iter.inode, iter.pos, iter.length(), written,
                            iter.flags, iter.iomap);
    // An error of ->iomap_end counts only if the round did nothing.
    if (ret < 0 && iter.processed == 0) return ret;
    const int more = Advance(iter);
    if (more <= 0) return more;
    iter.processed = 0;
    iter.stale = false;
    iter.iomap = Iomap{};
    iter.srcmap = Iomap{};
  }
  iter.started = true;
  int ret = 0;
  {
    FaultScope begin(recorder, listens ? ops.BeginFunction(iter.flags) : none);
    ret = ops.Begin(*iter.inode, iter.pos, iter.len, iter.flags, &iter.iomap,
                    &iter.srcmap);
  }
  if (ret < 0) return ret;
  if (listens && iter.inode->profile->trace_iomap_iter) {
    Record(recorder, FaultEventKind::kIomapIterDstmap, *iter.inode, iter.iomap);
    if (iter.srcmap.type != IOMAP_HOLE) {
      Record(recorder, FaultEventKind::kIomapIterSrcmap, *iter.inode,
             iter.srcmap);
    }
  }
  return 1;
}

std::string IomapTypeName(uint16_t type) {
  return absl::AsciiStrToLower(IomapTypeText(type));
}

}  // namespace dmdax
