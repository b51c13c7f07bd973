// SPDX-License-Identifier: Apache-2.0
#include "tools/world_file.h"

#include <sys/stat.h>

#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "base/read_input.h"
#include "formats/world_format.h"
#include "import/import.h"
#include "import/look_alike.h"
#include "state/dir/state_files.h"
#include "state/on_kernel.h"
#include "state/world_load.h"
#include "tools/tell.h"

namespace dmdax {

namespace {

absl::StatusOr<ParsedWorld> Finish(Importer& importer,
                                   const std::string& kernel,
                                   std::vector<std::string>* notes) {
  absl::StatusOr<Imported> machine = importer.Finish(kernel);
  if (!machine.ok()) return machine.status();
  if (notes != nullptr) {
    *notes = std::move(machine->notes);
    return ParsedWorld{machine->world};
  }
  machine->kernel_note.clear();
  TellAll(machine->AllNotes());
  return ParsedWorld{machine->world};
}

bool IsDirectory(const std::string& path) {
  struct stat st;
  return path != "-" && stat(path.c_str(), &st) == 0 && S_ISDIR(st.st_mode);
}

// What somebody may have meant with a directory that is no machine.
std::string MeantBy(const std::string& directory) {
  namespace fs = std::filesystem;
  std::error_code error;
  if (fs::is_regular_file(fs::path(directory) / kStateDb, error)) {
    return absl::StrCat("; it is a state: --state ", directory);
  }
  for (fs::directory_iterator it(directory, error);
       !error && it != fs::directory_iterator(); it.increment(error)) {
    std::error_code gone;
    if (!it->is_regular_file(gone)) continue;
    const std::string ending = it->path().extension().string();
    for (absl::string_view of_world : {".textproto", ".world", ".json"}) {
      if (ending != of_world) continue;
      return absl::StrCat("; a World is a file: ", it->path().string());
    }
  }
  return "";
}

}  // namespace

absl::StatusOr<ParsedWorld> ReadWorldFile(const std::string& path,
                                          const std::string& kernel,
                                          std::vector<std::string>* notes) {
  Importer importer;
  if (IsDirectory(path)) {
    if (absl::Status s = importer.Add(path); !s.ok()) {
      if (ErrnoOf(s) != EISDIR) return s;
      return ErrnoError(EISDIR, absl::StrCat(s.message(), MeantBy(path)));
    }
    return Finish(importer, kernel, notes);
  }
  absl::StatusOr<std::string> bytes = ReadInput(path);
  if (!bytes.ok()) return bytes.status();
  const std::string name = InputName(path);
  // In every format no bytes are an empty World, and {} is one in JSON.  Nobody
  // means that: a pipe gives no bytes if its writer failed, and a program that
  // found nothing writes {}.
  const auto empty = [&] {
    return ErrnoError(
        ENODATA, absl::StrCat("'", name, "' is empty, not a World; ",
                              "a machine without devices is kernel: \"v6_1\""));
  };
  if (SignificantText(*bytes).empty()) return empty();
  if (LooksImportable(*bytes, path)) {
    absl::Status s = importer.AddBytes(*std::move(bytes), name);
    if (!s.ok()) return s;
    return Finish(importer, kernel, notes);
  }
  if (const std::string what = LookAlike(*bytes); !what.empty()) {
    return ErrnoError(EINVAL, absl::StrCat("'", name, "' is ", what));
  }
  absl::StatusOr<ParsedWorld> parsed = ParseWorld(*std::move(bytes), name);
  if (!parsed.ok()) return parsed.status();
  if (parsed->world.ByteSizeLong() == 0) return empty();
  parsed->world = OnKernel(std::move(parsed->world), kernel);
  return parsed;
}

absl::StatusOr<Session> SessionFromWorldFile(const std::string& path,
                                             const std::string& kernel) {
  absl::StatusOr<ParsedWorld> parsed = ReadWorldFile(path, kernel);
  if (!parsed.ok()) return parsed.status();
  if (const std::string note = KernelOf(parsed->world).note; !note.empty()) {
    Tell(note);
  }
  return LoadWorld(parsed->world, parsed->source);
}

}  // namespace dmdax
