// SPDX-License-Identifier: Apache-2.0
//
// multipath: its INFO and TABLE lines, and the state behind them as text.
// Mirrors multipath_status of drivers/md/dm-mpath.c (6.1).
#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "dm/targets/mpath/dm_mpath.h"

namespace dmdax {
namespace {

void FeatureWords(const Multipath& m, std::string* out) {
  const int count =
      (m.queue_if_no_path ? 1 : 0) + (m.pg_init_retries > 0 ? 2 : 0) +
      (m.has_pg_init_delay ? 2 : 0) + (m.retain_attached_hw_handler ? 1 : 0) +
      (m.bio_based || m.shows_mq ? 2 : 0);
  absl::StrAppend(out, count, " ");
  if (m.queue_if_no_path) absl::StrAppend(out, "queue_if_no_path ");
  if (m.pg_init_retries > 0) {
    absl::StrAppend(out, "pg_init_retries ", m.pg_init_retries, " ");
  }
  if (m.has_pg_init_delay) {
    absl::StrAppend(out, "pg_init_delay_msecs ", m.pg_init_delay_msecs, " ");
  }
  if (m.retain_attached_hw_handler) {
    absl::StrAppend(out, "retain_attached_hw_handler ");
  }
  if (m.bio_based) absl::StrAppend(out, "queue_mode bio ");
  if (m.shows_mq) absl::StrAppend(out, "queue_mode mq ");
}

absl::string_view GroupState(const PriorityGroup& pg, bool current) {
  return pg.bypassed ? "D" : current ? "A" : "E";
}

void GroupInfo(const PriorityGroup& pg, bool current, std::string* out) {
  absl::StrAppend(out, GroupState(pg, current), " 0 ", pg.paths.size(), " ",
                  pg.selector->info_args, " ");
  for (const PgPath& path : pg.paths) {
    absl::StrAppend(out, path.dev->name, path.is_active ? " A " : " F ",
                    path.fail_count, " ");
    if (pg.selector->info_args > 0) absl::StrAppend(out, "0 ");
    if (pg.selector->info_args > 1) {
      absl::StrAppend(out, path.relative_throughput, " ");
    }
  }
}

void GroupTable(const PriorityGroup& pg, std::string* out) {
  absl::StrAppend(out, pg.selector->name, " 0 ", pg.paths.size(), " ",
                  pg.selector->table_args, " ");
  for (const PgPath& path : pg.paths) {
    absl::StrAppend(out, path.dev->name, " ", path.repeat_count, " ");
    if (pg.selector->table_args > 1) {
      absl::StrAppend(out, path.relative_throughput, " ");
    }
  }
}

// The selectors have nothing to say here.
void MultipathIma(const DmTarget& ti, const Multipath& m, std::string* out)
    ABSL_EXCLUSIVE_LOCKS_REQUIRED(m.mu) {
  absl::StrAppend(out, DmTargetNameVersion(ti),
                  ",nr_priority_groups=", m.groups.size());
  for (size_t i = 0; i < m.groups.size(); ++i) {
    const PriorityGroup& pg = m.groups[i];
    absl::StrAppend(out, ",pg_state_", i, "=",
                    GroupState(pg, m.current_pg == i + 1));
    absl::StrAppend(out, ",nr_pgpaths_", i, "=", pg.paths.size(),
                    ",path_selector_name_", i, "=", pg.selector->name);
    for (size_t j = 0; j < pg.paths.size(); ++j) {
      const PgPath& path = pg.paths[j];
      const std::string number = absl::StrCat(i, "_", j, "=");
      absl::StrAppend(out, ",path_name_", number, path.dev->name);
      absl::StrAppend(out, ",is_active_", number, path.is_active ? "A" : "F",
                      ",fail_count_", number, path.fail_count);
      absl::StrAppend(out, ",path_selector_status_", number);
    }
  }
  out->push_back(';');
}

}  // namespace

void MultipathStatus(const DmTarget& ti, StatusType type,
                     uint32_t /*status_flags*/, std::string* out) {
  const Multipath& m = ti.Private<Multipath>();
  absl::MutexLock lock(&m.mu);
  if (type == STATUSTYPE_IMA) return MultipathIma(ti, m, out);
  const bool info = type == STATUSTYPE_INFO;
  if (info) {
    // I/O waits until a group has been chosen, at the first I/O.
    absl::StrAppend(out, "2 ", m.queue_io ? 1 : 0, " 0 ");
  } else {
    FeatureWords(m, out);
  }
  // No hardware handler; then the groups, and which is next.
  const bool has_next = m.next_pg > 0 && m.next_pg <= m.groups.size();
  const size_t first = m.groups.empty() ? 0 : 1;
  const size_t next = has_next           ? m.next_pg
                      : m.current_pg > 0 ? m.current_pg
                                         : first;
  absl::StrAppend(out, "0 ", m.groups.size(), " ", next, " ");
  for (size_t i = 0; i < m.groups.size(); ++i) {
    const PriorityGroup& pg = m.groups[i];
    info ? GroupInfo(pg, m.current_pg == i + 1, out) : GroupTable(pg, out);
  }
}

// "queue_if_no_path next_pg", the first 2 where a resume brings it back, then
// for each group "bypassed", then for each of its paths "is_active fail_count",
// then, if I/O has chosen, "current_pg" and the valid paths of each group in
// their order.
std::string MultipathSaveState(const DmTarget& ti) {
  const Multipath& m = ti.Private<Multipath>();
  absl::MutexLock lock(&m.mu);
  const int queues = m.queue_if_no_path ? 1 : m.saved_queue_if_no_path ? 2 : 0;
  std::string state = absl::StrCat(queues, " ", m.next_pg);
  for (const PriorityGroup& pg : m.groups) {
    absl::StrAppend(&state, " ", pg.bypassed ? 1 : 0);
    for (const PgPath& path : pg.paths) {
      absl::StrAppend(&state, " ", path.is_active ? 1 : 0, " ",
                      path.fail_count);
    }
  }
  if (m.queue_io) return state;
  absl::StrAppend(&state, " ", m.current_pg);
  for (const PriorityGroup& pg : m.groups) {
    for (const uint32_t path : pg.valid) absl::StrAppend(&state, " ", path);
  }
  return state;
}

std::vector<std::string> MultipathMessages(const DmTarget& ti) {
  // More failures that were mended again only count.
  constexpr uint32_t kMostTold = 16;
  const Multipath& m = ti.Private<Multipath>();
  absl::MutexLock lock(&m.mu);
  std::vector<std::string> messages;
  for (size_t i = 0; i < m.groups.size(); ++i) {
    for (const PgPath& path : m.groups[i].paths) {
      const uint32_t fails = std::min(path.fail_count, kMostTold);
      for (uint32_t fail = 0; fail < fails; ++fail) {
        messages.push_back(absl::StrCat("fail_path ", path.dev->name));
        if (fail + 1 < fails || path.is_active) {
          messages.push_back(absl::StrCat("reinstate_path ", path.dev->name));
        }
      }
    }
    if (m.groups[i].bypassed) {
      messages.push_back(absl::StrCat("disable_group ", i + 1));
    }
  }
  return messages;
}

namespace {

// The active paths, in the order of the table.
void SetValid(PriorityGroup* pg) {
  pg->valid.clear();
  for (uint32_t i = 0; i < pg->paths.size(); ++i) {
    if (pg->paths[i].is_active) pg->valid.push_back(i);
  }
}

// `order` has the numbers of the valid paths of each group, or nothing at all.
bool RestoreOrder(absl::Span<const uint32_t> order, Multipath& m)
    ABSL_EXCLUSIVE_LOCKS_REQUIRED(m.mu) {
  if (order.empty()) return true;
  for (PriorityGroup& pg : m.groups) {
    if (order.size() < pg.valid.size()) return false;
    const absl::Span<const uint32_t> own = order.first(pg.valid.size());
    if (!std::is_permutation(own.begin(), own.end(), pg.valid.begin())) {
      return false;
    }
    pg.valid.assign(own.begin(), own.end());
    order.remove_prefix(own.size());
  }
  return order.empty();
}

}  // namespace

bool MultipathRestoreState(DmTarget& ti, absl::string_view state) {
  Multipath& m = ti.Private<Multipath>();
  std::vector<uint32_t> numbers;
  for (absl::string_view word : absl::StrSplit(state, ' ')) {
    uint32_t number;
    if (!absl::SimpleAtoi(word, &number)) return false;
    numbers.push_back(number);
  }
  size_t expected = 2 + m.groups.size();
  for (const PriorityGroup& pg : m.groups) expected += 2 * pg.paths.size();
  if (numbers.size() < expected) return false;
  const bool chosen = numbers.size() > expected;
  if (chosen && numbers[expected] > m.groups.size()) return false;
  absl::MutexLock lock(&m.mu);
  auto next = numbers.begin();
  m.queue_if_no_path = *next == 1;
  m.saved_queue_if_no_path = *next++ == 2;
  m.next_pg = *next++;
  for (PriorityGroup& pg : m.groups) {
    pg.bypassed = *next++ != 0;
    for (PgPath& path : pg.paths) {
      path.is_active = *next++ != 0;
      path.fail_count = *next++;
    }
    SetValid(&pg);
  }
  m.queue_io = !chosen;
  m.current_pg = chosen ? *next++ : 0;
  return !chosen ||
         RestoreOrder(
             absl::MakeConstSpan(numbers).subspan(next - numbers.begin()), m);
}

}  // namespace dmdax
