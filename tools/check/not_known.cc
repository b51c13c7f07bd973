// SPDX-License-Identifier: Apache-2.0
#include "tools/check/not_known.h"

#include <algorithm>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "fs/file_system_type.h"
#include "import/guess.h"
#include "process/mount_point.h"
#include "tools/check/dax_depth.h"
#include "tools/check/file_doubts.h"

namespace dmdax {
namespace {

class Doubts {
 public:
  Doubts(const Session& session, const Look& look, Wish wish)
      : session_(session), look_(look), wish_(wish) {
    for (const BlockDevice* bdev : AllBelow(session, look.subject.bdev)) {
      below_.insert(NameOfDevice(session, *bdev));
    }
    if (look.subject.kind == Subject::kDevDax) below_.insert(look.subject.name);
    for (const Obstacle& o : look.obstacles) {
      for (const NotDaxLevel& level : o.down) {
        ends_.insert(NameOfDevice(session, *level.bdev));
      }
    }
  }

  bool Matters(const proto::Guess& guess) const {
    const bool of_mount =
        !look_.subject.mount.empty() && (guess.name() == look_.subject.mount ||
                                         guess.name() == look_.subject.name);
    if (!of_mount && !below_.contains(guess.name())) return false;
    if (guess.decides() == proto::Guess::NO_DAX) {
      return !look_.dax && DaxIsOpen(guess, of_mount);
    }
    if (!look_.dax || FailsAnyway()) return false;
    const bool pages = wish_ == Wish::kPmd || wish_ == Wish::kPud;
    if (guess.decides() == proto::Guess::PMD) return pages;
    return guess.decides() == proto::Guess::DAX || wish_ == Wish::kPud;
  }

 private:
  // Whether a file could have DAX if the guess was wrong.
  bool DaxIsOpen(const proto::Guess& guess, bool of_mount) const {
    if (of_mount) {
      // What is certain to have none below has none on top.
      return ends_.empty() ||
             std::any_of(session_.guesses.begin(), session_.guesses.end(),
                         [&](const proto::Guess& g) {
                           return g.decides() == proto::Guess::NO_DAX &&
                                  ends_.contains(g.name());
                         });
    }
    return ends_.contains(guess.name()) && MountAllows();
  }

  // Whether the mount, if there is one, would give its files DAX.
  bool MountAllows() const {
    for (const proto::Guess& g : session_.guesses) {
      if (!look_.subject.mount.empty() && g.name() == look_.subject.mount &&
          g.decides() == proto::Guess::NO_DAX) {
        return true;
      }
    }
    for (const auto& [at, mount] : session_.user->mounts()) {
      if (&mount->bdev() != look_.subject.bdev) continue;
      const FileSystemType* type = mount->sb().s_type;
      if (type != nullptr && !type->no_dax.empty()) return false;
      for (absl::string_view option :
           absl::StrSplit(mount->options().request.options, ',')) {
        if (option == "dax" || option == "dax=always") return true;
      }
      return false;
    }
    return true;
  }

  // Whether something that no place changes keeps it from larger pages: a
  // request that ends too early, or a hole.
  bool FailsAnyway() const {
    if (wish_ != Wish::kPmd && wish_ != Wish::kPud) return false;
    return std::any_of(
        look_.obstacles.begin(), look_.obstacles.end(), [](const Obstacle& o) {
          return o.bytes != 0 && !absl::StartsWith(o.name, "pfn_");
        });
  }

  const Session& session_;
  const Look& look_;
  const Wish wish_;
  std::set<std::string> below_;  // the devices of the stack
  std::set<std::string> ends_;   // those of them that are not DAX
};

}  // namespace

std::string LeftOutText(absl::string_view why) {
  return absl::StrCat("it is left out: ", why);
}

std::vector<std::string> NotKnown(const Session& session, const Look& look,
                                  Wish wish) {
  if (!look.error.ok()) return {};
  std::vector<std::string> unknown = FileDoubts(session, look, wish);
  if (session.guesses.empty()) return unknown;
  const Doubts doubts(session, look, wish);
  for (const proto::Guess& guess : session.guesses) {
    if (doubts.Matters(guess)) unknown.push_back(GuessText(guess));
  }
  return unknown;
}

}  // namespace dmdax
