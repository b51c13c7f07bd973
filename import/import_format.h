// SPDX-License-Identifier: Apache-2.0
//
// ImportFormat: one kind of what a machine prints, and the one list of them.
//
//   const ImportFormat* format = DetectImport(input);   // null: none of them
//   absl::Status s = format->read(input, &facts);
//
// A format is a file, formats/<name>_import.cc, which recognises an input by
// its content and says what it says into Facts.  One more is a file and its
// name here, in both halves of the list.  Everybody else uses import/import.h.
//
// Threading: pure functions and constants.
#ifndef DMDAX_IMPORT_IMPORT_FORMAT_H_
#define DMDAX_IMPORT_IMPORT_FORMAT_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "import/facts.h"
#include "import/import_input.h"

namespace dmdax {

// How an input of a format ends.
enum class LastLine {
  // With a line break.  Without one it may be cut, anywhere in its last line.
  kEnds,
  // Anyhow: what is cut does not parse, or is told by its size.
  kAny,
};

struct ImportFormat {
  absl::string_view name;   // as --as takes it
  absl::string_view title;  // the command or file it comes from
  bool (*detect)(const ImportInput& input);
  // EINVAL: "<file>:<line>:<column>: <what is expected>", or what another
  // input contradicts.
  absl::Status (*read)(const ImportInput& input, Facts* facts);
  LastLine last_line = LastLine::kEnds;
};

// As in formats/<name>_import.cc; LVM's are in lvm/.
extern const ImportFormat kSysfsImport, kFiemapImport, kLsblkImport,
    kFindmntImport, kLvmReportImport, kNdctlImport, kDaxctlImport,
    kLvmMetadataImport, kFilefragImport, kXfsBmapImport, kIomemImport,
    kPartitionsImport, kDevicesImport, kMountsImport, kKernelImport,
    kDmsetupInfoImport, kDmsetupTableImport, kDmsetupConciseImport,
    kBootLineImport, kLsblkPairsImport, kPartedImport, kMdstatImport,
    kXfsInfoImport, kSfdiskImport, kSwapsImport, kBlkidImport, kLsblkFsImport,
    kLosetupImport, kLsattrImport, kXfsStatImport, kFstabImport;

// All formats.  The first that recognises an input reads it.
inline constexpr const ImportFormat* kImportFormats[] = {
    &kSysfsImport,         &kFiemapImport,      &kLsblkImport,
    &kFindmntImport,       &kLvmReportImport,   &kNdctlImport,
    &kDaxctlImport,        &kLvmMetadataImport, &kFilefragImport,
    &kXfsBmapImport,       &kIomemImport,       &kPartitionsImport,
    &kDevicesImport,       &kFstabImport,       &kMountsImport,
    &kKernelImport,        &kDmsetupInfoImport, &kDmsetupTableImport,
    &kLsblkPairsImport,    &kPartedImport,      &kMdstatImport,
    &kXfsInfoImport,       &kSfdiskImport,      &kSwapsImport,
    &kBlkidImport,         &kLsblkFsImport,     &kLosetupImport,
    &kLsattrImport,        &kXfsStatImport,     &kBootLineImport,
    &kDmsetupConciseImport};

const ImportFormat* FindImportFormat(absl::string_view name);
const ImportFormat* DetectImport(const ImportInput& input);

}  // namespace dmdax

#endif  // DMDAX_IMPORT_IMPORT_FORMAT_H_
