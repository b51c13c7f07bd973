// SPDX-License-Identifier: Apache-2.0
#include "import/import_collector.h"

#include <algorithm>
#include <cerrno>
#include <memory>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "base/errno_status.h"
#include "import/formats/input_lines.h"
#include "import/import_archive.h"
#include "import/import_format.h"
#include "import/import_paths.h"
#include "import/look_alike.h"

namespace dmdax {
namespace {

constexpr uint64_t kMostKept = uint64_t{1} << 30;

// Whether a line is the first row of a table, and none of crontab's: "30 3 *
// *".
bool IsFirstRow(absl::string_view line) {
  const std::vector<absl::string_view> words =
      absl::StrSplit(line, absl::ByAnyChar(" \t"), absl::SkipEmpty());
  return words.size() > 2 && words[0] == "0" &&
         absl::ascii_isalpha(static_cast<unsigned char>(words[2][0]));
}

// Formats that many files look like count by the file's name too, or by more of
// what they have.
bool Fits(const ImportFormat& format, absl::string_view path,
          absl::string_view text) {
  const absl::string_view name = path.substr(path.rfind('/') + 1);
  const absl::string_view line =
      absl::StripLeadingAsciiWhitespace(FirstLine(text));
  if (&format == &kDmsetupTableImport && NamedFor(path) == NamedAs::kNothing &&
      !line.empty() &&
      absl::ascii_isdigit(static_cast<unsigned char>(line[0])) &&
      !IsFirstRow(line)) {
    return false;
  }
  if (&format == &kKernelImport) {
    return absl::StrContains(name, "uname") || name == "version";
  }
  if (&format == &kBootLineImport) return absl::StrContains(name, "cmdline");
  // dmsetup status and ls have the forms of table and info.
  return !absl::StrContains(name, "status") &&
         !absl::StrContains(name, "history");
}

bool HasExtents(const ImportFormat& format) {
  return &format == &kXfsBmapImport || &format == &kFilefragImport ||
         &format == &kFiemapImport;
}

std::string DirectoryOf(const std::string& path) {
  return path.substr(0, path.rfind('/') + 1);
}

// Whether it is an archive in the collection, or an input that is packed.
bool HidesInput(const std::string& path, const std::string& text) {
  if (!LooksLikeArchive(text)) return false;
  std::string inner = UnpackedBeginning(text);
  if (inner.empty() || LooksLikeArchive(inner)) return true;
  const auto input = MakeImportInput(path, path, std::move(inner));
  const ImportFormat* const format = DetectImport(*input);
  return format != nullptr && Fits(*format, path, input->text);
}

}  // namespace

absl::Status Collector::Offer(const std::string& path, std::string text,
                              Extent extent) {
  auto input =
      MakeImportInput(absl::StrCat(name_, path.empty() ? "" : ":", path),
                      path.empty() ? name_ : path, std::move(text));
  const ImportFormat* format = DetectImport(*input);
  if (format != nullptr && !path.empty() && !Fits(*format, path, input->text)) {
    format = nullptr;
  }
  const NamedAs named = NamedFor(input->path);
  ++offered_;
  if (format == nullptr && HidesInput(input->path, input->text)) {
    LeaveOut(input->path,
             "it is packed, or an archive, and not looked into: give it by "
             "itself, or unpacked");
    // One beside the machine's files may be of another machine.
    if (named == NamedAs::kNothing) beside_.insert(input->path);
    return absl::OkStatus();
  }
  if (extent == kBeginning) {
    const std::string why =
        absl::StrCat("it has more than ", kMostMember, " bytes");
    if (format != nullptr || named != NamedAs::kNothing || path.empty()) {
      LeaveOut(input->path, why);
    } else if (too_large_.empty()) {
      too_large_ = absl::StrCat(path, ": ", why);
    }
    return absl::OkStatus();
  }
  if (named == NamedAs::kExtents &&
      (format == nullptr || !HasExtents(*format))) {
    LeaveOut(input->path, input->text.empty() ? "it is empty"
                                              : "it does not begin with the "
                                                "extents of a file");
    return absl::OkStatus();
  }
  if (format == nullptr) {
    TellNamed(*input, named);
    return absl::OkStatus();
  }
  kept_ += input->text.size();
  if (kept_ > kMostKept) {
    return ErrnoError(EFBIG, absl::StrCat(name_, ": more than ", kMostKept,
                                          " bytes to read"));
  }
  inputs_.push_back(std::move(input));
  return absl::OkStatus();
}

void Collector::TellNamed(const ImportInput& input, NamedAs named) {
  if (named == NamedAs::kNothing ||
      input.text.find_first_not_of(" \t\r\n") == input.text.npos) {
    return;
  }
  const std::string what = LookAlike(input.text);
  if (named == NamedAs::kTables) {
    LeaveOut(input.path, what.empty() ? "it is not what its name says"
                                      : absl::StrCat("it is ", what));
  } else if (!what.empty()) {
    // Other inputs may say the same.
    LeaveOut(input.path, absl::StrCat("it is ", what));
    beside_.insert(input.path);
  }
}

void Collector::LeaveOut(const std::string& path, absl::string_view why) {
  unread_[{DirectoryOf(path), std::string(why)}].push_back(path);
}

void Collector::LeaveOutNamed(const std::string& path, absl::string_view why) {
  if (NamedFor(path) != NamedAs::kNothing) LeaveOut(path, why);
}

std::vector<ImportRead::Unread> Collector::Unread() const {
  constexpr size_t kMostAlike = 3;
  std::vector<ImportRead::Unread> unread;
  const auto is_harmless = [this](const std::string& path) {
    return NamedFor(path) == NamedAs::kHarmless || beside_.contains(path);
  };
  for (const auto& [where, paths] : unread_) {
    const auto& [directory, why] = where;
    if (paths.size() > kMostAlike) {
      const bool harmless =
          std::all_of(paths.begin(), paths.end(), is_harmless);
      unread.push_back({directory.empty() ? "." : directory,
                        absl::StrCat(paths.size(), " files: ", why), harmless});
      continue;
    }
    for (const std::string& path : paths) {
      unread.push_back({path, why, is_harmless(path)});
    }
  }
  for (ImportRead::Unread& one : unread) {
    one.name = one.path == name_ ? name_ : absl::StrCat(name_, ":", one.path);
  }
  return unread;
}

absl::Status Collector::NothingKnown(
    const std::vector<ImportRead::Unread>& unread) const {
  std::string why = too_large_;
  if (!unread.empty()) {
    const ImportRead::Unread& first = unread[0];
    why = absl::StrCat(first.path == name_ ? "" : first.path + ": ", first.why);
  }
  // A file that was packed alone is none of several.
  std::string looked_for;
  if (directory_ || offered_ != 1 || why.empty()) {
    looked_for = absl::StrCat(
        "; in ", offered_, offered_ == 1 ? " file" : " files",
        " looked for were ",
        absl::StrJoin(kImportFormats, ", ",
                      [](std::string* out, const ImportFormat* format) {
                        absl::StrAppend(out, format->name);
                      }),
        " (dmdax import --help)");
  }
  return ErrnoError(directory_ ? EISDIR : EINVAL,
                    absl::StrCat("'", name_, "': ",
                                 directory_ ? "Is a directory, and n" : "n",
                                 "othing in it can be imported",
                                 why.empty() ? "" : "; ", why, looked_for));
}

absl::StatusOr<ImportRead> Collector::Finish() {
  std::vector<ImportRead::Unread> unread = Unread();
  if (inputs_.empty()) return NothingKnown(unread);
  // The order of a directory is nobody's intention.
  std::sort(inputs_.begin(), inputs_.end(),
            [](const auto& a, const auto& b) { return a->path < b->path; });
  return ImportRead{.inputs = std::move(inputs_),
                    .source = ImportSource::kCollection,
                    .unread = std::move(unread)};
}

}  // namespace dmdax
