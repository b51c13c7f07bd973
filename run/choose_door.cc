// SPDX-License-Identifier: Apache-2.0
#include "run/choose_door.h"

#include <elf.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/fd.h"

namespace dmdax {
namespace {

// "": there is none.
std::string FindProgram(const std::string& name) {
  if (absl::StrContains(name, '/')) return name;
  const char* const path = getenv("PATH");
  for (const absl::string_view dir :
       absl::StrSplit(path != nullptr ? path : "/usr/bin:/bin", ':')) {
    std::string at = absl::StrCat(dir.empty() ? "." : dir, "/", name);
    struct stat st;
    if (stat(at.c_str(), &st) == 0 && S_ISREG(st.st_mode) &&
        access(at.c_str(), X_OK) == 0) {
      return at;
    }
  }
  return "";
}

std::string ReadAt(const Fd& fd, uint64_t offset, size_t size) {
  std::string bytes(size, '\0');
  const ssize_t n =
      pread(fd.get(), bytes.data(), size, static_cast<off_t>(offset));
  bytes.resize(n > 0 ? static_cast<size_t>(n) : 0);
  return bytes;
}

Door DoorOfElf(const Fd& fd, const std::string& head) {
  Elf64_Ehdr header;
  if (head.size() < sizeof(header)) return Door::kPreload;
  memcpy(&header, head.data(), sizeof(header));
  if (header.e_phentsize != sizeof(Elf64_Phdr)) return Door::kPreload;
  bool is_dynamic = false, is_go = false;
  for (uint64_t i = 0; i < header.e_phnum; ++i) {
    const std::string bytes =
        ReadAt(fd, header.e_phoff + i * sizeof(Elf64_Phdr), sizeof(Elf64_Phdr));
    Elf64_Phdr part;
    if (bytes.size() < sizeof(part)) return Door::kPreload;
    memcpy(&part, bytes.data(), sizeof(part));
    is_dynamic |= part.p_type == PT_INTERP;
    // A note is its name's length, its own, its type, and then the name.
    constexpr absl::string_view kGo("Go\0\0", 4);
    if (part.p_type == PT_NOTE) {
      is_go |=
          absl::StrContains(ReadAt(fd, part.p_offset,
                                   part.p_filesz < 4096 ? part.p_filesz : 4096),
                            kGo);
    }
  }
  return is_dynamic && !is_go ? Door::kPreload : Door::kNotify;
}

Door DoorOf(const std::string& name, int scripts) {
  const std::string path = FindProgram(name);
  const Fd fd(path.empty() ? -1 : open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.ok()) return Door::kPreload;
  const std::string head = ReadAt(fd, 0, 256);
  if (absl::StartsWith(head, ELFMAG)) {
    return head.size() > EI_CLASS && head[EI_CLASS] == ELFCLASS64
               ? DoorOfElf(fd, head)
               : Door::kPreload;
  }
  if (!absl::StartsWith(head, "#!") || scripts == 0) return Door::kPreload;
  const absl::string_view line =
      absl::string_view(head).substr(2, head.find('\n') - 2);
  const std::vector<std::string> words =
      absl::StrSplit(line, absl::ByAnyChar(" \t"), absl::SkipEmpty());
  if (words.empty()) return Door::kPreload;
  const bool is_env = absl::EndsWith(words[0], "/env") && words.size() > 1;
  return DoorOf(is_env ? words[1] : words[0], scripts - 1);
}

}  // namespace

Door ChooseDoor(const std::string& program) {
  constexpr int kMostScripts = 4;  // as BINPRM_MAX_RECURSION of the kernel
  return DoorOf(program, kMostScripts);
}

}  // namespace dmdax
