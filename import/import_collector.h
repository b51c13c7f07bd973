// SPDX-License-Identifier: Apache-2.0
//
// Collector: what is kept of the files of a directory or archive, and what of
// them nobody could read.
//
// What would have been looked at and gives nothing must be told: a verdict
// without it may be wrong.
// Threading: thread-compatible.
#ifndef DMDAX_IMPORT_IMPORT_COLLECTOR_H_
#define DMDAX_IMPORT_IMPORT_COLLECTOR_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "import/import_files.h"
#include "import/import_input.h"
#include "import/import_paths.h"

namespace dmdax {

class Collector {
 public:
  enum Kind { kDirectory, kArchive };
  // kBeginning: the file has more than kMostMember bytes.
  enum Extent { kWhole, kBeginning };

  // Bytes of one file; of a larger one nothing is kept.
  static constexpr size_t kMostMember = size_t{64} << 20;

  Collector(std::string name, Kind kind)
      : name_(std::move(name)), directory_(kind == kDirectory) {}

  // Keeps it if some format takes it.
  absl::Status Offer(const std::string& path, std::string text,
                     Extent extent = kWhole);
  // Nobody knows what it has.
  void LeaveOut(const std::string& path, absl::string_view why);
  // The same of what by its name is known to have something.
  void LeaveOutNamed(const std::string& path, absl::string_view why);

  absl::StatusOr<ImportRead> Finish();

 private:
  // What no format takes, but is expected to have something by its name.
  void TellNamed(const ImportInput& input, NamedAs named);
  std::vector<ImportRead::Unread> Unread() const;
  // Why there is no input, and what was looked for.
  absl::Status NothingKnown(
      const std::vector<ImportRead::Unread>& unread) const;

  const std::string name_;
  const bool directory_;
  ImportInputs inputs_;
  uint64_t kept_ = 0;
  uint64_t offered_ = 0;
  // Without them the machine may be the same: archives, of which nobody knows
  // whose, and what other inputs may say.
  std::set<std::string> beside_;
  std::string too_large_;  // the first of which nobody knows what it is
  // By their directory and the cause: a report may have thousands.
  std::map<std::pair<std::string, std::string>, std::vector<std::string>>
      unread_;
};

// All files below a directory, or of an archive.
absl::StatusOr<ImportRead> ReadImportDirectory(const std::string& path);
absl::StatusOr<ImportRead> ReadImportArchive(absl::string_view bytes,
                                             const std::string& name);

}  // namespace dmdax

#endif  // DMDAX_IMPORT_IMPORT_COLLECTOR_H_
