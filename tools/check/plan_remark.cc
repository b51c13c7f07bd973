// SPDX-License-Identifier: Apache-2.0
#include "tools/check/plan_remark.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tools/check/boot_remark.h"
#include "tools/check/ends_first.h"
#include "tools/check/fs_anew.h"
#include "tools/check/fs_steps.h"
#include "tools/check/left_out_remark.h"
#include "tools/check/look_remark.h"
#include "tools/check/made_again.h"

namespace dmdax {
namespace {

class Remarks {
 public:
  void Add(std::string one) {
    if (!one.empty()) all_.push_back(std::move(one));
  }
  void Add(std::vector<std::string> more) {
    for (std::string& one : more) Add(std::move(one));
  }
  std::string Text() const { return absl::StrJoin(all_, "; "); }

 private:
  std::vector<std::string> all_;
};

}  // namespace

std::string PlanRemark(const PlanRemarkRequest& r,
                       std::vector<std::string> said) {
  const Session& machine = r.with.machine;
  Remarks remarks;
  if (r.something_goes) {
    remarks.Add(LeftOutMayGo(machine, r.stands_on));
  }
  remarks.Add(EndsFirst(r.stands_on, r.steps));
  remarks.Add(SmallerRemark(r.with, r.stands_on, r.gone));
  remarks.Add(std::move(said));
  remarks.Add(BootRemarks(r.stands_on, r.steps));
  if (InRescue(r.steps)) remarks.Add(std::string(kInRescue));
  remarks.Add(LookRemarks(r.steps));
  remarks.Add(GuessRemark(machine, r.stands_on, r.gone, r.steps));
  remarks.Add(FreshRemarks(r.stands_on, r.steps));
  remarks.Add(PartitionRemarks(r.steps));
  remarks.Add(r.files_left);
  remarks.Add(ReadOnlyRemarks(machine, r.stands_on, r.gone));
  remarks.Add(KeyRemarks(machine, r.stands_on, r.gone));
  remarks.Add(r.by_hand.Text());
  return remarks.Text();
}

}  // namespace dmdax
