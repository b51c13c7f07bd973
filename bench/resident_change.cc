// SPDX-License-Identifier: Apache-2.0
#include "bench/resident_change.h"

#include <sys/mman.h>
#include <time.h>

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "bench/child_cost.h"
#include "bench/scratch_state.h"
#include "server/resident.h"
#include "state/world_load.h"
#include "tools/dmsetup/dmsetup.h"

namespace dmdax::bench {
namespace {

constexpr size_t kRounds = 40;

double CpuSeconds() {
  timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) +
         1e-9 * static_cast<double>(now.tv_nsec);
}

// Of one change; without what it takes to load the machine, and to see once
// what the state has of it.
double Measure(const std::string& state) {
  absl::StatusOr<std::unique_ptr<Resident>> machine = Resident::Of(state);
  if (!machine.ok()) Die(machine.status());
  size_t changes = 0;
  const auto change = [&](const std::vector<std::string>& words) {
    absl::Status s = (*machine)->Change(
        [&](Session& session) {
          const DmsetupResult result = RunDmsetup(*session.ctl, words, "");
          if (result.rc != 0) Die(absl::InternalError(result.err));
        },
        Resident::Touches::kNoted);
    if (!s.ok()) Die(s);
    ++changes;
  };
  change({"create", "first", "--notable"});
  changes = 0;
  const double before = CpuSeconds();
  for (size_t i = 0; i < kRounds; ++i) {
    const std::string name = absl::StrCat("new", i);
    change({"create", name, "--notable"});
    change({"load", name, "--table", "0 8 linear /dev/pmem0 0"});
    change({"resume", name});
    change({"rename", name, name + "x"});
    change({"remove", name + "x"});
  }
  return (CpuSeconds() - before) / static_cast<double>(changes);
}

}  // namespace

double ResidentChangeSeconds(const proto::World& world) {
  ScratchState state;
  CostInChild([&] {
    absl::StatusOr<Session> session = LoadWorld(world);
    if (!session.ok()) Die(session.status());
    state.Write(*session);
  });
  // A child writes it.
  void* const shared = mmap(nullptr, sizeof(double), PROT_READ | PROT_WRITE,
                            MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) Die(absl::InternalError("no memory to share"));
  auto* const seconds = static_cast<double*>(shared);
  CostInChild([&] { *seconds = Measure(state.path()); });
  const double result = *seconds;
  munmap(shared, sizeof(double));
  return result;
}

}  // namespace dmdax::bench
