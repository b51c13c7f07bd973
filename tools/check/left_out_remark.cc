// SPDX-License-Identifier: Apache-2.0
#include "tools/check/left_out_remark.h"

#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "base/one_line.h"
#include "import/unread_input.h"
#include "process/mount_point.h"

namespace dmdax {
namespace {

// Whether it is a file, whatever an import says of it.  A mount that is left
// out itself may be of any device, and so may what an input would have said of
// others, which is left out by its own name.
bool IsOfFile(const StandsOn& stands_on, const std::string& name,
              absl::string_view why) {
  if (!absl::StartsWith(name, "/") || absl::StartsWith(why, name)) return false;
  for (absl::string_view of_mount :
       {"mount '", "virtiofs", "no input describes "}) {
    if (absl::StartsWith(why, of_mount)) return false;
  }
  return stands_on.MountAt(name) == nullptr &&
         stands_on.BesidesAt(name).empty();
}

// The device of the mount that a path is on, beside the World's or one of them;
// "": it is none of the World's.
std::string DeviceBelow(const StandsOn& stands_on, const std::string& name) {
  for (absl::string_view above : PathsAbove(name)) {
    const std::string path(above);
    for (const int number : stands_on.BesidesAt(path)) {
      const proto::MountBeside& beside = stands_on.world().mount_beside(number);
      if (!beside.hidden()) return beside.device();
    }
    const proto::Mount* const mount = stands_on.MountAt(path);
    if (mount != nullptr) return mount->device();
  }
  return "";
}

// Whether nobody need look for it: a file of a mount that is known, which a
// list names if it goes, or a list of such files.
bool IsKnown(const StandsOn& stands_on, const std::string& name,
             absl::string_view why) {
  if (KindOfLeftOut(why) == LeftOutKind::kFiles) return true;
  return IsOfFile(stands_on, name, why) &&
         !DeviceBelow(stands_on, name).empty();
}

// "a, b and 3 more"; "": none.
class SomeNames {
 public:
  void Add(const std::string& name) {
    constexpr size_t kMost = 2;
    if (++count_ <= kMost) names_.push_back(OneLine(name));
  }
  size_t count() const { return count_; }
  std::string Text() const {
    std::string text = absl::StrJoin(names_, ", ");
    if (count_ > names_.size()) {
      absl::StrAppend(&text, " and ", count_ - names_.size(), " more");
    }
    return text;
  }

 private:
  std::vector<std::string> names_;
  size_t count_ = 0;
};

}  // namespace

std::string LeftOutMayGo(const Session& machine, const StandsOn& stands_on) {
  SomeNames things, inputs;
  for (const auto& [name, why] : machine.machine->left_out()) {
    if (IsKnown(stands_on, name, why)) continue;
    (KindOfLeftOut(why) == LeftOutKind::kInput ? inputs : things).Add(name);
  }
  constexpr absl::string_view kLook = ": look first (lsblk, dmsetup ls --tree)";
  std::string text;
  if (things.count() != 0) {
    text = absl::StrCat(things.Text(), things.count() == 1 ? " is" : " are",
                        " left out of this machine, and may lie on what goes");
  }
  if (inputs.count() != 0) {
    absl::StrAppend(&text, text.empty() ? "" : "; ", "of ", inputs.Text(),
                    ", which could not be read, nobody knows what lies on what "
                    "goes");
  }
  return text.empty() ? "" : absl::StrCat(text, kLook);
}

}  // namespace dmdax
