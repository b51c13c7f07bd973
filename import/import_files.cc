// SPDX-License-Identifier: Apache-2.0
#include "import/import_files.h"

#include <sys/stat.h>

#include <cerrno>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/errno_status.h"
#include "base/read_input.h"
#include "import/import_archive.h"
#include "import/import_collector.h"
#include "import/import_paths.h"

namespace dmdax {
namespace {

// What the members of an archive are that are no files.
class ArchiveLinks {
 public:
  void Add(const std::string& path, const ArchiveMember& member) {
    if (member.kind == ArchiveMember::kHardLink ||
        member.kind == ArchiveMember::kSymbolicLink) {
      links_.push_back(
          {path, member.target, member.kind == ArchiveMember::kHardLink});
    }
    if (member.kind == ArchiveMember::kDirectory) return;
    const bool looked_at = IsImportPath(path);
    if (looked_at && member.kind == ArchiveMember::kFile) files_.insert(path);
    if (!looked_at) unused_.insert(path.substr(0, path.rfind('/') + 1));
  }

  // Leaves out those that lead to what nobody looks at.
  void LeaveOut(Collector& collector) const {
    for (const Link& link : links_) {
      if (link.hard) {
        const std::string target(absl::StripPrefix(link.target, "./"));
        if (IsImportPath(link.path) && !files_.contains(target)) {
          collector.LeaveOut(link.path,
                             absl::StrCat("a hard link to '", target,
                                          "', which is not looked at"));
        }
        continue;
      }
      const std::optional<std::string> target =
          ResolveLink(link.path, link.target);
      if (target && files_.contains(*target)) continue;
      if (IsImportPath(link.path)) {
        collector.LeaveOutNamed(link.path, "a link that leads nowhere");
      }
      if (target && IsImportPath(absl::StrCat(link.path, "/x")) &&
          HasUnused(*target)) {
        collector.LeaveOut(link.path,
                           "a link to a directory that is not looked at");
      }
    }
  }

 private:
  struct Link {
    std::string path, target;
    bool hard;
  };

  bool HasUnused(const std::string& directory) const {
    const auto it = unused_.lower_bound(directory + "/");
    return it != unused_.end() && absl::StartsWith(*it, directory + "/");
  }

  std::vector<Link> links_;
  std::set<std::string> files_;   // that are looked at
  std::set<std::string> unused_;  // directories of those that are not
};

absl::Status Take(const ArchiveMember& member, const std::string& path,
                  Collector& collector) {
  if (member.kind == ArchiveMember::kOther) {
    collector.LeaveOut(path, "no regular file");
  }
  if (member.kind != ArchiveMember::kFile) return absl::OkStatus();
  std::string text;
  absl::Status s = member.read(Collector::kMostMember, &text);
  const bool more = ErrnoOf(s) == ENOSPC;
  if (!s.ok() && !more) return s;
  return collector.Offer(path, std::move(text),
                         more ? Collector::kBeginning : Collector::kWhole);
}

}  // namespace

absl::StatusOr<ImportRead> ReadImportArchive(absl::string_view bytes,
                                             const std::string& name) {
  Collector collector(name, Collector::kArchive);
  ArchiveLinks links;
  absl::Status s = VisitArchive(bytes, name, [&](const ArchiveMember& member) {
    const std::string path(absl::StripPrefix(member.path, "./"));
    links.Add(path, member);
    if (!path.empty() && !IsImportPath(path)) return absl::OkStatus();
    return Take(member, path, collector);
  });
  if (!s.ok()) return s;
  links.LeaveOut(collector);
  return collector.Finish();
}

std::unique_ptr<ImportInput> MakeImportInput(std::string name, std::string path,
                                             std::string text) {
  if (absl::StartsWith(text, "\xef\xbb\xbf")) text.erase(0, 3);
  return std::make_unique<ImportInput>(
      ImportInput{std::move(name), std::move(path), std::move(text)});
}

absl::StatusOr<ImportRead> ReadImportBytes(std::string bytes,
                                           const std::string& name) {
  if (!LooksLikeArchive(bytes)) {
    ImportRead read;
    read.inputs.push_back(MakeImportInput(name, name, std::move(bytes)));
    return read;
  }
  return ReadImportArchive(bytes, name);
}

absl::StatusOr<ImportRead> ReadImportFiles(const std::string& path) {
  struct stat st;
  if (path != "-" && stat(path.c_str(), &st) == 0 && S_ISDIR(st.st_mode)) {
    return ReadImportDirectory(path);
  }
  absl::StatusOr<std::string> bytes = ReadInput(path);
  if (!bytes.ok()) return bytes.status();
  return ReadImportBytes(*std::move(bytes), InputName(path));
}

}  // namespace dmdax
