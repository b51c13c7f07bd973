// SPDX-License-Identifier: Apache-2.0
//
// The commands that bring words.  Mirrors message_for_md, target_message and
// dev_set_geometry of drivers/md/dm-ioctl.c (6.1).
#include <cerrno>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "base/kstrtox.h"
#include "dm/dm_ioctl.h"
#include "dm/dm_split_args.h"

namespace dmdax {
namespace {

// sscanf("%lu %lu %lu %lu%c") == 4: white space in front of each number, and
// nothing behind the last.
bool ScanFour(absl::string_view text, SscanfOverflow overflow,
              uint64_t (&numbers)[4]) {
  for (uint64_t& number : numbers) {
    while (!text.empty() && KernelIsSpace(text.front())) text.remove_prefix(1);
    size_t digits = 0;
    while (digits < text.size() && absl::ascii_isdigit(text[digits])) ++digits;
    const absl::StatusOr<uint64_t> scanned =
        SscanfU64(text.substr(0, digits), overflow);
    if (!scanned.ok()) return false;
    number = *scanned;
    text.remove_prefix(digits);
  }
  return text.empty();
}

}  // namespace

absl::Status DmCtl::MessageForTarget(HashCell& cell, sector_t sector,
                                     absl::Span<const std::string> argv,
                                     std::string* reply) {
  DmTable* table = cell.md->live_table();
  if (table == nullptr) return Fail(EINVAL, "The device has no table.");
  const DmTarget* found = table->FindTarget(sector);
  if (found == nullptr) {
    return Fail(EINVAL, "Target message sector outside device.");
  }
  if (found->type->message == nullptr) {
    return Fail(EINVAL, "Target type does not support messages");
  }
  // A message may change the target: it runs under our lock.
  DmTarget& ti = table->mutable_targets()[static_cast<size_t>(
      found - table->targets().data())];
  const uint32_t event_nr = cell.md->event_nr();
  absl::StatusOr<std::string> answer = ti.type->message(ti, argv);
  DeviceEvents(*cell.md, event_nr);
  if (!answer.ok()) return answer.status();
  *reply = *std::move(answer);
  return absl::OkStatus();
}

absl::Status DmCtl::StatsMessage(MappedDevice& md,
                                 absl::Span<const std::string> argv,
                                 std::string* reply) {
  absl::StatusOr<std::string> answer =
      md.stats().Message(argv, md.disk().nr_sectors(), machine_.profile());
  if (answer.ok()) {
    *reply = *std::move(answer);
    return absl::OkStatus();
  }
  if (ErrnoOf(answer.status()) == EINVAL) {
    DmLog(machine_, KernLevel::kCrit, "stats",
          absl::StrCat("Invalid parameters for message ", argv[0]));
  }
  return answer.status();
}

std::string UntouchedReply(sector_t sector, absl::string_view message) {
  // The struct is the sector, little-endian, and then the text; whoever reads
  // it as a string stops at the first NUL.
  std::string bytes;
  for (int shift = 0; shift < 64; shift += 8) {
    bytes.push_back(static_cast<char>(sector.value() >> shift));
  }
  bytes.append(message.data(), message.size());
  return bytes.c_str();
}

absl::Status DmCtl::TargetMsg(DmIoctl& param, sector_t sector,
                              absl::string_view message, std::string* reply) {
  absl::MutexLock lock(&mu_);
  Elapse();
  // It may move what lies somewhere.
  machine_.BumpIoGeneration();
  absl::StatusOr<HashCell*> cell = CellToChange(param);
  if (!cell.ok()) return cell.status();
  const absl::StatusOr<std::vector<std::string>> split = DmSplitArgs(message);
  if (!split.ok()) {
    return Fail(ENOMEM, "Failed to split target message parameters");
  }
  const std::vector<std::string>& argv = *split;
  if (argv.empty()) return Fail(EINVAL, "Empty message received.");
  absl::Status s;
  if (argv[0].empty() || argv[0][0] != '@') {
    param.copied_back = (*cell)->md->live_table() != nullptr ||
                        !machine_.profile().dm_message_passes_without_table;
    if (!param.copied_back) return absl::OkStatus();
    s = MessageForTarget(**cell, sector, argv, reply);
  } else if (absl::EqualsIgnoreCase(argv[0], "@cancel_deferred_remove")) {
    if (argv.size() != 1) {
      return Fail(EINVAL, "Invalid arguments for @cancel_deferred_remove");
    }
    s = (*cell)->md->CancelDeferredRemove();
    NoteDeferred(*(*cell)->md);
  } else if (DmStats::Knows(argv[0])) {
    s = StatsMessage(*(*cell)->md, argv, reply);
  } else {
    return Fail(EINVAL,
                absl::StrCat("Unsupported message sent to DM core: ", argv[0]));
  }
  if (!s.ok()) return s;
  Answer(**cell, param);
  if (!reply->empty() || DmStats::HasReply(argv[0])) {
    param.flags |= DM_DATA_OUT_FLAG;
  }
  return absl::OkStatus();
}

absl::Status DmCtl::DevSetGeometry(DmIoctl& param, absl::string_view geometry) {
  absl::MutexLock lock(&mu_);
  absl::StatusOr<HashCell*> cell = CellToChange(param);
  if (!cell.ok()) return cell.status();
  uint64_t numbers[4];
  if (!ScanFour(geometry, machine_.profile().sscanf_overflow, numbers)) {
    return Fail(EINVAL, "Unable to interpret geometry settings.");
  }
  const HdGeometry g{numbers[0], numbers[1], numbers[2], numbers[3]};
  if (g.cylinders > 65535 || g.heads > 255 || g.sectors > 255) {
    return Fail(EINVAL, "Geometry exceeds range limits.");
  }
  return (*cell)->md->SetGeometry(g);
}

}  // namespace dmdax
