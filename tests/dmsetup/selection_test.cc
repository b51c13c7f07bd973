// SPDX-License-Identifier: Apache-2.0
//
// Regular expressions of -S, which are RE2's: docs/dmsetup.md says where they
// are not dmsetup's, so no script compares these.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "state/session.h"
#include "tools/dmsetup/dmsetup.h"

namespace dmdax {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string Times(size_t n, absl::string_view s) {
  std::string all;
  for (size_t i = 0; i < n; ++i) absl::StrAppend(&all, s);
  return all;
}

class SelectionTest : public testing::Test {
 protected:
  SelectionTest() {
    proto::StateSnapshot snapshot;
    snapshot.mutable_world()->set_kernel("v6_1");
    session_ = *SessionFromSnapshot(snapshot);
    for (const char* name : {"abab", "home", "q{1}", "vg-lv", "\xe4"}) {
      EXPECT_EQ(Dmsetup({"create", "-n", name}).rc, 0);
    }
  }

  DmsetupResult Dmsetup(std::vector<std::string> words) {
    words.insert(words.end(), {"--manglename", "none"});
    return RunDmsetup(*session_.ctl, words, "");
  }
  DmsetupResult Select(const std::string& pattern) {
    return Dmsetup({"info", "-c", "--noheadings", "-o", "name", "-S",
                    absl::StrCat("name=~\"", pattern, "\"")});
  }
  std::vector<std::string> Selected(const std::string& pattern) {
    const DmsetupResult r = Select(pattern);
    EXPECT_EQ(r.err, "");
    return absl::StrSplit(r.out, '\n', absl::SkipEmpty());
  }

  Session session_;
};

TEST_F(SelectionTest, AnyPartMayMatch) {
  EXPECT_THAT(Selected("^vg-(lv|root)$"), ElementsAre("vg-lv"));
  EXPECT_THAT(Selected("o"), ElementsAre("home"));
  EXPECT_THAT(Selected("^o"), IsEmpty());
  EXPECT_THAT(Selected("[{-]"), ElementsAre("q{1}", "vg-lv"));
}

TEST_F(SelectionTest, OtherThanDmsetups) {
  // There this is a(b*|c*), after libdevmapper has factored it.
  EXPECT_THAT(Selected("^((ab)*|(ac)*)$"), ElementsAre("abab"));
  EXPECT_THAT(Selected("^q{1}"), ElementsAre("q{1}"));
  EXPECT_THAT(Selected("\\d"), ElementsAre("q{1}"));
  EXPECT_THAT(Selected("^(?i:HOME)$"), ElementsAre("home"));
  EXPECT_THAT(Selected("b(|x)"), ElementsAre("abab"));
  EXPECT_EQ(Selected("").size(), 5u);
}

TEST_F(SelectionTest, ACharacterIsAByte) {
  EXPECT_THAT(Selected("^.$"), ElementsAre("\xe4"));
  EXPECT_THAT(Selected("\xe4"), ElementsAre("\xe4"));
}

TEST_F(SelectionTest, WhatIsNoneIsNamed) {
  const DmsetupResult r = Select("(a");
  EXPECT_EQ(r.rc, 1);
  EXPECT_EQ(r.out, "");
  EXPECT_EQ(r.err,
            "Couldn't parse regex '(a': missing ): (a\n"
            "dm_report: failed to create regex matcher for selection field "
            "name\n");
}

TEST_F(SelectionTest, MuchIsAnsweredOrRefused) {
  std::string names = "^(vg-0";
  for (int i = 1; i < 4000; ++i) absl::StrAppend(&names, "|vg-", i);
  EXPECT_THAT(Selected(names + "|home)$"), ElementsAre("home"));
  EXPECT_THAT(Selected(absl::StrCat("^", Times(10000, "h?"), "o")),
              ElementsAre("home"));
  EXPECT_THAT(Select(Times(8000, "(")).err, HasSubstr("Couldn't parse regex"));
  EXPECT_THAT(Select("((h{100}){100}){100}").err,
              HasSubstr("Couldn't parse regex"));
}

}  // namespace
}  // namespace dmdax
