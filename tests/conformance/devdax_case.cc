// SPDX-License-Identifier: Apache-2.0
#include "tests/conformance/devdax_case.h"

#include <cerrno>
#include <cstdlib>
#include <map>
#include <memory>
#include <optional>

#include "absl/strings/str_cat.h"
#include "dax/device_dax.h"
#include "fs/vfs.h"
#include "tests/conformance/recorded/file_change.h"

namespace dmdax::conformance {
namespace {

// "256M", "2M", "1G" as ndctl takes sizes.
uint64_t ParseSize(const std::string& text) {
  char* end = nullptr;
  uint64_t n = strtoull(text.c_str(), &end, 0);
  if (*end == 'K') n <<= 10;
  if (*end == 'M') n <<= 20;
  if (*end == 'G') n <<= 30;
  return n;
}

// The argument after one of `names`, or "".
std::string Argument(const Json& args, const std::string& a,
                     const std::string& b) {
  for (size_t i = 0; i + 1 < args.size(); ++i) {
    if (args[i] == a || args[i] == b) return args[i + 1];
  }
  return "";
}

class DevdaxCase {
 public:
  DevdaxCase(const Json& test, const Json& result, const Json& env,
             const FaultProfile& profile, Verdict& verdict)
      : test_(test),
        result_(result),
        env_(env),
        profile_(profile),
        verdict_(verdict),
        mem_(profile) {}

  void Run() {
    const Json none = Json::array();
    const Json steps = test_.value("pre", none);
    const Json recorded = result_.value("pre", none);
    for (size_t i = 0; i < steps.size() && i < recorded.size(); ++i) {
      if (steps[i].contains("ndctl"))
        MakeDevice(steps[i]["ndctl"], recorded[i]);
    }
    const Json& maps = result_["maps"];
    for (size_t i = 0; i < maps.size(); ++i) {
      if (!maps[i].contains("steps")) continue;
      RunMap(absl::StrCat("map ", i), test_["maps"][i], maps[i]);
    }
  }

 private:
  // What ndctl's answer says about the region it made: the data comes after
  // the info block at the start of the namespace.
  void MakeDevice(const Json& args, const Json& recorded) {
    if (args[0] != "create-namespace" || recorded["rc"] != 0) return;
    const Json made = Json::parse(recorded["stdout"].get<std::string>(),
                                  nullptr, /*allow_exceptions=*/false);
    if (!made.is_object() || !made.contains("daxregion")) return;
    const Json& region = made["daxregion"];
    const std::string disk = absl::StrCat("pmem", region["id"].get<int>());
    uint64_t base = 0;
    uint64_t raw_size = 0;
    for (const Json& p : env_["env"]["pmem"]) {
      if (p["name"] != disk) continue;
      base = strtoull(p["resource"].get<std::string>().c_str(), nullptr, 16);
      raw_size = p["size"];
    }
    const std::string wanted = Argument(args, "-s", "--size");
    if (!wanted.empty()) raw_size = ParseSize(wanted);
    DevDaxOptions options;
    options.name = region["devices"][0]["chardev"];
    options.align = region["align"];
    const uint64_t size = region["size"];
    options.ranges.push_back({base + (raw_size - size), size});
    absl::StatusOr<std::unique_ptr<DevDax>> dax =
        DevDax::Create(profile_, mem_, options);
    if (!dax.ok()) {
      verdict_.unsupported = std::string(dax.status().message());
      return;
    }
    ranges_.push_back({options.ranges[0].start, size, true});
    devices_[absl::StrCat("/dev/", options.name)] = *std::move(dax);
  }

  // A device node that is only mapped: what the VFS says to the rest.
  int FileOp(const File& file, const std::string& op, uint64_t offset,
             uint64_t length) const {
    if (op == "trunc") return -CheckFtruncate(file, offset);
    if (op == "fsync") return EINVAL;
    const std::optional<int> mode = FallocateMode(op);
    return mode ? -CheckFallocate(profile_, file, *mode, offset, length) : -1;
  }

  void RunMap(const std::string& where, const Json& map, const Json& recorded) {
    const Json& steps = recorded["steps"];
    auto it = devices_.find(map["file"]);
    if (it == devices_.end()) {
      // Nothing to open.
      verdict_.Compare(where, "open errno", steps[0]["errno"], "ENOENT");
      return;
    }
    FaultMap process(profile_, mem_, ranges_, verdict_);
    process.compare_events = test_["kind"] != "trace";
    process.TakeThpSteps(test_);
    const std::shared_ptr<File> file =
        it->second->Open(map.value("open", "rw") == "rw");
    const bool mapped = process.Mmap(where, map, steps[0], file);
    const std::vector<std::string> log = process.mm().log().TakeNew();
    verdict_.Compare(where, "dmesg", recorded.value("dmesg", Json::array()),
                     Json(log));
    if (!mapped) return;
    for (size_t i = 1; i < steps.size(); ++i) {
      if (i - 1 >= map["touch"].size()) break;
      const std::string touch = map["touch"][i - 1];
      process.Touch(
          absl::StrCat(where, " ", touch), touch, steps[i],
          map.value("inspect", 1) != 0,
          [&](const std::string& op, uint64_t offset, uint64_t length) {
            return FileOp(*file, op, offset, length);
          },
          CaseDevices{});
      if (!verdict_.unsupported.empty()) return;
    }
    process.CompareSmaps(where, map, steps);
    process.CompareGraphs(where, recorded);
  }

  const Json& test_;
  const Json& result_;
  const Json& env_;
  const FaultProfile& profile_;
  Verdict& verdict_;
  MemMap mem_;
  std::vector<PmemRange> ranges_;
  std::map<std::string, std::unique_ptr<DevDax>> devices_;
};

}  // namespace

Verdict CompareDevdaxCase(const Json& test, const Json& result, const Json& env,
                          const FaultProfile& profile) {
  Verdict verdict;
  if (!result.contains("maps") || result["maps"].empty()) {
    verdict.unsupported = "the recording has no mapping";
    return verdict;
  }
  DevdaxCase run(test, result, env, profile, verdict);
  run.Run();
  return verdict;
}

}  // namespace dmdax::conformance
