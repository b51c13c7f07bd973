// SPDX-License-Identifier: Apache-2.0
//
// dmdax replay: the accesses of a trace or an I/O log, by the pages that they
// got and would get.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <iostream>
#include <istream>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <streambuf>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "base/errno_status.h"
#include "base/fd.h"
#include "base/one_line.h"
#include "base/read_input.h"
#include "base/usage_error.h"
#include "nlohmann/json.hpp"
#include "tools/app.h"
#include "tools/byte_count.h"
#include "tools/check/look.h"
#include "tools/check/subject.h"
#include "tools/check/too_deep.h"
#include "tools/fault_report.h"
#include "tools/reason_page.h"
#include "tools/replay/replay_table.h"

namespace dmdax {
namespace {

struct ReplayOptions {
  std::string log;
  std::vector<std::string> files;
};

// The files of the machine that a log's names stand for, each swept once.
class SweptFiles {
 public:
  // `session` is null when no machine is asked.
  SweptFiles(Session* session, const std::vector<std::string>& said)
      : session_(session) {
    for (const std::string& word : said) {
      const size_t equals = word.find('=');
      if (equals == word.npos) {
        default_ = word;
      } else {
        paths_[word.substr(0, equals)] = word.substr(equals + 1);
      }
    }
  }

  // UsageError: a name or a path that is none.
  absl::Status AllSaid() const {
    for (const auto& [name, path] : paths_) {
      if (!name.empty() && !path.empty()) continue;
      return UsageError(absl::StrCat(
          "--file ", name, "=", path,
          ": it is not NAME=PATH, as in --file '254:0 0xc=/mnt/f'"));
    }
    return absl::OkStatus();
  }

  // ENOENT: a name that was said stands for no access of the log.
  absl::Status AllFound() const {
    for (const auto& [name, path] : paths_) {
      if (found_.contains(name)) continue;
      std::vector<std::string> names;
      for (const auto& [there, file] : by_name_) {
        constexpr size_t kShown = 5;
        names.push_back(names.size() < kShown ? OneLine(there) : "...");
        if (names.size() > kShown) break;
      }
      return ErrnoError(
          ENOENT,
          absl::StrCat("--file ", OneLine(name), "=", OneLine(path),
                       ": no access is of '", OneLine(name), "'; they are of ",
                       names.empty() ? "nothing" : absl::StrJoin(names, ", ")));
    }
    return absl::OkStatus();
  }

  // Null: the machine is not asked, or the name stands for no file of it.
  absl::StatusOr<const SweptFile*> Find(const std::string& name) {
    if (session_ == nullptr) return nullptr;
    if (auto at = by_name_.find(name); at != by_name_.end()) return at->second;
    std::string path = default_;
    if (auto said = paths_.find(name); said != paths_.end()) {
      path = said->second;
      found_.insert(name);
    } else if (path.empty() && session_->user->FindFile(name).ok()) {
      path = name;
    }
    const SweptFile* file = nullptr;
    if (!path.empty()) {
      absl::StatusOr<const SweptFile*> swept = Sweep(path);
      if (!swept.ok()) return swept;
      file = *swept;
    }
    // Of a log with ever more files the rest is looked up each time.
    constexpr size_t kMaxNames = ReplayTable::kMaxRows;
    if (by_name_.size() < kMaxNames) by_name_.emplace(name, file);
    return file;
  }

 private:
  absl::StatusOr<const SweptFile*> Sweep(const std::string& path) {
    if (auto at = swept_.find(path); at != swept_.end()) return &at->second;
    absl::StatusOr<Subject> subject = OpenSubject(*session_, path);
    if (!subject.ok()) return subject.status();
    if (absl::Status depth = CheckStackDepth(*session_, subject->bdev);
        !depth.ok()) {
      CloseSubject(*session_, *subject);
      return depth;
    }
    if (!subject->dax.ok()) return subject->dax;
    const auto sweep = [&](const SweepAccess& access) {
      return SweepDax(*session_->user,
                      {.file = subject->file,
                       .size = subject->size,
                       .order = session_->user->faults().pmd_order(),
                       .access = access});
    };
    absl::StatusOr<DaxSweep> read = sweep({});
    absl::StatusOr<DaxSweep> written = sweep(kAsUsed);
    const uint64_t size = subject->size;
    CloseSubject(*session_, *subject);
    if (!read.ok()) return read.status();
    if (!written.ok()) return written.status();
    SweptFile file{path, size, *std::move(read), *std::move(written)};
    return &swept_.emplace(path, std::move(file)).first->second;
  }

  Session* const session_;
  std::string default_;
  std::map<std::string, std::string> paths_;
  std::map<std::string, SweptFile> swept_;
  std::map<std::string, const SweptFile*> by_name_;
  std::set<std::string> found_;  // of those in paths_
};

std::string GotText(LoggedAccess::Got got) {
  switch (got) {
    case LoggedAccess::kUnknown:
      return "";
    case LoggedAccess::kHuge:
      return "huge";
    case LoggedAccess::kHugeZero:
      return "huge zero";
    case LoggedAccess::kSmall:
      return "4k";
    case LoggedAccess::kSignal:
      return "signal";
  }
  return "";
}

// "4k, pfn_target"; "-" for nothing.
std::string WithWhy(const std::string& what, const std::string& why) {
  if (what.empty()) return "-";
  return why.empty() ? what : absl::StrCat(what, ", ", why);
}

using Cells = std::vector<std::vector<std::string>>;

Cells CellsOf(const AccessLog& log, const ReplayTable& table,
              const std::vector<ReplayRow>& rows) {
  Cells cells = {{"NUMBER", "SHARE", "ACCESS", "FIRST AT", "FILE",
                  log.is_fio() ? "BYTES" : "GOT", "HERE"}};
  for (const ReplayRow& row : rows) {
    const double share = 100.0 * static_cast<double>(row.accesses) /
                         static_cast<double>(table.accesses());
    const bool renamed = !row.path.empty() && row.path != row.file;
    const std::string file = row.others ? "(others)"
                             : renamed ? absl::StrCat(row.file, " = ", row.path)
                                       : row.file;
    cells.push_back({absl::StrCat(row.accesses),
                     absl::StrFormat("%.1f%%", share),
                     row.write ? "write" : "read",
                     absl::StrFormat("0x%x", row.first), OneLine(file),
                     log.is_fio() ? BytesText(row.bytes)
                                  : WithWhy(GotText(row.got), row.why),
                     WithWhy(row.here, row.here_why)});
  }
  return cells;
}

void PrintTable(std::ostream& out, const AccessLog& log,
                const ReplayTable& table) {
  const std::vector<ReplayRow> rows = table.Rows();
  out << table.accesses() << (log.is_fio() ? " accesses" : " faults") << " in "
      << log.lines() << " lines";
  if (log.lost() != 0) {
    out << "; the tracer lost " << log.lost() << " events";
  }
  if (log.unread() != 0) {
    out << "; " << log.unread() << (log.unread() == 1 ? " line" : " lines")
        << " of such events " << (log.unread() == 1 ? "is" : "are")
        << " cut or broken";
  }
  out << "\n";
  if (rows.empty()) return;
  const Cells cells = CellsOf(log, table, rows);
  std::vector<size_t> width(cells[0].size());
  for (const auto& line : cells) {
    for (size_t i = 0; i + 1 < line.size(); ++i) {
      width[i] = std::max(width[i], line[i].size());
    }
  }
  for (const auto& line : cells) {
    for (size_t i = 0; i + 1 < line.size(); ++i) {
      out << line[i] << std::string(width[i] - line[i].size() + 2, ' ');
    }
    out << line.back() << "\n";
  }
  std::map<FaultReasonCode, const ReplayRow*> told;
  for (const ReplayRow& row : rows) {
    if (!row.reason || !told.emplace(row.reason.code, &row).second) continue;
    out << FaultReasonName(row.reason.code) << ": "
        << OneLine(FaultReasonText(row.reason)) << "\n"
        << CureLines(FaultReasonName(row.reason.code), "  ");
  }
}

nlohmann::ordered_json TableToJson(const AccessLog& log,
                                   const ReplayTable& table,
                                   const FaultProfile* faults) {
  nlohmann::ordered_json rows = nlohmann::ordered_json::array();
  for (const ReplayRow& row : table.Rows()) {
    nlohmann::ordered_json j = {{"file", row.file},
                                {"access", row.write ? "write" : "read"},
                                {"accesses", row.accesses},
                                {"first", row.first}};
    if (row.others) j["others"] = true;
    if (log.is_fio()) j["bytes"] = row.bytes;
    if (row.got != LoggedAccess::kUnknown) j["got"] = GotText(row.got);
    if (!row.why.empty()) j["why"] = row.why;
    if (!row.path.empty()) {
      j["path"] = row.path;
      j["here"] = row.here;
      if (!row.here_why.empty()) j["here_why"] = row.here_why;
    }
    if (row.reason && faults != nullptr) {
      j["reason"] = ReasonToJson(*faults, row.reason);
    }
    rows.push_back(std::move(j));
  }
  return {{"log", log.is_fio() ? "fio" : "trace"}, {"lines", log.lines()},
          {"accesses", table.accesses()},          {"lost_events", log.lost()},
          {"unread_lines", log.unread()},          {"rows", std::move(rows)}};
}

// The bytes of a descriptor, and why there are no more.
class FdBuf final : public std::streambuf {
 public:
  explicit FdBuf(int fd) : fd_(fd), block_(1 << 16) {}
  // Of the read(2) that failed, else 0.
  int error() const { return error_; }

 private:
  int_type underflow() override {
    ssize_t n;
    do {
      n = read(fd_, block_.data(), block_.size());
    } while (n < 0 && errno == EINTR);
    if (n < 0) error_ = errno;
    if (n <= 0) return traits_type::eof();
    setg(block_.data(), block_.data(), block_.data() + n);
    return traits_type::to_int_type(block_[0]);
  }

  const int fd_;
  std::vector<char> block_;
  int error_ = 0;
};

absl::Status ReadLog(FdBuf& bytes, SweptFiles& files, AccessLog& log,
                     ReplayTable& table) {
  std::istream in(&bytes);
  absl::Status error;
  const auto add = [&](const LoggedAccess& access) {
    absl::StatusOr<const SweptFile*> here = files.Find(access.file);
    if (here.ok()) return table.Add(access, *here);
    if (error.ok()) error = here.status();
  };
  // One byte more is its end.
  std::string line(AccessLog::kMaxLine + 1, '\0');
  const auto size = static_cast<std::streamsize>(line.size());
  while (error.ok() && in.getline(line.data(), size)) {
    size_t length = static_cast<size_t>(in.gcount());
    if (!in.eof()) --length;  // the end of the line
    absl::Status s = log.Line(absl::string_view(line).substr(0, length), add);
    if (!s.ok()) return s;
  }
  if (error.ok() && bytes.error() != 0) {
    return ErrnoError(bytes.error(), absl::StrCat("it cannot be read: ",
                                                  ErrnoText(bytes.error())));
  }
  if (error.ok() && !in.eof()) {
    return ErrnoError(EFBIG,
                      absl::StrCat("line ", log.lines() + 1, " has more than ",
                                   AccessLog::kMaxLine,
                                   " bytes, which no line of such a log has"));
  }
  absl::Status finished = log.Finish(add);
  if (!error.ok()) return error;
  return finished.ok() ? files.AllFound() : finished;
}

void Replay(App& app, const ReplayOptions& o) {
  Fd file;
  if (o.log == "-") {
    if (absl::Status s = TakeStandardInput(); !s.ok()) return app.Report(s);
  } else {
    file = Fd(open(o.log.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file.ok()) {
      const int err = errno;
      return app.Report(
          ErrnoError(err, absl::StrCat(o.log, ": ", ErrnoText(err))));
    }
  }
  // Without a file nobody needs a machine, unless the log's names are its own.
  std::optional<Session> session;
  if (!o.files.empty() || app.world_file) {
    absl::StatusOr<Session> asked = app.Ask();
    if (!asked.ok()) return app.Report(asked.status());
    session = *std::move(asked);
  }
  SweptFiles files(session ? &*session : nullptr, o.files);
  if (absl::Status s = files.AllSaid(); !s.ok()) return app.Report(s);
  AccessLog log;
  ReplayTable table;
  FdBuf bytes(o.log == "-" ? STDIN_FILENO : file.get());
  absl::Status s = ReadLog(bytes, files, log, table);
  if (!s.ok()) {
    return app.Report(ErrnoError(
        ErrnoOf(s), absl::StrCat(InputName(o.log), ": ", s.message())));
  }
  if (app.json) {
    app.Answer(
        "replay",
        TableToJson(log, table, session ? &session->user->faults() : nullptr));
  } else {
    PrintTable(std::cout, log, table);
  }
}

}  // namespace

void RegisterReplay(CLI::App& cli, App& app) {
  auto o = std::make_shared<ReplayOptions>();
  CLI::App* verb = cli.add_subcommand(
      "replay",
      "The accesses that a log of a real machine has, by the pages that they\n"
      "got, or would get of a file of this machine, and why no huge ones.\n\n"
      "  dmdax replay trace.txt                  (what the trace itself says)\n"
      "  dmdax --world cured.textproto replay trace.txt --file /mnt/f\n"
      "  dmdax replay job.log --file /srv/db=/mnt/f\n\n"
      "Read are the text of ftrace and perf script with events of fs_dax:*,\n"
      "and fio's I/O logs, versions 2 and 3; `-` is standard input.  A log is\n"
      "read as it comes, and may be of any length.");
  verb->add_option("LOG", o->log, "The log, or -")->required();
  verb->add_option("--file", o->files,
                   "The machine's file or device that the accesses are of; or "
                   "those of one file of the log: fio's name of it, or "
                   "'254:0 0xc', its device and inode")
      ->type_name("[NAME=]PATH");
  verb->callback([o, &app] { Replay(app, *o); });
}

}  // namespace dmdax
