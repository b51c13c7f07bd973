// SPDX-License-Identifier: Apache-2.0
//
// The bytes of a struct fiemap, as FS_IOC_FIEMAP fills it.
#include <cstring>

#include "absl/strings/str_cat.h"
#include "import/import_format.h"

namespace dmdax {
namespace {

constexpr size_t kHeader = 32;  // struct fiemap
constexpr size_t kExtent = 56;  // struct fiemap_extent

uint32_t Word(absl::string_view bytes, size_t at) {
  uint32_t word;
  memcpy(&word, bytes.data() + at, sizeof(word));
  return word;
}

bool Detect(const ImportInput& input) {
  const absl::string_view bytes = input.text;
  if (bytes.size() < kHeader + kExtent) return false;
  const uint32_t mapped = Word(bytes, 20);
  const uint32_t room = Word(bytes, 24);
  constexpr uint32_t kFlags = 7;  // FIEMAP_FLAG_*
  // fm_reserved, and that of the first extent.
  return mapped > 0 && (Word(bytes, 16) & ~kFlags) == 0 &&
         (bytes.size() - kHeader) / kExtent >= mapped &&
         (room == 0 || room >= mapped) && Word(bytes, 28) == 0 &&
         Word(bytes, kHeader + 24) == 0 && Word(bytes, kHeader + 32) == 0;
}

absl::Status Read(const ImportInput& input, Facts* facts) {
  absl::StatusOr<ExtentList> list = ParseFiemap(input.text);
  if (!list.ok()) {
    return Place{&input}.Error(list.status().message());
  }
  // The bytes do not say which file.
  absl::string_view name = input.path;
  name = name.substr(name.rfind('/') + 1);
  facts->Note(Place{&input}, absl::StrCat("extents of a file without a name: "
                                          "called '",
                                          name, "' as the input is"));
  facts->files.push_back({Place{&input}, std::string(name), *std::move(list)});
  return absl::OkStatus();
}

}  // namespace

extern const ImportFormat kFiemapImport = {"fiemap", "struct fiemap", Detect,
                                           Read, LastLine::kAny};

}  // namespace dmdax
