// SPDX-License-Identifier: Apache-2.0
//
// The table of dmsetup's verbs says what is so, and what shows verbs shows
// those of the table.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "state/session.h"
#include "tools/dmsetup/command.h"
#include "tools/dmsetup/dmsetup.h"

namespace dmdax {
namespace {

using testing::HasSubstr;

Session Machine1() {
  proto::StateSnapshot snapshot;
  snapshot.mutable_world()->set_kernel("v6_1");
  return *SessionFromSnapshot(snapshot);
}

// The machine, without what its next snapshot would be called.
std::string Bytes(const Session& session) {
  return SnapshotOf(session, 1).SerializeAsString();
}

DmsetupResult Dmsetup(Session& session, const std::vector<std::string>& words) {
  return RunDmsetup(*session.ctl, words, "");
}

TEST(Verbs, EachIsFoundByItsNameAndDoesSomething) {
  std::set<absl::string_view> names;
  for (const DmsetupCommand* command : DmsetupCommands()) {
    EXPECT_TRUE(names.insert(command->name).second) << command->name;
    EXPECT_EQ(FindDmsetupCommand(command->name), command);
    EXPECT_NE(command->fn, nullptr) << command->name;
  }
  EXPECT_EQ(FindDmsetupCommand(""), nullptr);
}

TEST(Verbs, TheUsageHasEachInItsOrder) {
  Session session = Machine1();
  const std::string usage = Dmsetup(session, {"help"}).err;
  std::string rows;
  for (const DmsetupCommand* command : DmsetupCommands()) {
    absl::StrAppend(&rows, "\t", command->name, " ", command->arguments, "\n");
  }
  EXPECT_THAT(usage, HasSubstr(absl::StrCat("\n\n", rows, "\n<device>")));
}

TEST(Verbs, ThoseThatOnlyAskLeaveTheMachineAsItIs) {
  Session session = Machine1();
  ASSERT_EQ(Dmsetup(session, {"create", "d0", "--table", "0 8 zero"}).rc, 0);
  const std::string before = Bytes(session);
  int asks = 0;
  for (const DmsetupCommand* command : DmsetupCommands()) {
    const std::string verb(command->name);
    EXPECT_EQ(DmsetupOnlyAsks(verb), command->effect == DmsetupCommand::kAsks);
    if (!DmsetupOnlyAsks(verb)) continue;
    ++asks;
    Dmsetup(session, {verb});
    Dmsetup(session, {verb, "d0"});
    EXPECT_EQ(Bytes(session), before) << verb;
  }
  EXPECT_GE(asks, 13);
  EXPECT_FALSE(DmsetupOnlyAsks("suspend"));
  EXPECT_FALSE(DmsetupOnlyAsks("no verb"));
  // The comparison sees a change.
  Dmsetup(session, {"suspend", "d0"});
  EXPECT_NE(Bytes(session), before);
}

TEST(Verbs, WhichReadStandardInput) {
  using Words = std::vector<std::string>;
  for (const Words& words :
       {Words{"create", "d0"}, Words{"create", "--concise"},
        Words{"load", "d0"}, Words{"reload", "-u", "U"},
        Words{"udevcomplete_all"}}) {
    EXPECT_TRUE(DmsetupReadsInput(words)) << words[0];
  }
  for (const Words& words :
       {Words{"create", "d0", "-n"}, Words{"create", "d0", "file"},
        Words{"create"}, Words{"load", "-u", "U", "file"},
        Words{"load", "d0", "--table", ""}, Words{"udevcomplete_all", "-y"},
        Words{"table", "d0"}, Words{"no verb"}}) {
    EXPECT_FALSE(DmsetupReadsInput(words)) << words[0];
  }
}

// dmsetup reads lines as C strings.
TEST(Verbs, ALineOfATableEndsAtItsNul) {
  Session session = Machine1();
  constexpr absl::string_view kTable("0 8 zero\0 9\n\0 x\n8 8 error\0\n", 27);
  DmsetupResult r =
      RunDmsetup(*session.ctl, {"create", "d0"}, std::string(kTable));
  EXPECT_EQ(r.rc, 0) << r.err;
  ASSERT_FALSE(r.hints.empty());
  EXPECT_THAT(r.hints[0], HasSubstr("<stdin>:1:9: "));
  EXPECT_EQ(Dmsetup(session, {"table", "d0"}).out, "0 8 zero \n8 8 error \n");
}

// Whatever looks like a message and is none is a text.
TEST(Verbs, BytesThatAreNoTableAreRefusedInDmsetupsWords) {
  Session session = Machine1();
  for (const char* bytes : {"\xd9\xa3 8 zero\n", "\x01\x02 8 zero\n"}) {
    const DmsetupResult r = RunDmsetup(*session.ctl, {"create", "d0"}, bytes);
    EXPECT_EQ(r.rc, 1);
    EXPECT_EQ(r.err,
              "Invalid format on line 1 of table on stdin.\nCommand failed.\n");
    ASSERT_FALSE(r.hints.empty());
    EXPECT_THAT(r.hints[0], HasSubstr("not a binary Table"));
  }
}

// What `dmsetup table` prints of all devices has names before its rows, as a
// textproto has before its values.
TEST(Verbs, ANameBeforeARowIsNoMessage) {
  Session session = Machine1();
  for (const char* bytes : {"d0:\n0 8 zero\n", "d0: 0 8 zero\n"}) {
    const DmsetupResult r = RunDmsetup(*session.ctl, {"create", "d0"}, bytes);
    EXPECT_EQ(r.rc, 1);
    EXPECT_EQ(r.err,
              "Invalid format on line 1 of table on stdin.\nCommand failed.\n");
    ASSERT_FALSE(r.hints.empty());
    EXPECT_THAT(r.hints[0], HasSubstr("has no field named \"d0\""));
  }
}

// A device is a file, whose text ends at the first NUL of a line.
TEST(Verbs, ATableMayStandOnADevice) {
  Session session = Machine1();
  ASSERT_EQ(Dmsetup(session, {"create", "d0", "--table", "0 16 zero"}).rc, 0);
  DmsetupResult r = Dmsetup(session, {"load", "d0", "/dev/mapper/d0"});
  EXPECT_EQ(r.rc, 1);
  EXPECT_EQ(r.err,
            "device-mapper: reload ioctl on d0  failed: Invalid argument\n"
            "Command failed.\n")
      << "no rows";
  EXPECT_EQ(Dmsetup(session, {"create", "d1", "/dev/mapper/d0"}).rc, 0);
  EXPECT_EQ(Dmsetup(session, {"create", "d2", "/dev"}).rc, 0);
  EXPECT_EQ(Dmsetup(session, {"load", "d0", "/dev/mapper/nope"}).err,
            "Couldn't open '/dev/mapper/nope' for reading.\nCommand failed.\n");
  EXPECT_EQ(Dmsetup(session, {"load", "d0", ""}).err,
            "Couldn't open '' for reading.\nCommand failed.\n");
  EXPECT_EQ(Dmsetup(session, {"create", "d3", "/dev/mapper/control"}).rc, 0);
  ASSERT_EQ(Dmsetup(session, {"suspend", "d0"}).rc, 0);
  EXPECT_TRUE(Dmsetup(session, {"load", "d1", "/dev/mapper/d0"}).would_block);
}

// More -v say no more: how libdevmapper does it is nobody's business here.
TEST(Verbs, VerboseIsAboutResults) {
  Session session = Machine1();
  ASSERT_EQ(Dmsetup(session, {"create", "d0", "--table", "0 16 zero"}).rc, 0);
  const DmsetupResult once = Dmsetup(session, {"status", "-v", "d0"});
  EXPECT_THAT(once.out, HasSubstr("Open count:"));
  EXPECT_EQ(Dmsetup(session, {"status", "-vvv", "d0"}).out, once.out);
  EXPECT_EQ(Dmsetup(session, {"remove", "-vvv", "d0"}).out, "");
}

// Regions are messages to the kernel; what dmstats makes of them is its own.
TEST(Verbs, StatisticsAreTheRealOnes) {
  Session session = Machine1();
  ASSERT_EQ(Dmsetup(session, {"create", "d0", "--table", "0 16 zero"}).rc, 0);
  DmsetupResult r = Dmsetup(session, {"stats", "create", "d0", "--areas", "3"});
  EXPECT_EQ(r.rc, 1);
  EXPECT_THAT(r.err, HasSubstr("dmdax run -- dmstats"));
  const std::vector<std::string> fields = {"info", "-c", "-o",
                                           "name,read_count"};
  r = Dmsetup(session, fields);
  EXPECT_EQ(r.rc, 0);
  EXPECT_EQ(r.out + r.err, "") << "no region, no row";
  ASSERT_EQ(Dmsetup(session, {"message", "d0", "0", "@stats_create", "-", "/1",
                              "dmstats"})
                .rc,
            0);
  r = Dmsetup(session, fields);
  EXPECT_EQ(r.rc, 1);
  EXPECT_THAT(r.err, HasSubstr("dmdax run -- dmstats"));
}

TEST(Verbs, AnIntervalWithoutCountIsWithoutEnd) {
  Session session = Machine1();
  ASSERT_EQ(Dmsetup(session, {"create", "d0", "--table", "0 16 zero"}).rc, 0);
  DmsetupResult r = Dmsetup(session, {"table", "--interval", "1"});
  EXPECT_TRUE(r.endless);
  EXPECT_EQ(r.out, "d0: 0 16 zero \n");
  EXPECT_TRUE(Dmsetup(session, {"table", "--count", "0"}).endless);
  EXPECT_FALSE(Dmsetup(session, {"table", "--count", "2"}).endless);
  // Unless the second time fails.
  r = Dmsetup(session, {"remove", "d0", "--interval", "1"});
  EXPECT_FALSE(r.endless);
  EXPECT_EQ(r.rc, 1);
}

}  // namespace
}  // namespace dmdax
