// SPDX-License-Identifier: Apache-2.0
#include "import/import_format.h"

namespace dmdax {

const ImportFormat* FindImportFormat(absl::string_view name) {
  for (const ImportFormat* format : kImportFormats) {
    if (format->name == name) return format;
  }
  return nullptr;
}

const ImportFormat* DetectImport(const ImportInput& input) {
  for (const ImportFormat* format : kImportFormats) {
    if (format->detect(input)) return format;
  }
  return nullptr;
}

}  // namespace dmdax
