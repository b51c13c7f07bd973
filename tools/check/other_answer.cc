// SPDX-License-Identifier: Apache-2.0
#include "tools/check/other_answer.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "fs/mount_words.h"
#include "process/mount_point.h"
#include "state/world_load.h"

namespace dmdax {
namespace {

// The file system's data is there where its realtime device was, and the other
// way round.
void SwapDevices(const std::string& device, proto::Mount* mount) {
  std::vector<std::string> words;
  for (absl::string_view word : MountWords(mount->options())) {
    words.push_back(word == absl::StrCat("rtdev=", device)
                        ? absl::StrCat("rtdev=", mount->device())
                        : std::string(word));
  }
  mount->set_options(absl::StrJoin(words, ","));
  mount->set_device(device);
}

void MakeOtherwise(const proto::Guess& guess, proto::Mount* mount) {
  switch (guess.otherwise_case()) {
    case proto::Guess::kDaxFlag:
      for (proto::File& file : *mount->mutable_file()) {
        file.set_dax(!file.never_dax());
      }
      break;
    case proto::Guess::kOnDevice:
      SwapDevices(guess.on_device(), mount);
      break;
    case proto::Guess::kOptions:
      mount->set_options(guess.options());
      break;
    case proto::Guess::kNoDax:  // of a device, and needs no machine
    case proto::Guess::OTHERWISE_NOT_SET:
      break;
  }
}

// Whether it says what is true if it is wrong, and this kernel can have that.
bool SaysOtherwise(const proto::Guess& guess) {
  return guess.otherwise_case() != proto::Guess::OTHERWISE_NOT_SET &&
         guess.refused_by().empty();
}

}  // namespace

OtherAnswers::OtherAnswers(const proto::World& world,
                           const GuessesByName& guesses)
    : of_(world),
      guesses_(guesses),
      session_(absl::UnknownError("not loaded")) {}

OtherAnswers::~OtherAnswers() = default;

absl::flat_hash_map<std::string, proto::File*> OtherAnswers::FilesAskedAbout() {
  absl::flat_hash_map<std::string, proto::File*> files;
  for (int i = 0; i < guesses_.size(); ++i) {
    const proto::Guess& guess = guesses_.Get(i);
    if (guess.otherwise_case() == proto::Guess::kDaxFlag) {
      files.try_emplace(guess.name(), nullptr);
    }
  }
  if (files.empty()) return files;
  for (proto::Mount& mount : *world_.mutable_mount()) {
    for (proto::File& file : *mount.mutable_file()) {
      const auto asked =
          files.find(PathBelow(MountPath(mount.path()), file.name()));
      if (asked != files.end()) asked->second = &file;
    }
  }
  return files;
}

void OtherAnswers::Load() {
  tried_ = true;
  world_ = of_;
  world_.clear_guess();
  absl::flat_hash_map<std::string, proto::Mount*> mounts;
  for (proto::Mount& mount : *world_.mutable_mount()) {
    mounts.try_emplace(MountPath(mount.path()), &mount);
  }
  absl::flat_hash_map<std::string, proto::File*> files = FilesAskedAbout();
  for (int i = 0; i < guesses_.size(); ++i) {
    const proto::Guess& guess = guesses_.Get(i);
    if (const auto file = files.find(guess.name());
        file != files.end() && file->second != nullptr &&
        wrong_.try_emplace(guess.name(), guess.what()).second) {
      file->second->set_dax(!file->second->never_dax());
      continue;
    }
    const auto mount = mounts.find(guess.name());
    // Of two about one mount each can be wrong alone.
    if (mount == mounts.end() || !SaysOtherwise(guess) ||
        !wrong_.try_emplace(guess.name(), guess.what()).second) {
      *world_.add_guess() = guess;
    } else {
      MakeOtherwise(guess, mount->second);
    }
  }
  session_ = LoadWorld(world_);
  if (!session_.ok()) return;
  left_.emplace(*session_);
  next_ = std::make_unique<OtherAnswers>(world_, *left_);
}

bool OtherAnswers::FailsToo(const proto::Guess& guess, const Look& look,
                            Wish wish) {
  // Of whoever fails with DAX below him nothing holds without it, whatever else
  // is wrong.
  if (guess.otherwise_case() == proto::Guess::kNoDax) return true;
  // A mount of which no file is known says nothing of what a file would get.
  if (!SaysOtherwise(guess) || look.subject.kind != Subject::kFile) {
    return false;
  }
  if (!tried_) Load();
  if (!session_.ok()) return false;
  const auto wrong = wrong_.find(guess.name());
  if (wrong == wrong_.end() || wrong->second != guess.what()) return false;
  const Look other = LookAt(*session_, {look.subject.name, wish});
  return other.error.ok() && !HasWish(other, wish) &&
         NotKnown(*session_, *left_, *next_, other, wish).open.empty();
}

}  // namespace dmdax
