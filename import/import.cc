// SPDX-License-Identifier: Apache-2.0
#include "import/import.h"

#include <cerrno>
#include <initializer_list>
#include <set>

#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "base/kernel_alias.h"
#include "base/kernel_profile.h"
#include "base/nearest.h"
#include "base/read_input.h"
#include "base/utf8.h"
#include "fs/dax_words.h"
#include "import/build_world.h"
#include "import/contradictions.h"
#include "import/facts.h"
#include "import/formats/input_lines.h"
#include "import/guess.h"
#include "import/import_archive.h"
#include "import/import_files.h"
#include "import/import_format.h"
#include "import/import_paths.h"
#include "import/look_alike.h"
#include "import/unread_input.h"
#include "state/world_load.h"

namespace dmdax {

std::vector<std::string> Imported::AllNotes() const {
  std::vector<std::string> all = guesses;
  if (!kernel_note.empty()) all.push_back(kernel_note);
  all.insert(all.end(), notes.begin(), notes.end());
  return all;
}

Importer::Importer() : facts_(std::make_unique<Facts>()) {}
Importer::~Importer() = default;

namespace {

// What was left out may be what was wanted.
std::string NoDevice(absl::Span<const std::string> notes) {
  constexpr size_t kShown = 5;
  std::string text =
      "the inputs describe no device: lsblk -J -b -O, ndctl list -RNDu and "
      "dmsetup table do (tools/collect.sh collects all)";
  for (size_t i = 0; i < notes.size() && i < kShown; ++i) {
    absl::StrAppend(&text, "; ", notes[i]);
  }
  if (notes.size() > kShown) absl::StrAppend(&text, "; ...");
  return text;
}

// EINVAL: what prints such a text ends its last line.
absl::Status CheckLastLine(const ImportInput& input,
                           const ImportFormat& format) {
  const std::string& text = input.text;
  if (format.last_line == LastLine::kAny || text.empty() ||
      text.back() == '\n') {
    return absl::OkStatus();
  }
  const size_t end = text.rfind('\n') + 1;
  const Place place{&input, static_cast<size_t>(absl::c_count(text, '\n')) + 1,
                    text.size() - end + 1};
  return place.Error(
      "a line break is expected: the text may be cut here (if it is whole, end "
      "its last line)");
}

// Whether the World's kernel refuses to mount `path` with DAX if it has
// reflink.
bool RefusesReflink(const proto::World& world, absl::string_view path) {
  const absl::StatusOr<const KernelProfile*> kernel =
      FindKernelProfile(world.kernel());
  const XfsDaxReflink reflink =
      (kernel.ok() ? **kernel : DefaultKernelProfile()).xfs_dax_reflink;
  if (reflink != XfsDaxReflink::kNotPartitions) {
    return reflink == XfsDaxReflink::kRefused;
  }
  return absl::c_any_of(world.mount(), [&](const proto::Mount& mount) {
    return mount.path() == path &&
           absl::c_any_of(world.block(), [&](const proto::Block& block) {
             return !block.partition_of().empty() &&
                    mount.device() == absl::StrCat("/dev/", block.name());
           });
  });
}

}  // namespace

absl::Status Importer::Add(const std::string& path, absl::string_view as) {
  if (!as.empty()) {
    absl::StatusOr<std::string> bytes = ReadInput(path);
    if (!bytes.ok()) return bytes.status();
    return AddBytes(*std::move(bytes), InputName(path), as);
  }
  absl::StatusOr<ImportRead> read = ReadImportFiles(path);
  if (!read.ok()) return read.status();
  return AddRead(*std::move(read), as);
}

absl::Status Importer::AddBytes(std::string bytes, const std::string& name,
                                absl::string_view as) {
  absl::StatusOr<ImportRead> read =
      as.empty() ? ReadImportBytes(std::move(bytes), name) : [&] {
        ImportRead one;
        one.inputs.push_back(MakeImportInput(name, name, std::move(bytes)));
        return absl::StatusOr<ImportRead>(std::move(one));
      }();
  if (!read.ok()) return read.status();
  return AddRead(*std::move(read), as);
}

absl::Status Importer::AddRead(ImportRead read, absl::string_view as) {
  const ImportFormat* forced = nullptr;
  if (!as.empty()) {
    forced = FindImportFormat(as);
    if (forced == nullptr) {
      std::vector<std::string> kinds;
      for (const auto& [name, title] : ImportFormatNames()) {
        kinds.push_back(name);
      }
      return ErrnoError(EINVAL, absl::StrCat("no kind of input '", as, "'",
                                             DidYouMean(as, kinds)));
    }
  }
  for (const ImportRead::Unread& one : read.unread) {
    facts_->NoteOnce(absl::StrCat(one.name, ": ", one.why, ": left out"));
    // World files are UTF-8, names of files any bytes.
    if (!one.harmless) {
      facts_->left_out.try_emplace(
          IsUtf8(one.path) ? one.path : absl::CHexEscape(one.path),
          WhyUnread(NamedFor(one.path) == NamedAs::kExtents ? HasOnlyFiles::kYes
                                                            : HasOnlyFiles::kNo,
                    IsUtf8(one.why) ? one.why : absl::CHexEscape(one.why)));
    }
  }
  // Places point into it from now on.
  reads_.push_back(std::move(read));
  return ReadOne(reads_.back(), forced);
}

absl::Status Importer::ReadOne(ImportRead& read, const ImportFormat* forced) {
  for (const std::unique_ptr<ImportInput>& input : read.inputs) {
    const ImportFormat* format =
        forced != nullptr ? forced : DetectImport(*input);
    if (format == nullptr) {
      if (const std::string what = LookAlike(input->text); !what.empty()) {
        return ErrnoError(EINVAL,
                          absl::StrCat("'", input->name, "' is ", what));
      }
      return ErrnoError(
          EINVAL,
          absl::StrCat("'", input->name,
                       input->text.empty()
                           ? "' is empty"
                           : "': none of the kinds that can be imported "
                             "(dmdax import --help); --as says which it is "
                             "meant to be, and a World needs no import: "
                             "--world, machine load"));
    }
    if (absl::Status cut = CheckLastLine(*input, *format); !cut.ok()) {
      if (read.source != ImportSource::kCollection) return cut;
      LeaveOutLastLine(input.get(), *format, cut);
      // Of tables even a part of a row says whose table is not known.
      if (input->text.empty() && format != &kDmsetupTableImport) continue;
    }
    if (read.source == ImportSource::kCollection) {
      // Nobody has chosen these files: an odd one does not spoil the others.
      std::set<std::string> odd_lines;
      Facts alone;
      alone.odd_lines = &odd_lines;
      alone.skips_new_lines = true;
      if (absl::Status odd = format->read(*input, &alone); !odd.ok()) {
        LeaveOutInput(*input, *format, odd);
        continue;
      }
      facts_->odd_lines = &odd_lines;
      absl::Status s = format->read(*input, facts_.get());
      facts_->odd_lines = nullptr;
      if (!s.ok()) return s;
      continue;
    }
    absl::Status s = format->read(*input, facts_.get());
    if (!s.ok()) return s;
  }
  return absl::OkStatus();
}

void Importer::LeaveOutLastLine(ImportInput* input, const ImportFormat& format,
                                const absl::Status& cut) {
  facts_->NoteOnce(absl::StrCat(cut.message(), ": the line is left out"));
  // Nor does anybody know what came behind it.
  LeaveOutByName(*input, format, cut);
  const size_t end = input->text.rfind('\n') + 1;  // 0: it is all of it
  input->cut = input->text.substr(end);
  input->text.resize(end);
}

void Importer::LeaveOutInput(const ImportInput& input,
                             const ImportFormat& format,
                             const absl::Status& odd) {
  facts_->NoteOnce(absl::StrCat(odd.message(), ": left out"));
  // Of the others nobody knows what they would have said of the devices.
  for (const ImportFormat* harmless :
       {&kKernelImport, &kIomemImport, &kDevicesImport, &kFstabImport}) {
    if (&format == harmless) return;
  }
  LeaveOutByName(input, format, odd);
}

void Importer::LeaveOutByName(const ImportInput& input,
                              const ImportFormat& format,
                              const absl::Status& odd) {
  const bool files = absl::c_any_of(
      std::initializer_list<const ImportFormat*>{
          &kFilefragImport, &kXfsBmapImport, &kFiemapImport, &kLsattrImport,
          &kXfsStatImport},
      [&](const ImportFormat* f) { return f == &format; });
  facts_->left_out.try_emplace(
      input.path,
      WhyUnread(files ? HasOnlyFiles::kYes : HasOnlyFiles::kNo, odd.message()));
}

void Importer::ChooseKernel(const std::string& kernel, Imported* out) {
  std::string said = kernel;
  if (said.empty() && facts_->kernel) {
    said = facts_->kernel->value;
    if (facts_->machine && facts_->machine->value != "x86_64") {
      absl::StrAppend(&said, " ", facts_->machine->value);
    }
  }
  if (said.empty()) {
    facts_->NoteOnce("no input says which kernel runs (uname -r): v6_1 taken");
    return;
  }
  absl::StatusOr<KernelAnswer> answer = AnswerForRelease(said);
  if (!answer.ok()) {
    facts_->NoteOnce(absl::StrCat(answer.status().message(), "; v6_1 taken"));
    return;
  }
  out->world.set_kernel(answer->profile->name);
  if (answer->note.empty()) return;
  out->world.set_release(said);
  out->kernel_note = answer->note;
}

absl::StatusOr<Imported> Importer::Finish(const std::string& kernel) {
  Imported out;
  ChooseKernel(kernel, &out);
  const KernelProfile* const above = KernelOf(out.world).above;
  const bool has_dax = absl::c_any_of(facts_->mounts, [](const MountFact& m) {
    return !DaxForAll(m.options).empty();
  });
  if (above == nullptr || !has_dax) return Build(facts_.get(), std::move(out));
  // What is mounted says which of the two is more like the kernel that runs.
  Facts same = *facts_;
  Imported newer = out;
  absl::StatusOr<Imported> lower = Build(facts_.get(), std::move(out));
  if (!lower.ok() || RefusedMounts(*facts_) == 0) return lower;
  newer.world.set_kernel(above->name);
  newer.kernel_note = KernelOf(newer.world).note;
  absl::StatusOr<Imported> upper = Build(&same, std::move(newer));
  const bool takes_more =
      upper.ok() && RefusedMounts(same) < RefusedMounts(*facts_);
  return takes_more ? std::move(upper) : std::move(lower);
}

absl::StatusOr<Imported> Importer::Build(Facts* facts, Imported out) {
  if (absl::Status s = JoinMapped(facts); !s.ok()) return s;
  if (absl::Status s = SizeByBootLine(facts); !s.ok()) return s;
  NameRootDevice(facts);
  NameUnknown(facts);
  if (absl::Status s = PlacePmem(facts, &out.world); !s.ok()) return s;
  AddPmemBuses(facts, &out.world);
  GuessPmemModes(facts, out.world);
  AddHardware(facts, &out.world);
  AddMapped(facts, &out.world);
  if (absl::Status s = AddMounts(facts, &out.world); !s.ok()) return s;
  AddUses(facts, &out.world);
  AddGroups(*facts, &out.world);
  if (absl::Status s = CheckText(*facts, out.world); !s.ok()) return s;
  if (absl::Status s = SettleWorld(facts, &out.world); !s.ok()) return s;
  facts->notes.insert(facts->notes.begin(), facts->left_out_notes.begin(),
                      facts->left_out_notes.end());
  if (out.world.pmem_size() + out.world.block_size() + out.world.dax_size() +
              out.world.mapped_device_size() ==
          0 &&
      !facts->has_system_ram) {
    return ErrnoError(ENODATA, NoDevice(facts->notes));
  }
  for (const auto& [name, why] : facts->left_out) {
    proto::LeftOut* left = out.world.add_left_out();
    left->set_name(name);
    left->set_why(why);
  }
  for (const auto& [place, guess] : facts->guesses) {
    *out.world.add_guess() = guess;
    if (guess.about_reflink() && !RefusesReflink(out.world, guess.name())) {
      continue;
    }
    const std::string at = place.ToString();
    const std::string text = GuessText(guess);
    // Of two inputs both places are named.
    const bool has_place = at.empty() || absl::StartsWith(text, at);
    out.guesses.push_back(has_place ? text : absl::StrCat(at, ": ", text));
  }
  out.notes = std::move(facts->notes);
  return out;
}

bool LooksImportable(absl::string_view bytes, const std::string& name) {
  if (LooksLikeArchive(bytes)) return true;
  const std::unique_ptr<ImportInput> input =
      MakeImportInput(name, name, std::string(bytes));
  const ImportFormat* format = DetectImport(*input);
  // A table without a name is no machine.
  const bool nameless =
      format == &kDmsetupTableImport &&
      absl::ascii_isdigit(static_cast<unsigned char>(
          absl::StripLeadingAsciiWhitespace(FirstLine(input->text))[0]));
  return format != nullptr && !nameless;
}

std::string ImportKindOf(absl::string_view bytes, const std::string& name) {
  if (LooksLikeArchive(bytes)) return "archive";
  if (!LooksImportable(bytes, name)) return "";
  const ImportFormat* format =
      DetectImport(*MakeImportInput(name, name, std::string(bytes)));
  if (format != &kLvmReportImport) return std::string(format->name);
  std::string kind(format->name);
  for (const char* row : {"vg", "pv", "lv", "seg"}) {
    if (absl::StrContains(bytes, absl::StrCat("\"", row, "\":"))) {
      absl::StrAppend(&kind, " ", row);
    }
  }
  return kind;
}

std::vector<std::pair<std::string, std::string>> ImportFormatNames() {
  std::vector<std::pair<std::string, std::string>> names;
  for (const ImportFormat* format : kImportFormats) {
    names.emplace_back(format->name, format->title);
  }
  return names;
}

}  // namespace dmdax
