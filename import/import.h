// SPDX-License-Identifier: Apache-2.0
//
// What a real machine prints, as a World.
//
//   Importer importer;
//   absl::Status s = importer.Add("lsblk.json");      // any number of them
//   if (s.ok()) s = importer.Add("sosreport-db1.tar.xz");
//   absl::StatusOr<Imported> machine = importer.Finish();
//   PrintWorld(machine->world, kTextprotoFormat);
//   for (const std::string& note : machine->notes) std::cerr << note << "\n";
//
// Which inputs there are: import/import_format.h.  Each is recognised by its
// content; a directory or archive gives all it has.  Inputs that contradict
// each other are refused with both places.  The World loads, and keeps the
// machine's device numbers; what it could not take over, or had to choose, is
// a note each.
//
// Errors: those of ReadImportFiles(); EINVAL with "<file>:<line>:<column>:
// <what was expected>", and for an input that is none of the known ones.
// Threading: thread-compatible.
#ifndef DMDAX_IMPORT_IMPORT_H_
#define DMDAX_IMPORT_IMPORT_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "state/world.pb.h"

namespace dmdax {

struct Facts;
struct ImportFormat;
struct ImportInput;
struct ImportRead;

struct Imported {
  proto::World world;
  std::vector<std::string> notes;
  // What was chosen that answers depend on (World::guess), with the place.
  std::vector<std::string> guesses;
  // Which profile answers for a release without one (World::release), or "".
  std::string kernel_note;

  // All that is to be said of it, what decides answers first.
  std::vector<std::string> AllNotes() const;
};

class Importer {
 public:
  Importer();
  ~Importer();

  // Reads `path`, or standard input for "-".  `as` names a format that it is
  // whatever it looks like; "": what it looks like.
  absl::Status Add(const std::string& path, absl::string_view as = "");
  // The same for bytes that errors call `name`.
  absl::Status AddBytes(std::string bytes, const std::string& name,
                        absl::string_view as = "");

  // The machine of all inputs.  `kernel`, as people call it, unless empty, is
  // the World's, and not that of the inputs.  Once.
  absl::StatusOr<Imported> Finish(const std::string& kernel = "");

 private:
  absl::Status AddRead(ImportRead read, absl::string_view as);
  absl::Status ReadOne(ImportRead& read, const ImportFormat* forced);
  void LeaveOutInput(const ImportInput& input, const ImportFormat& format,
                     const absl::Status& odd);
  void LeaveOutLastLine(ImportInput* input, const ImportFormat& format,
                        const absl::Status& cut);
  void LeaveOutByName(const ImportInput& input, const ImportFormat& format,
                      const absl::Status& odd);
  void ChooseKernel(const std::string& kernel, Imported* out);
  // The World, on the kernel that `out` has.
  static absl::StatusOr<Imported> Build(Facts* facts, Imported out);

  std::unique_ptr<Facts> facts_;
  std::vector<ImportRead> reads_;
};

// Whether bytes are an archive or what some format recognises, so that a World
// file they are not.
bool LooksImportable(absl::string_view bytes, const std::string& name);

// The format of bytes, by its name, "archive", or "" for none; of LVM's reports
// with what they are of, "lvm-report pv".
std::string ImportKindOf(absl::string_view bytes, const std::string& name);

// The names that `as` takes, with what they come from: "lsblk  lsblk -J -b -O".
std::vector<std::pair<std::string, std::string>> ImportFormatNames();

}  // namespace dmdax

#endif  // DMDAX_IMPORT_IMPORT_H_
