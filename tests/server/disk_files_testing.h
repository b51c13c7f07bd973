// SPDX-License-Identifier: Apache-2.0
//
// DiskFilesTest: a state of two disks, whose bytes are in files of its
// directory; a server of it, or machines in this process.
#ifndef DMDAX_TESTS_SERVER_DISK_FILES_TESTING_H_
#define DMDAX_TESTS_SERVER_DISK_FILES_TESTING_H_

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "block/machine.h"
#include "dm/io/block_file.h"
#include "server/protocol.h"
#include "server/resident.h"
#include "tests/server/serving.h"

namespace dmdax {

namespace fs = std::filesystem;

inline constexpr uint64_t kSda = DMDAX_DEV(8, 0), kSdb = DMDAX_DEV(8, 16);
inline constexpr uint64_t kMiB = 1 << 20, kDiskSize = 64 * kMiB;

class DiskFilesTest : public ServingTest {
 protected:
  void Prepare() override {
    signal(SIGXFSZ, SIG_IGN);
    Change([](Session& session) { AddDisks(session); });
  }
  static void AddDisks(Session& session) {
    for (uint32_t i : {0, 1}) {
      BlockOptions disk;
      disk.name = i == 0 ? "sda" : "sdb";
      disk.dev = DevT{8, 16 * i};
      disk.nr_sectors = kDiskSize / 512;
      EXPECT_TRUE(session.machine->AddBlock(disk).ok());
    }
  }
  static Said Open(const Client& client, uint64_t dev) {
    Said said = client.Open(DMDAX_KIND_BLOCK, dev, O_RDWR);
    EXPECT_EQ(said.head.error, 0);
    return said;
  }
  // The files with bytes of disks.
  std::vector<fs::path> Files() const {
    std::vector<fs::path> files;
    for (const fs::directory_entry& entry : fs::directory_iterator(state_)) {
      if (absl::StartsWith(entry.path().filename().string(), "disk.")) {
        files.push_back(entry.path());
      }
    }
    return files;
  }
  // --- a machine in this process ---
  std::unique_ptr<Resident> Machine() const {
    absl::StatusOr<std::unique_ptr<Resident>> machine = Resident::Of(state_);
    EXPECT_TRUE(machine.ok()) << machine.status();
    return *std::move(machine);
  }
  static absl::Status Write(Resident& machine, const std::string& disk,
                            uint64_t offset, const std::string& bytes) {
    absl::Status result;
    absl::Status s = machine.Write([&](Session& session) {
      absl::StatusOr<std::unique_ptr<BlockFile>> file = BlockFile::Open(
          *session.ctl, session.machine->FindBdevByName(disk)->dev(), O_RDWR,
          "test");
      result = file.status();
      if (file.ok()) result = (*file)->Write(offset, bytes).status();
      if (result.ok()) result = (*file)->Fsync();
    });
    result.Update(s);
    return result;
  }
  static std::string Read(Resident& machine, const std::string& disk,
                          uint64_t offset, uint64_t size) {
    EXPECT_TRUE(machine.Refresh().ok());
    Session& session = machine.session();
    absl::StatusOr<std::unique_ptr<BlockFile>> file = BlockFile::Open(
        *session.ctl, session.machine->FindBdevByName(disk)->dev(), O_RDONLY,
        "test");
    EXPECT_TRUE(file.ok()) << file.status();
    std::string bytes(size, '?');
    absl::StatusOr<size_t> n =
        (*file)->Read(offset, absl::MakeSpan(bytes.data(), bytes.size()));
    return n.ok() ? bytes : std::string(n.status().message());
  }
  // Puts a machine with blank disks in the place of the one that is there.
  void Replace() {
    absl::StatusOr<StateDir> dir = StateDir::Open(state_, StateDir::kWrite);
    ASSERT_TRUE(dir.ok() && dir->Read().ok());
    Session session = NewSession(DefaultKernelProfile(), 0);
    AddDisks(session);
    absl::StatusOr<proto::StateSnapshot> snapshot = SnapshotToKeep(
        session, 0, dir->disk_files(), DiskBytes::KeepHow::kSynced);
    ASSERT_TRUE(snapshot.ok()) << snapshot.status();
    ASSERT_TRUE(dir->Write(*std::move(snapshot), StateDir::kKeepForUndo).ok());
  }
  void Undo() {
    absl::StatusOr<StateDir> dir = StateDir::Open(state_, StateDir::kWrite);
    ASSERT_TRUE(dir.ok());
    ASSERT_TRUE(dir->Undo().ok());
  }
};

}  // namespace dmdax

#endif  // DMDAX_TESTS_SERVER_DISK_FILES_TESTING_H_
