// SPDX-License-Identifier: Apache-2.0
#include "tests/scan/ext_image.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "gtest/gtest.h"

namespace dmdax {
namespace {

constexpr uint64_t kMiB = 1 << 20;

std::string Directory() {
  const char* const dir = getenv("TEST_TMPDIR");
  return absl::StrCat(dir != nullptr ? dir : "/tmp", "/scan-", getpid());
}

// What it prints; its exit status must be 0.
std::string Run(const std::string& command) {
  // Where Debian keeps them, whatever a test's PATH is.
  FILE* pipe =
      popen(absl::StrCat("PATH=/usr/sbin:/sbin:/usr/bin:/bin LC_ALL=C ",
                         command, " 2>&1")
                .c_str(),
            "r");
  std::string text;
  for (int c = fgetc(pipe); c != EOF; c = fgetc(pipe)) {
    text.push_back(static_cast<char>(c));
  }
  const int status = pclose(pipe);
  EXPECT_EQ(status, 0) << command << "\n" << text;
  return text;
}

std::string Pattern(uint64_t bytes, char seed) {
  std::string text(bytes, '\0');
  for (uint64_t i = 0; i < bytes; ++i) {
    text[i] = static_cast<char>(1 + (i / 4096 * 7 + i + seed) % 250);
  }
  return text;
}

// Data, a hole, data.
std::string Sparse() {
  std::string text(2 * kMiB + 12288, '\0');
  text.replace(64 * 1024, 8192, Pattern(8192, 1));
  text.replace(2 * kMiB, 12288, Pattern(12288, 2));
  return text;
}

std::string MakeTree() {
  const std::string top = Directory() + "/tree";
  for (const auto& [name, content] : TreeFiles()) {
    const std::filesystem::path path(absl::StrCat(top, "/", name));
    std::filesystem::create_directories(path.parent_path());
    std::ofstream out(path, std::ios::binary);
    // A hole of more than that stays one.
    constexpr uint64_t kChunk = 4096;
    for (uint64_t at = 0; at < content.size(); at += kChunk) {
      const std::string chunk = content.substr(at, kChunk);
      if (chunk.find_first_not_of('\0') == chunk.npos) continue;
      out.seekp(static_cast<std::streamoff>(at));
      out << chunk;
    }
    out.close();
    std::filesystem::resize_file(path, content.size());
  }
  std::filesystem::create_hard_link(top + "/data", top + "/db/a");
  std::filesystem::create_symlink("data", top + "/symbolic");
  EXPECT_EQ(mkfifo((top + "/fifo").c_str(), 0600), 0);
  return top;
}

}  // namespace

const std::map<std::string, std::string>& TreeFiles() {
  static const auto* const files = [] {
    auto* made = new std::map<std::string, std::string>{
        {"data", Pattern(5 * kMiB + 123, 3)},
        {"db/deep/er/sparse", Sparse()},
        {"empty", ""},
        {"small", "hello"},
    };
    for (int i = 0; i < 300; ++i) {
      (*made)[absl::StrCat("many/a name that needs room ", i)] = "x";
    }
    return made;
  }();
  return *files;
}

ExtImage::ExtImage(const std::string& words, const std::string& size) {
  static const std::string* const tree = new std::string(MakeTree());
  static int count = 0;
  path_ = absl::StrCat(Directory(), "/image", count++);
  Run(absl::StrCat("truncate -s ", size, " ", path_));
  if (!words.empty()) {
    Run(absl::StrCat("mke2fs -q -F ", words, " -d ", *tree, " ", path_));
  }
  Load();
}

void ExtImage::Load() {
  std::ifstream in(path_, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  bytes_ = text.str();
}

std::string ExtImage::Debugfs(const std::string& request) {
  std::string text = Run(absl::StrCat("debugfs -w -R '", request, "' ", path_));
  Load();
  return text;
}

absl::StatusOr<ScannedFileSystem> ExtImage::Scan() {
  return ScanWithBadByte(bytes_.size());
}

absl::StatusOr<ScannedFileSystem> ExtImage::ScanWithBadByte(uint64_t bad) {
  return ScanExt("image", bytes_.size(),
                 [&](uint64_t at, absl::Span<char> out) -> absl::Status {
                   if (at <= bad && bad < at + out.size()) {
                     return ErrnoError(EIO, absl::StrCat("byte ", bad));
                   }
                   bytes_.copy(out.data(), out.size(), at);
                   return absl::OkStatus();
                 });
}

std::string ContentOf(const ScannedFile& file, const std::string& image) {
  std::string content(file.options.size, '\0');
  for (const FileExtent& e : file.options.extents) {
    if (e.type != IOMAP_MAPPED || e.logical >= content.size()) continue;
    const uint64_t n = std::min(e.length, content.size() - e.logical);
    content.replace(e.logical, n, image, e.physical, n);
  }
  return content;
}

ScannedFile FindScanned(const ScannedFileSystem& fs, const std::string& name) {
  for (const ScannedFile& file : fs.files) {
    if (file.options.name == name) return file;
  }
  ADD_FAILURE() << "no file " << name;
  return {};
}

}  // namespace dmdax
