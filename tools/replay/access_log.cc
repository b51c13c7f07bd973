// SPDX-License-Identifier: Apache-2.0
#include "tools/replay/access_log.h"

#include <algorithm>
#include <cerrno>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
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
  absl::string_view name;
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

  // Nothing: the line has none of these events, or is cut.
  static std::optional<Event> Parse(absl::string_view line) {
    const size_t at = line.find("dax_p");
    if (at == absl::string_view::npos) return std::nullopt;
    Event event;
    const absl::string_view rest = line.substr(at);
    const size_t colon = rest.find(": dev ");
    if (colon == absl::string_view::npos) return std::nullopt;
    event.name = rest.substr(0, colon);
    const std::vector<absl::string_view> words =
        absl::StrSplit(rest.substr(colon + 2), ' ', absl::SkipEmpty());
    // dev D ino I shared|private FLAGS, or without the flags.
    if (words.size() < 7 || words[2] != "ino") return std::nullopt;
    event.file = absl::StrCat(words[1], " ", words[3]);
    event.shared = words[4] == "shared";
    for (absl::string_view flag : absl::StrSplit(words[5], '|')) {
      event.write |= flag == "WRITE";
      event.vma_lock |= flag == "VMA_LOCK";
    }
    const std::pair<absl::string_view, uint64_t*> numbers[] = {
        {"address", &event.address},
        {"vm_start", &event.vm_start},
        {"vm_end", &event.vm_end},
        {"pgoff", &event.pgoff},
        {"max_pgoff", &event.max_pgoff}};
    size_t i = 5;
    for (; i + 1 < words.size(); ++i) {
      for (const auto& [key, value] : numbers) {
        if (words[i] != key) continue;
        if (!Hex(words[++i], value)) return std::nullopt;
        break;
      }
    }
    if (i < words.size()) event.result = words.back();
    return event;
  }

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
      lost_ += events;
    }
    return;
  }
  // An ftrace without any event has its head all the same.
  is_trace_ |= absl::StartsWith(line, "# tracer:");
  const std::optional<Event> event = Event::Parse(line);
  if (!event) return;
  is_trace_ = true;
  if (event->name == "dax_pmd_fault_done") {
    PmdDone(*event, add);
  } else if (event->name == "dax_pte_fault_done") {
    PteDone(*event, add);
  } else if (event->name == "dax_pmd_load_hole" ||
             event->name == "dax_pmd_load_hole_fallback") {
    zero_seen_ = event->name == "dax_pmd_load_hole";
    zero_failed_ = !zero_seen_;
    zero_address_ = event->address / kPmd;
  }
}

std::deque<AccessLog::Waiting>::iterator AccessLog::FindWaiting(
    const Event& event) {
  return std::find_if(waiting_.begin(), waiting_.end(), [&](const Waiting& w) {
    return w.address == event.address &&
           w.access.offset == event.pgoff * kPageSize &&
           w.access.file == event.file;
  });
}

void AccessLog::PmdDone(const Event& event, AddFn add) {
  if (event.Is("RETRY")) return;  // it comes again
  const auto before = FindWaiting(event);
  if (before != waiting_.end() && before->vma_lock) {
    waiting_.erase(before);
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
    waiting_.push_back({event.address, event.vma_lock, std::move(access)});
    if (waiting_.size() > kMaxWaiting) {
      add(waiting_.front().access);
      waiting_.pop_front();
    }
    return;
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
  const auto fell_back = FindWaiting(event);
  if (fell_back != waiting_.end()) {
    access = std::move(fell_back->access);
    waiting_.erase(fell_back);
  } else {
    ++faults_;
    access.not_tried = true;
  }
  access.got = event.Is("SIGBUS") || event.Is("OOM") ? LoggedAccess::kSignal
                                                     : LoggedAccess::kSmall;
  add(access);
}

}  // namespace dmdax
