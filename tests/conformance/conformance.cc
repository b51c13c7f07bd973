// SPDX-License-Identifier: Apache-2.0
//
// conformance: recorded answers of real kernels against ours.
//
//   conformance --cases F --results F [--kernel V] [--only ID] [--kind K]
//   conformance                      (all of tests/conformance/corpus; what
//                                     corpus/open_cases.txt lists may differ)
//   conformance --as striped=mine    (the cases in which "striped" occurs, and
//                                     the answers, as if it were called so)
//
// The kernel is 6.1 unless given or named in the results file, as in
// table.results.5.10.jsonl.  One line for each difference; a case that can
// not be judged is named with the reason.  The last line is
// "N agree, N differ, N not yet supported"; exit 1 on a difference.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <optional>
#include <set>

#include "CLI/CLI.hpp"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "tests/conformance/dax_events.h"
#include "tests/conformance/fault_run.h"
#include "tests/conformance/open_cases.h"
#include "tests/conformance/renamed_target.h"
#include "tests/conformance/table_case.h"

namespace dmdax::conformance {
namespace {

struct Options {
  std::string cases;
  std::string results;
  std::string kernel;
  std::string only;
  std::string kind;
  RenamedTarget renamed;
};

struct Totals {
  int agree = 0;
  int differ = 0;
  int unsupported = 0;
};

// "table.results.5.10.jsonl" -> "5.10"; "table.results.jsonl" -> "".
std::string KernelInName(const std::string& results) {
  absl::string_view name = results;
  const size_t at = name.rfind(".results.");
  if (at == name.npos) return "";
  name.remove_prefix(at + sizeof(".results.") - 1);
  const size_t end = name.rfind(".jsonl");
  return end == name.npos ? "" : std::string(name.substr(0, end));
}

// Of cases, those that `renamed` is about.
std::optional<std::vector<Json>> ReadLines(const std::string& path,
                                           const RenamedTarget& renamed) {
  std::ifstream file(path);
  if (!file) {
    std::cerr << "conformance: cannot read " << path << "\n";
    return std::nullopt;
  }
  std::vector<Json> all;
  for (std::string line; std::getline(file, line);) {
    if (!line.empty()) all.push_back(Json::parse(renamed.In(line)));
  }
  return all;
}

// env.json beside the results tells what the guest was.
std::optional<Json> ReadEnv(const std::string& results,
                            const std::string& kernel) {
  const std::string folder = results.substr(0, results.rfind('/') + 1);
  const std::string suffix = kernel.empty() ? "" : absl::StrCat(".", kernel);
  for (const std::string& name :
       {absl::StrCat(folder, "env", suffix, ".json"),
        absl::StrCat("tests/conformance/corpus/env", suffix, ".json")}) {
    std::ifstream file(name);
    if (file) return Json::parse(file);
  }
  std::cerr << "conformance: no env" << suffix << ".json beside " << results
            << "\n";
  return std::nullopt;
}

Verdict RunCase(const std::string& kind, const Json& test, const Json& result,
                const Json& env, const KernelProfile& profile) {
  if (kind == "table") return RunTableCase(test, result, env, profile);
  if (kind == "fsdax" || kind == "devdax" || kind == "trace") {
    Verdict verdict = RunFaultCase(test, result, env, profile);
    if (kind == "fsdax" && result.contains("maps")) {
      // Besides, the chain alone, asked for what each event was asked.
      verdict.Add(RunDaxEventsCase(test, result, env, profile));
    }
    return verdict;
  }
  Verdict verdict;
  verdict.unsupported = absl::StrCat("kind ", kind);
  return verdict;
}

// The JSON library throws at a recording that is not as it should be.
Verdict RunGuarded(const std::string& kind, const Json& test,
                   const Json& result, const Json& env,
                   const KernelProfile& profile) {
  try {
    return RunCase(kind, test, result, env, profile);
  } catch (const std::exception& e) {
    Verdict verdict;
    verdict.unsupported = absl::StrCat("not as expected: ", e.what());
    return verdict;
  }
}

void Print(const std::string& kernel, const std::string& id,
           const Verdict& verdict) {
  if (!verdict.unsupported.empty()) {
    std::cout << kernel << " " << id
              << ": not yet supported: " << verdict.unsupported << "\n";
    return;
  }
  for (const std::string& nature : verdict.guest_nature) {
    std::cout << kernel << " " << id << ": the guest's nature: " << nature
              << "\n";
  }
  for (const Difference& d : verdict.differences) {
    std::cout << kernel << " " << id << ": " << d.step << ": " << d.field
              << ": kernel " << d.kernel << ", ours " << d.ours << "\n";
  }
}

// `open`: cases that may differ, or null.
bool RunFile(const Options& o, Totals& totals, OpenCases* open) {
  const std::string named = KernelInName(o.results);
  const std::string version =
      !o.kernel.empty() ? o.kernel : (named.empty() ? "6.1" : named);
  absl::StatusOr<const KernelProfile*> profile = FindKernelProfile(version);
  if (!profile.ok()) {
    std::cerr << "conformance: " << profile.status().message() << "\n";
    return false;
  }
  std::optional<std::vector<Json>> cases = ReadLines(o.cases, o.renamed);
  std::optional<std::vector<Json>> results = ReadLines(o.results, o.renamed);
  std::optional<Json> env = ReadEnv(o.results, named);
  if (!cases || !results || !env) return false;
  std::map<std::string, Json> by_id;
  for (Json& r : *results) by_id[r["id"]] = std::move(r["result"]);
  for (const Json& test : *cases) {
    const std::string id = test["id"];
    const std::string kind = test["kind"];
    if (!o.only.empty() && id != o.only) continue;
    if (!o.kind.empty() && kind != o.kind) continue;
    if (!o.renamed.IsIn(test.dump())) continue;
    Verdict verdict;
    if (!by_id.contains(id) || by_id[id].contains("oracle_error")) {
      verdict.unsupported = "no recorded answer";
    } else {
      verdict = RunGuarded(kind, test, by_id[id], *env, **profile);
    }
    const bool agrees =
        verdict.unsupported.empty() && verdict.differences.empty();
    if (open != nullptr && open->Has(version, id)) {
      if (agrees) open->Agreed(version, id);
      continue;
    }
    Print(version, id, verdict);
    if (!verdict.unsupported.empty()) {
      ++totals.unsupported;
    } else {
      ++(agrees ? totals.agree : totals.differ);
    }
  }
  return true;
}

// What the corpus in the repository is held to: each X.cases.jsonl, with the
// answers of every kernel there are, X.results[.V].jsonl.
bool RunCorpus(const RenamedTarget& renamed, Totals& totals) {
  const std::filesystem::path folder = "tests/conformance/corpus";
  const std::string kResults = ".results.";
  std::set<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    files.insert(entry.path().filename());
  }
  const std::string open_path = folder / "open_cases.txt";
  OpenCases open;
  if (!open.Read(open_path)) return false;
  bool ok = true;
  int pairs = 0;
  for (const std::string& file : files) {
    const size_t at = file.find(kResults);
    if (at == file.npos) continue;
    const std::string cases = absl::StrCat(file.substr(0, at), ".cases.jsonl");
    Options o{.renamed = renamed};
    o.cases = folder / cases;
    o.results = folder / file;
    ok &= RunFile(o, totals, &open);
    ++pairs;
  }
  if (getenv("DMDAX_UPDATE_OPEN_CASES") != nullptr) {
    const char* tree = getenv("BUILD_WORKSPACE_DIRECTORY");
    const std::string root = tree == nullptr ? "" : absl::StrCat(tree, "/");
    return ok && open.WriteShrunk(absl::StrCat(root, open_path));
  }
  // Not all of them were run.
  if (!renamed.empty()) return ok && pairs > 0;
  totals.differ += open.Complain();
  std::cout << open.count() << " of open_cases.txt differ still\n";
  return ok && pairs > 0;
}

int Main(int argc, char** argv) {
  Options o;
  CLI::App cli("Compares recorded kernel answers with dmdax", "conformance");
  auto* cases = cli.add_option("--cases", o.cases, "Cases, JSON lines");
  auto* results = cli.add_option("--results", o.results, "Recorded answers");
  cases->needs(results);
  results->needs(cases);
  cli.add_option("--kernel", o.kernel, "Kernel profile");
  cli.add_option("--only", o.only, "Only the case with this id");
  cli.add_option("--kind", o.kind, "Only cases of this kind");
  std::string as;
  cli.add_option("--as", as, "The cases of a target as those of another: A=B");
  CLI11_PARSE(cli, argc, argv);
  if (!as.empty()) {
    std::optional<RenamedTarget> renamed = RenamedTarget::Parse(as);
    if (!renamed) {
      std::cerr << "conformance: --as " << as << ": not TARGET=TARGET\n";
      return 2;
    }
    o.renamed = *std::move(renamed);
  }
  Totals totals;
  const bool ran = o.cases.empty() ? RunCorpus(o.renamed, totals)
                                   : RunFile(o, totals, nullptr);
  if (!ran) return 2;
  std::cout << totals.agree << " agree, " << totals.differ << " differ, "
            << totals.unsupported << " not yet supported\n";
  return totals.differ > 0 ? 1 : 0;
}

}  // namespace
}  // namespace dmdax::conformance

int main(int argc, char** argv) { return dmdax::conformance::Main(argc, argv); }
