// SPDX-License-Identifier: Apache-2.0
//
// RandomStack's questions.
#include "absl/strings/str_cat.h"
#include "tests/property/random_stack.h"

namespace dmdax::property {
namespace {

std::string Words(int64_t ret, uint64_t pfn) {
  if (ret <= 0) return absl::StrCat(ret);
  return absl::StrCat(ret, " pages from frame ", pfn);
}

}  // namespace

int64_t RandomStack::DrawNr() {
  const uint64_t kind = dice_.Range(0, 99);
  if (kind < 30) return 1;
  if (kind < 60) return static_cast<int64_t>(dice_.Range(2, 16));
  if (kind < 94) return static_cast<int64_t>(dice_.Range(17, 600));
  if (kind < 96) return 0;
  if (kind < 98) return -static_cast<int64_t>(dice_.Range(1, 600));
  return int64_t{1} << dice_.Range(10, 50);
}

std::string RandomStack::CompareOne(const Mapped& m, uint64_t pgoff, int64_t nr,
                                    bool recovery) {
  const DaxAccessMode mode =
      recovery ? DaxAccessMode::kRecoveryWrite : DaxAccessMode::kAccess;
  // The same with and without a trace, and at the edge.
  Trace trace;
  const bool traced = dice_.Percent(3);
  const DaxAccess ours = DaxDirectAccess(&m.md->dax_dev(), pgoff_t{pgoff}, nr,
                                         mode, traced ? &trace : nullptr);
  const NaiveAnswer naive = naive_.DirectAccess(m.disk, pgoff, nr, recovery);
  ++tally_.queries;
  if (naive.ret > 0) {
    ++tally_.hits[naive.levels];
  } else if (nr >= 0) {
    // Old kernels return a negative nr itself; that is no errno.
    ++tally_.errors[naive.ret];
  }
  const bool same =
      ours.ret == naive.ret && (ours.ret <= 0 || ours.pfn.value() == naive.pfn);
  if (!same) {
    return absl::StrCat("DirectAccess(", m.disk, ", page ", pgoff, ", nr ", nr,
                        recovery ? ", recovery" : "", "): dmdax ",
                        Words(ours.ret, ours.pfn.value()), ", walker ",
                        Words(naive.ret, naive.pfn));
  }
  if (traced && nr > 0 && !recovery) {
    const absl::StatusOr<DaxRun> run =
        DaxTranslate(m.md->dax_dev(), pgoff_t{pgoff}, nr);
    if (run.ok() != (naive.ret > 0) ||
        (run.ok() &&
         (run->nr_pages != naive.ret || run->pfn.value() != naive.pfn))) {
      return absl::StrCat("DaxTranslate(", m.disk, ", page ", pgoff, ", nr ",
                          nr, ") differs from DirectAccess");
    }
  }
  return "";
}

std::string RandomStack::CompareDevice(const Mapped& m) {
  const uint64_t pages = naive_.Size(m.disk) / kPageSectors;
  for (uint64_t page = 0; page <= pages + 2; ++page) {
    std::string d = CompareOne(m, page, DrawNr(), dice_.Percent(10));
    if (!d.empty()) return d;
  }
  // Far out; from 2^61 on the sector wraps and is found again.
  for (uint64_t page :
       {dice_.Draw(), uint64_t{1} << 40, uint64_t{1} << 61,
        (uint64_t{1} << 61) + dice_.Range(0, pages + 2), ~uint64_t{0}}) {
    std::string d = CompareOne(m, page, DrawNr(), false);
    if (!d.empty()) return d;
  }
  return "";
}

std::string RandomStack::CompareAll() {
  for (const Mapped& m : mapped_) {
    if (std::string d = CompareDevice(m); !d.empty()) return d;
  }
  return "";
}

}  // namespace dmdax::property
