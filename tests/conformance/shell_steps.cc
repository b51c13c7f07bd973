// SPDX-License-Identifier: Apache-2.0
#include "tests/conformance/shell_steps.h"

#include <cstdio>
#include <sstream>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "block/queue_sysfs.h"
#include "tests/conformance/disk_step.h"
#include "tools/dmsetup/dmsetup.h"

namespace dmdax::conformance {
namespace {

// Words of a simple command; single quotes group.
std::vector<std::string> Words(absl::string_view command) {
  std::vector<std::string> words;
  bool quoted = false, in_word = false;
  for (char c : command) {
    if (c == '\'') {
      quoted = !quoted;
      if (!in_word) words.emplace_back();
      in_word = true;
    } else if (c == ' ' && !quoted) {
      in_word = false;
    } else {
      if (!in_word) words.emplace_back();
      in_word = true;
      words.back().push_back(c);
    }
  }
  return words;
}

// Does `echo N > /sys/block/<disk>/queue/max_sectors_kb`; false: it is not
// that.
bool SetMaxSectors(Session& session, const std::string& command,
                   std::string* why) {
  char disk[64];
  uint32_t kb;
  if (sscanf(command.c_str(),
             "echo %u > /sys/block/%63[^/]/queue/max_sectors_kb", &kb,
             disk) != 2) {
    return false;
  }
  BlockDevice* bdev = session.machine->FindBdevByName(disk);
  if (bdev == nullptr) {
    *why = absl::StrCat("no disk ", disk);
    return true;
  }
  absl::Status s = QueueMaxSectorsStore(*bdev, kb, session.machine->profile());
  if (!s.ok()) *why = std::string(s.message());
  return true;
}

// "vg-home: 0 524288 linear 259:0 2048" of `dmsetup table`: devices that are
// there and were made, or changed, by another program.
std::string CreateRecorded(Session& session, const std::string& table) {
  std::vector<std::pair<std::string, std::string>> devices;
  for (absl::string_view line :
       absl::StrSplit(table, '\n', absl::SkipEmpty())) {
    const size_t colon = line.find(": ");
    if (colon == line.npos) return "";
    const std::string name(line.substr(0, colon));
    if (devices.empty() || devices.back().first != name) {
      devices.emplace_back(name, "");
    }
    absl::StrAppend(&devices.back().second, line.substr(colon + 2), "\n");
  }
  for (const auto& [name, rows] : devices) {
    if (session.ctl->FindDevice(name) != nullptr) {
      if (RunDmsetup(*session.ctl, {"table", name}, "").out == rows) continue;
      RunDmsetup(*session.ctl, {"load", name}, rows);
      RunDmsetup(*session.ctl, {"resume", name}, "");
      continue;
    }
    if (RunDmsetup(*session.ctl, {"create", name}, rows).rc != 0) {
      return absl::StrCat("cannot create ", name);
    }
  }
  return "";
}

// `cat /sys/block/<disk>/queue/max_sectors_kb`.
bool ShowMaxSectors(Session& session, const std::string& command,
                    ShellOutput& output) {
  char disk[64];
  int end = 0;
  if (sscanf(command.c_str(), "cat /sys/block/%63[^/]/queue/max_sectors_kb%n",
             disk, &end) != 1 ||
      static_cast<size_t>(end) != command.size()) {
    return false;
  }
  BlockDevice* bdev = session.machine->FindBdevByName(disk);
  output.rc = bdev == nullptr;
  if (bdev != nullptr) {
    absl::StrAppend(&output.out, bdev->queue().limits().max_sectors / 2, "\n");
  }
  return true;
}

std::string RunExec(Session& session, const std::vector<std::string>& argv) {
  std::string why;
  if (argv.size() == 3 && argv[0] == "sh" && argv[1] == "-c") {
    for (absl::string_view part : absl::StrSplit(argv[2], ';')) {
      part = absl::StripLeadingAsciiWhitespace(part);
      SetMaxSectors(session, std::string(part), &why);
    }
  }
  return why;
}

// Programs that do nothing to the devices below a file system.
bool IsOfFiles(absl::string_view program) {
  for (absl::string_view known :
       {"dd", "daxprobe", "sync", "rm", "cat", ":", "echo"}) {
    if (program == known) return true;
  }
  return false;
}

}  // namespace

ShellOutput RunSysfsShell(Session& session, const std::string& line) {
  ShellOutput output;
  for (absl::string_view part : absl::StrSplit(line, ';')) {
    const std::string command(absl::StripAsciiWhitespace(part));
    std::string why;
    if (SetMaxSectors(session, command, &why)) {
      output.rc = !why.empty();
    } else if (!ShowMaxSectors(session, command, output)) {
      output.known = false;
      return output;
    }
  }
  return output;
}

std::string RunCaseStep(Session& session, const Json& step,
                        const Json& recorded) {
  if (step.contains("dmsetup")) {
    const std::vector<std::string> args = step["dmsetup"];
    if (args == std::vector<std::string>{"table"}) {
      return CreateRecorded(session, recorded.value("stdout", ""));
    }
    RunDmsetup(*session.ctl, args, step.value("stdin", ""));
    return "";
  }
  if (step.contains("exec")) return RunExec(session, step["exec"]);
  if (step.contains("loop")) {
    BlockOptions options;
    options.name = std::string(
        absl::StripPrefix(step["loop"].get<std::string>(), "/dev/"));
    options.nr_sectors = step.value("mib", uint64_t{64}) * 2048;
    options.dev = DevT{7, 0};
    options.limits.max_sectors = 2560;
    options.limits.max_hw_sectors = 2560;
    (void)session.machine->Remove(options.name);  // the empty one
    absl::Status s = session.machine->AddBlock(options).status();
    return s.ok() ? "" : std::string(s.message());
  }
  if (step.contains("part")) {
    DiskState state{.session = session, .recorded = recorded};
    Verdict verdict;
    RunDiskStep("part", step, recorded, state, verdict);
    return verdict.differences.empty()
               ? ""
               : absl::StrCat("part: ", verdict.differences[0].ours);
  }
  // prctl() is the probe's own business: FaultMap::TakeThpSteps().
  if (step.contains("ndctl") || step.contains("thp")) return "";
  return absl::StrCat("step ", step.begin().key());
}

std::string RunShell(Session& session, const std::string& line) {
  std::string input;
  int rc = 0;
  // `;` and `|` mean "then", `&&` "then, if that was right"; what echo prints
  // is the next command's input.
  for (absl::string_view list :
       absl::StrSplit(line, absl::ByAnyChar(";|"), absl::SkipWhitespace())) {
    bool first = true;
    for (absl::string_view command :
         absl::StrSplit(list, "&&", absl::SkipWhitespace())) {
      if (!first && rc != 0) break;
      first = false;
      std::vector<std::string> words = Words(command);
      if (words.empty()) continue;
      rc = 0;
      if (words[0] == "echo" && words.size() == 2) {
        input = words[1] + "\n";
      } else if (words[0] == "dmsetup") {
        words.erase(words.begin());
        rc = RunDmsetup(*session.ctl, words, input).rc;
      } else if (!IsOfFiles(words[0])) {
        return absl::StrCat("shell command ", words[0]);
      }
    }
  }
  session.machine->log().TakeNew();
  return "";
}

}  // namespace dmdax::conformance
