// SPDX-License-Identifier: Apache-2.0
#include "tools/check/not_known.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/kernel_profile.h"
#include "fs/file_system_type.h"
#include "fs/mount_words.h"
#include "import/guess.h"
#include "process/mount_point.h"
#include "tools/check/dax_depth.h"
#include "tools/check/dax_flag.h"
#include "tools/check/file_doubts.h"
#include "tools/check/other_answer.h"

namespace dmdax {
namespace {

class Doubts {
 public:
  Doubts(const Session& session, const GuessesByName& guesses, const Look& look,
         Wish wish)
      : session_(session), guesses_(guesses), look_(look), wish_(wish) {
    for (const BlockDevice* bdev : AllBelow(session, look.subject.bdev)) {
      const std::string name = NameOfDevice(session, *bdev);
      below_.insert(name);
      if (LiveTable(session, *bdev) != nullptr) mapped_.insert(name);
    }
    if (look.subject.kind == Subject::kDevDax) below_.insert(look.subject.name);
    for (const Obstacle& o : look.obstacles) {
      for (const NotDaxLevel& level : o.down) {
        ends_.insert(NameOfDevice(session, *level.bdev));
      }
    }
  }

  // In their order.
  std::vector<const proto::Guess*> ThatMatter() const {
    std::set<int> numbers;
    const auto add = [&](const std::string& name) {
      const absl::Span<const int> about = guesses_.About(name);
      numbers.insert(about.begin(), about.end());
    };
    for (const std::string& name : below_) add(name);
    add(look_.subject.mount);
    add(look_.subject.name);
    std::vector<const proto::Guess*> matter;
    for (int number : numbers) {
      const proto::Guess& guess = guesses_.Get(number);
      if (Matters(guess)) matter.push_back(&guess);
    }
    return matter;
  }

 private:
  bool Matters(const proto::Guess& guess) const {
    const bool of_mount =
        !look_.subject.mount.empty() && (guess.name() == look_.subject.mount ||
                                         guess.name() == look_.subject.name);
    if (!of_mount && !below_.contains(guess.name())) return false;
    const bool of_flag = guess.otherwise_case() == proto::Guess::kDaxFlag;
    if (of_flag && (!session_.machine->profile().has_dax_modes ||
                    IsNeverDax(session_, look_.subject))) {
      return false;
    }
    if (guess.about_reflink() && !RefusesReflink()) return false;
    if (guess.decides() == proto::Guess::NO_DAX) {
      return !look_.dax && DaxIsOpen(guess, of_mount);
    }
    if (guess.decides() == proto::Guess::SYNC) {
      return wish_ == Wish::kSync && look_.sync;
    }
    if (IsOfQueue(guess) &&
        !session_.machine->profile().dm_max_io_len_has_max_sectors) {
      return false;
    }
    if (!look_.dax) return false;
    // That there is DAX is not known all the same, and is said.
    if (FailsAnyway()) return guess.no_dax();
    const bool pages = wish_ == Wish::kPmd || wish_ == Wish::kPud;
    if (guess.decides() == proto::Guess::PMD) return pages;
    return guess.decides() == proto::Guess::DAX || wish_ == Wish::kPud;
  }

  // Whether the kernel refuses to mount with DAX what has reflink.
  bool RefusesReflink() const {
    switch (session_.machine->profile().xfs_dax_reflink) {
      case XfsDaxReflink::kUntested:
        return false;
      case XfsDaxReflink::kRefused:
        return true;
      case XfsDaxReflink::kNotPartitions:
        return look_.subject.bdev != nullptr &&
               look_.subject.bdev->is_partition();
    }
    return true;
  }

  bool HasNoDaxGuess(const std::string& name) const {
    const absl::Span<const int> about = guesses_.About(name);
    return std::any_of(about.begin(), about.end(), [&](int number) {
      const proto::Guess& guess = guesses_.Get(number);
      return guess.decides() == proto::Guess::NO_DAX &&
             (!guess.about_reflink() || RefusesReflink());
    });
  }

  // Whether a file could have DAX if the guess was wrong.
  bool DaxIsOpen(const proto::Guess& guess, bool of_mount) const {
    if (of_mount) {
      // Two inputs that contradict each other, whichever of them is wrong.
      if (guess.taken().empty()) return true;
      // What is certain to have none below has none on top.
      return ends_.empty() || std::any_of(ends_.begin(), ends_.end(),
                                          [&](const std::string& name) {
                                            return HasNoDaxGuess(name);
                                          });
    }
    return ends_.contains(guess.name()) && MountAllows();
  }

  // Whether the mount, if there is one, would give its files DAX.
  bool MountAllows() const {
    if (!look_.subject.mount.empty() && HasNoDaxGuess(look_.subject.mount)) {
      return true;
    }
    const MountPoint* const mount =
        look_.subject.bdev == nullptr
            ? nullptr
            : session_.user->FirstMountOf(*look_.subject.bdev);
    if (mount == nullptr) return true;
    const FileSystemType* type = mount->sb().s_type;
    if (type != nullptr && !type->no_dax.empty()) return false;
    const std::string& options = mount->options().request.options;
    return HasMountWord(options, "dax") || HasMountWord(options, "dax=always");
  }

  // No place of a mapped device in memory is taken, but how long its queue's
  // requests are.
  bool IsOfQueue(const proto::Guess& guess) const {
    return guess.decides() == proto::Guess::PMD &&
           mapped_.contains(guess.name());
  }

  // Whether nobody says how long the requests are that end too early.
  bool IsOfTakenQueue(const Obstacle& o) const {
    if (o.name != FaultReasonName(FaultReasonCode::kRunMaxSectors)) {
      return false;
    }
    const BlockDevice* const bdev = session_.machine->FindBdevByName(o.device);
    if (bdev == nullptr) return false;
    const absl::Span<const int> about =
        guesses_.About(NameOfDevice(session_, *bdev));
    return std::any_of(about.begin(), about.end(), [&](int number) {
      return IsOfQueue(guesses_.Get(number));
    });
  }

  // Whether something that no place changes keeps it from larger pages: a
  // request that ends too early, or a hole.
  bool FailsAnyway() const {
    if (wish_ != Wish::kPmd && wish_ != Wish::kPud) return false;
    return std::any_of(
        look_.obstacles.begin(), look_.obstacles.end(), [&](const Obstacle& o) {
          return o.bytes != 0 && !absl::StartsWith(o.name, "pfn_") &&
                 !IsOfTakenQueue(o);
        });
  }

  const Session& session_;
  const GuessesByName& guesses_;
  const Look& look_;
  const Wish wish_;
  std::set<std::string> below_;   // the devices of the stack
  std::set<std::string> mapped_;  // those of them that have a table
  std::set<std::string> ends_;    // those of them that are not DAX
};

// Whether it is of what a file system that is made anew has not any more: what
// mkfs was told, and the flags of its inodes.
bool GoesWithMkfs(const proto::Guess& guess) {
  return guess.by_mkfs() || guess.otherwise_case() == proto::Guess::kDaxFlag;
}

}  // namespace

std::string LeftOutText(absl::string_view why) {
  return absl::StrCat("it is left out: ", why);
}

GuessesByName::GuessesByName(const Session& session) : session_(session) {
  for (int i = 0; i < session.guesses.size(); ++i) {
    by_name_[session.guesses.Get(i).name()].push_back(i);
  }
}

absl::Span<const int> GuessesByName::About(const std::string& name) const {
  const auto at = by_name_.find(name);
  if (at == by_name_.end()) return {};
  return at->second;
}

Unknown NotKnown(const Session& session, const GuessesByName& guesses,
                 OtherAnswers& others, const Look& look, Wish wish,
                 FileSystemIs fs) {
  Unknown unknown;
  if (!look.error.ok()) return unknown;
  unknown.open = FileDoubts(session, look, wish);
  if (guesses.empty()) return unknown;
  const bool fails = !HasWish(look, wish);
  const Doubts doubts(session, guesses, look, wish);
  for (const proto::Guess* guess : doubts.ThatMatter()) {
    if (fs == FileSystemIs::kMadeAnew && GoesWithMkfs(*guess)) continue;
    const bool either_way = fails && others.FailsToo(*guess, look, wish);
    (either_way ? unknown.either_way : unknown.open)
        .push_back(GuessText(*guess));
  }
  return unknown;
}

}  // namespace dmdax
