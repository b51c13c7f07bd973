// SPDX-License-Identifier: Apache-2.0
#include "tools/replay/access_log.h"

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/types/span.h"
#include "base/errno_status.h"
#include "base/units.h"

namespace dmdax {
namespace {

constexpr uint64_t kPmd = 2 << 20;

// perf prints 0 and not 0x0.
bool Hex(absl::string_view text, uint64_t* value) {
  absl::ConsumePrefix(&text, "0x");
  return absl::SimpleHexAtoi(text, value);
}

}  // namespace

// What is looked at of "dax_pmd_fault_done: dev 254:0 ino 0xc shared WRITE|...
// address 0x... vm_start ... vm_end ... pgoff 0x0 max_pgoff 0x1000 FALLBACK".
struct AccessLog::Event {
  absl::string_view name, rest;
  std::string file;
  bool shared = false, write = false, vma_lock = false;
  uint64_t address = 0, vm_start = 0, vm_end = 0, pgoff = 0, max_pgoff = 0;
  absl::string_view result;  // "NOPAGE", "MAJOR|NOPAGE"

  bool Is(absl::string_view bit) const {
    for (absl::string_view part : absl::StrSplit(result, '|')) {
      if (part == bit) return true;
    }
    return false;
  }

  bool IsDone() const {
    return name == "dax_pmd_fault_done" || name == "dax_pte_fault_done";
  }
  bool IsHole() const {
    return name == "dax_pmd_load_hole" || name == "dax_pmd_load_hole_fallback";
  }

  // Nothing: the line has none of the events that are looked at.
  static std::optional<Event> Named(absl::string_view line) {
    for (size_t at = line.find("dax_p"); at != absl::string_view::npos;
         at = line.find("dax_p", at + 1)) {
      Event event;
      event.rest = line.substr(at);
      event.name = event.rest.substr(0, event.rest.find_first_of(": "));
      event.rest.remove_prefix(event.name.size());
      if (event.IsDone() || event.IsHole()) return event;
    }
    return std::nullopt;
  }

  // False: it is cut, or a number is none.
  bool Parse() {
    const std::vector<absl::string_view> words =
        absl::StrSplit(rest, ' ', absl::SkipEmpty());
    // : dev D ino I shared|private FLAGS, or without the flags.
    if (words.size() < 8 || words[0] != ":" || words[1] != "dev" ||
        words[3] != "ino") {
      return false;
    }
    return ParseWords(absl::MakeSpan(words).subspan(1));
  }

  bool ParseWords(absl::Span<const absl::string_view> words) {
    Event& event = *this;
    event.file = absl::StrCat(words[1], " ", words[3]);
    event.shared = words[4] == "shared";
    for (absl::string_view flag : absl::StrSplit(words[5], '|')) {
      event.write |= flag == "WRITE";
      event.vma_lock |= flag == "VMA_LOCK";
    }
    struct Number {
      absl::string_view key;
      uint64_t* value;
      bool needed;
      bool seen = false;
    };
    const bool pmd = event.name == "dax_pmd_fault_done";
    Number numbers[] = {{"address", &event.address, true},
                        {"vm_start", &event.vm_start, pmd},
                        {"vm_end", &event.vm_end, pmd},
                        {"pgoff", &event.pgoff, event.IsDone()},
                        {"max_pgoff", &event.max_pgoff, pmd}};
    size_t i = 5;
    for (; i + 1 < words.size(); ++i) {
      for (Number& number : numbers) {
        if (words[i] != number.key) continue;
        if (!Hex(words[++i], number.value)) return false;
        number.seen = true;
        break;
      }
    }
    for (const Number& number : numbers) {
      if (number.needed && !number.seen) return false;
    }
    if (i < words.size()) event.result = words.back();
    if (!event.IsDone()) return true;
    // The offset in bytes must be a number too.
    return !event.result.empty() && event.pgoff <= UINT64_MAX / kPageSize;
  }

  Key KeyOf() const { return {address, pgoff * kPageSize, file}; }

  LoggedAccess Access() const {
    return {.file = file, .offset = pgoff * kPageSize, .write = write};
  }

  // In the order in which the kernel checks.
  FaultReasonCode WhyFallback() const {
    const uint64_t colour = kPmd / kPageSize - 1;
    const uint64_t begin = address / kPmd * kPmd;
    if ((pgoff & colour) != ((address / kPageSize) & colour)) {
      return FaultReasonCode::kVmaColour;
    }
    if (write && !shared) return FaultReasonCode::kPrivateWrite;
    if (begin < vm_start) return FaultReasonCode::kVmaStart;
    if (begin + kPmd > vm_end) return FaultReasonCode::kVmaEnd;
    if ((pgoff | colour) >= max_pgoff) return FaultReasonCode::kEofInside;
    return FaultReasonCode::kNone;
  }
};

absl::Status AccessLog::Line(absl::string_view line, AddFn add) {
  ++lines_;
  line = absl::StripTrailingAsciiWhitespace(line);
  if (kind_ == kUnknownYet) return First(line, add);
  if (is_fio()) return FioLine(line, add);
  TraceLine(line, add);
  return absl::OkStatus();
}

absl::Status AccessLog::Finish(AddFn add) {
  for (const Waiting& w : waiting_) add(w.access);
  waiting_.clear();
  by_key_.clear();
  if (is_fio() || is_trace_) return absl::OkStatus();
  if (lines_ == 0) return ErrnoError(EINVAL, "it is empty");
  return ErrnoError(
      EINVAL,
      absl::StrCat("none of its ", lines_, lines_ == 1 ? " line" : " lines",
                   " is of a trace (events of fs_dax:*, as ftrace or "
                   "perf script print them) or of fio's I/O log"));
}

absl::Status AccessLog::First(absl::string_view line, AddFn add) {
  absl::string_view version = line;
  if (!absl::ConsumePrefix(&version, "fio version ")) {
    kind_ = kTrace;
    TraceLine(line, add);
    return absl::OkStatus();
  }
  kind_ = version == "2 iolog" ? kFio2 : kFio3;
  if (version != "2 iolog" && version != "3 iolog") {
    return ErrnoError(EINVAL, absl::StrCat("line 1: '", line.substr(0, 80),
                                           "': versions 2 and 3 are read"));
  }
  return absl::OkStatus();
}

absl::Status AccessLog::FioLine(absl::string_view line, AddFn add) {
  if (line.empty()) return absl::OkStatus();
  const auto bad = [&](absl::string_view why) {
    return ErrnoError(EINVAL, absl::StrCat("line ", lines_, ": '",
                                           line.substr(0, 80), "': ", why));
  };
  absl::string_view rest = line;
  if (kind_ == kFio3) {
    const size_t blank = rest.find(' ');
    uint64_t when;
    if (blank == absl::string_view::npos ||
        !absl::SimpleAtoi(rest.substr(0, blank), &when)) {
      return bad("it does not begin with a time");
    }
    rest.remove_prefix(blank + 1);
  }
  // The name may have blanks.
  const std::vector<absl::string_view> words = absl::StrSplit(rest, ' ');
  const auto is_file_action = [](absl::string_view word) {
    return word == "add" || word == "open" || word == "close";
  };
  if (words.size() >= 2 && is_file_action(words.back())) {
    return absl::OkStatus();
  }
  LoggedAccess access;
  if (words.size() < 4 ||
      !absl::SimpleAtoi(words[words.size() - 2], &access.offset) ||
      !absl::SimpleAtoi(words.back(), &access.length)) {
    return bad("it is not NAME ACTION OFFSET LENGTH");
  }
  const absl::string_view action = words[words.size() - 3];
  if (action != "read" && action != "write") {
    static constexpr absl::string_view kOthers[] = {"wait", "sync", "datasync",
                                                    "trim"};
    if (std::count(std::begin(kOthers), std::end(kOthers), action) != 0) {
      return absl::OkStatus();
    }
    return bad(absl::StrCat("there is no action '", action.substr(0, 40), "'"));
  }
  if (access.length == 0) return absl::OkStatus();
  if (access.offset > UINT64_MAX - access.length) {
    return bad("offset and length are beyond 2^64");
  }
  access.write = action == "write";
  access.file = std::string(
      rest.substr(0, static_cast<size_t>(action.data() - rest.data()) - 1));
  add(access);
  return absl::OkStatus();
}

void AccessLog::TraceLine(absl::string_view line, AddFn add) {
  if (const size_t lost = line.find("[LOST ");
      lost != absl::string_view::npos) {
    is_trace_ = true;
    uint64_t events = 0;
    const std::vector<absl::string_view> words =
        absl::StrSplit(line.substr(lost), ' ');
    if (words.size() > 1 && absl::SimpleAtoi(words[1], &events)) {
      lost_ = CheckedAdd(lost_, events).value_or(UINT64_MAX);
    }
    return;
  }
  // An ftrace without any event has its head all the same.
  is_trace_ |= absl::StartsWith(line, "# tracer:");
  std::optional<Event> event = Event::Named(line);
  if (!event) return;
  is_trace_ = true;
  if (!event->Parse()) {
    ++unread_;
    return;
  }
  if (event->name == "dax_pmd_fault_done") {
    PmdDone(*event, add);
  } else if (event->name == "dax_pte_fault_done") {
    PteDone(*event, add);
  } else {
    zero_seen_ = event->name == "dax_pmd_load_hole";
    zero_failed_ = !zero_seen_;
    zero_address_ = event->address / kPmd;
  }
}

AccessLog::Queue::iterator AccessLog::FindWaiting(const Key& key) {
  const auto found = by_key_.find(key);
  return found == by_key_.end() ? waiting_.end() : found->second.front();
}

void AccessLog::Wait(Waiting waiting, AddFn add) {
  waiting_.push_back(std::move(waiting));
  by_key_[waiting_.back().key].push_back(std::prev(waiting_.end()));
  if (waiting_.size() > kMaxWaiting) add(Take(waiting_.begin()));
}

LoggedAccess AccessLog::Take(Queue::iterator waiting) {
  // Of one key the first is taken, always.
  const auto found = by_key_.find(waiting->key);
  found->second.pop_front();
  if (found->second.empty()) by_key_.erase(found);
  LoggedAccess access = std::move(waiting->access);
  waiting_.erase(waiting);
  return access;
}

void AccessLog::PmdDone(const Event& event, AddFn add) {
  if (event.Is("RETRY")) return;  // it comes again
  const auto before = FindWaiting(event.KeyOf());
  if (before != waiting_.end() && before->vma_lock) {
    Take(before);
  } else {
    ++faults_;
  }
  LoggedAccess access = event.Access();
  const bool hole = zero_address_ == event.address / kPmd;
  if (event.Is("FALLBACK")) {
    access.got = LoggedAccess::kSmall;
    access.why = event.WhyFallback();
    if (hole && zero_failed_) access.why = FaultReasonCode::kNoHugeZeroPage;
    // The event of the small page says what it got.
    return Wait({event.KeyOf(), event.vma_lock, std::move(access)}, add);
  }
  if (event.Is("SIGBUS") || event.Is("OOM")) {
    access.got = LoggedAccess::kSignal;
    if (event.pgoff >= event.max_pgoff) {
      access.why = FaultReasonCode::kBeyondEof;
    }
  } else {
    access.got =
        hole && zero_seen_ ? LoggedAccess::kHugeZero : LoggedAccess::kHuge;
    zero_seen_ = false;
  }
  add(access);
}

void AccessLog::PteDone(const Event& event, AddFn add) {
  if (event.Is("RETRY")) return;
  LoggedAccess access = event.Access();
  const auto fell_back = FindWaiting(event.KeyOf());
  if (fell_back != waiting_.end()) {
    access = Take(fell_back);
  } else {
    ++faults_;
    access.not_tried = true;
  }
  access.got = event.Is("SIGBUS") || event.Is("OOM") ? LoggedAccess::kSignal
                                                     : LoggedAccess::kSmall;
  add(access);
}

}  // namespace dmdax
