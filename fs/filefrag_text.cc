// SPDX-License-Identifier: Apache-2.0
//
// What filefrag -v prints (misc/filefrag.c of e2fsprogs).
#include <algorithm>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/units.h"
#include "fs/extent_lines.h"
#include "fs/extents_text.h"

namespace dmdax {
namespace {

// Bits beside FiemapFlags: FIEMAP_EXTENT_LAST, and that it reaches the file's
// end, which is no flag of the kernel.
constexpr uint32_t kLast = 0x1;
constexpr uint32_t kEof = uint32_t{1} << 31;

// FIEMAP_EXTENT_* as this filefrag and older ones spell them; 0: a flag that
// says nothing of the type or place.
constexpr std::pair<absl::string_view, uint32_t> kFlags[] = {
    {"last", kLast},
    {"unknown_loc", FIEMAP_EXTENT_UNKNOWN},
    {"unknown", FIEMAP_EXTENT_UNKNOWN},
    {"delalloc", FIEMAP_EXTENT_DELALLOC},
    {"encoded", FIEMAP_EXTENT_ENCODED},
    {"no_direct", FIEMAP_EXTENT_ENCODED},
    {"encrypted", FIEMAP_EXTENT_DATA_ENCRYPTED},
    {"not_aligned", 0},
    {"inline", FIEMAP_EXTENT_DATA_INLINE},
    {"tail_packed", 0},
    {"unwritten", FIEMAP_EXTENT_UNWRITTEN},
    {"merged", 0},
    {"shared", FIEMAP_EXTENT_SHARED},
    {"eof", kEof}};

// False: some word is none of them, nor a number that filefrag has no word for.
bool ParseFlags(absl::string_view words, uint32_t* flags) {
  *flags = 0;
  for (absl::string_view word : absl::StrSplit(words, ',', absl::SkipEmpty())) {
    word = absl::StripAsciiWhitespace(word);
    const auto known =
        std::find_if(std::begin(kFlags), std::end(kFlags),
                     [&](const auto& flag) { return flag.first == word; });
    uint32_t number;
    if (known != std::end(kFlags)) {
      *flags |= known->second;
    } else if (!absl::StartsWith(word, "0x") ||
               !absl::SimpleHexAtoi(word, &number)) {
      return false;
    }
  }
  return true;
}

// "0: 0..1ff: 4000..41ff: 200: last,eof", as filefrag -X prints it.
bool IsHexRow(absl::string_view line) {
  const std::vector<absl::string_view> parts = absl::StrSplit(line, ':');
  if (parts.size() < 5) return false;
  bool hex = false;
  for (size_t i = 1; i < 4; ++i) {
    for (const char c : parts[i]) {
      const auto byte = static_cast<unsigned char>(c);
      if (!absl::ascii_isxdigit(byte) && c != '.' && c != ' ') return false;
      hex |= absl::ascii_isalpha(byte);
    }
  }
  return hex;
}

class FilefragParser {
 public:
  absl::StatusOr<ExtentList> Parse(absl::string_view text) {
    size_t number = 0;
    for (absl::string_view line : absl::StrSplit(text, '\n')) {
      LineScanner scan(line, ++number);
      absl::Status status;
      const absl::string_view bare = absl::StripAsciiWhitespace(line);
      if (bare.empty() || bare[0] == '#') continue;
      if (absl::ConsumePrefix(&line, "Filesystem type is: ")) {
        status = Type(absl::StripAsciiWhitespace(line), scan);
      } else if (absl::ConsumePrefix(&line, "File size of ")) {
        status = Heading(absl::StripAsciiWhitespace(line), scan);
      } else if (IsExtentLine(line)) {
        status = Extent(line, scan);
      } else if (!IsColumns(bare) &&
                 // Of ext2, where the blocks have no extents.
                 !absl::StartsWith(
                     bare, "Filesystem cylinder groups approximately ")) {
        status = Found(bare, scan);
      }
      if (!status.ok()) return status;
    }
    // What a cut text lacks would be taken for a hole.
    if (has_heading_ && !ended_) {
      return LineScanner("", number)
          .Error(absl::StrCat(
              "the text ends after ", lines_,
              lines_ == 1 ? " extent" : " extents",
              " without 'last', 'eof' or 'N extents found': is it cut?"));
    }
    return list_;
  }

 private:
  absl::Status Type(absl::string_view word, const LineScanner& scan) {
    if (absl::SimpleHexAtoi(word, &list_.s_magic)) return absl::OkStatus();
    return scan.Error(absl::StrCat("a file system's number is expected, not '",
                                   absl::CHexEscape(word.substr(0, 20)), "'"));
  }

  // What stands above the rows.  The column of what was expected is there
  // only in some versions.
  static bool IsColumns(absl::string_view line) {
    const std::string columns =
        absl::StrJoin(absl::StrSplit(line, ' ', absl::SkipEmpty()), " ");
    return columns == "ext: logical_offset: physical_offset: length: flags:" ||
           columns ==
               "ext: logical_offset: physical_offset: length: expected: flags:";
  }

  // "f is 8388608 (2048 blocks of 4096 bytes)"; before e2fsprogs 1.43
  // "(2048 blocks, blocksize 4096)".
  absl::Status Heading(absl::string_view line, const LineScanner& scan) {
    const size_t is = line.rfind(" is ");
    uint64_t blocks = 0, block = 0;
    if (is == line.npos ||
        !ParseSize(line.substr(is + 4), &list_.file_size, &blocks, &block)) {
      return scan.Error(
          absl::StrCat("'FILE is N (N blocks of N bytes)' is expected behind "
                       "'File size of', not '",
                       absl::CHexEscape(line.substr(0, 80)), "'"));
    }
    // The rows of a second one would be told apart by their numbers; it may
    // have none.
    if (has_heading_) {
      return scan.Error(absl::StrCat(
          "a second list begins here, of '",
          absl::CHexEscape(line.substr(0, std::min<size_t>(is, 80))),
          "': give it by itself"));
    }
    list_.file = std::string(line.substr(0, is));
    has_heading_ = true;
    if (block == 0) return scan.Error("blocks of 0 bytes");
    list_.s_blocksize = block_ = block;
    const uint64_t needed =
        list_.file_size / block_ + (list_.file_size % block_ != 0 ? 1 : 0);
    if (blocks == needed) return absl::OkStatus();
    return scan.Error(absl::StrCat(list_.file_size, " bytes are ", needed,
                                   " blocks of ", block_, ", not ", blocks));
  }

  static bool ParseSize(absl::string_view text, uint64_t* bytes,
                        uint64_t* blocks, uint64_t* block) {
    const std::vector<absl::string_view> words =
        absl::StrSplit(text, ' ', absl::SkipEmpty());
    if (words.size() < 5 || !absl::SimpleAtoi(words[0], bytes) ||
        !absl::ConsumePrefix(&text, absl::StrCat(words[0], " ("))) {
      return false;
    }
    absl::string_view count = words[1], size = words[4];
    const bool now = words.size() == 6 && words[3] == "of" &&
                     words[5] == "bytes)" &&
                     (words[2] == "block" || words[2] == "blocks");
    const bool before = words.size() == 5 && words[3] == "blocksize" &&
                        absl::ConsumeSuffix(&size, ")") &&
                        (words[2] == "block," || words[2] == "blocks,");
    return (now || before) && absl::ConsumePrefix(&count, "(") &&
           absl::SimpleAtoi(count, blocks) && absl::SimpleAtoi(size, block);
  }

  //   0:        0..    2047:      34816..     36863:   2048:   4096:   last,eof
  absl::Status Extent(absl::string_view line, LineScanner& scan) {
    uint64_t n, first, last, pfirst, plast, length;
    absl::Status status = scan.Number(&n);
    if (status.ok() && n != lines_) {
      return scan.Error(
          absl::StrCat("extent ", n, ", where ", lines_, " is expected"));
    }
    if (status.ok()) status = scan.Expect(":");
    if (status.ok()) status = scan.Range(&first, &last);
    if (status.ok()) status = scan.Expect(":");
    if (status.ok()) status = scan.Range(&pfirst, &plast);
    if (status.ok()) status = scan.Expect(":");
    if (status.ok()) status = scan.Number(&length);
    if (status.ok()) status = scan.Expect(":");
    if (!status.ok() && IsHexRow(line)) {
      return scan.Error(
          "hexadecimal numbers (filefrag -X) are not read: filefrag -v alone");
    }
    if (!status.ok()) return status;
    // Of an extent without a place the range alone says how long it is.
    const bool no_place =
        length == 0 && pfirst == 0 && plast == 0 && first <= last;
    for (auto [from, to] : {std::pair(first, last), std::pair(pfirst, plast)}) {
      if (no_place || length - 1 == to - from) continue;
      return scan.Error(absl::StrCat("the length ", length, " is not that of ",
                                     from, "..", to));
    }
    // The column "expected" is there only where the file is not contiguous.
    std::string word = scan.Word();
    uint64_t expected;
    absl::string_view number = word;
    uint32_t flags = 0;
    if (absl::ConsumeSuffix(&number, ":") &&
        absl::SimpleAtoi(number, &expected)) {
      status = CheckExpected(first, expected, scan);
      if (!status.ok()) return status;
      word = scan.Word();
    }
    if (!ParseFlags(word, &flags)) {
      return scan.Error(
          absl::StrCat("flags as in 'last,eof' are expected, not '",
                       absl::CHexEscape(word.substr(0, 40)), "'"));
    }
    if (!scan.Done()) return scan.Expected("the end");
    if (no_place) {
      if ((flags & FIEMAP_EXTENT_UNKNOWN) == 0) {
        return scan.Error(
            absl::StrCat("the length 0 is not that of ", first, "..", last));
      }
      length = last - first + 1;
    }
    if (last_seen_) {
      return scan.Error("an extent behind the one that is 'last'");
    }
    const char* wrong =
        AppendExtent(first, pfirst, length, block_, flags, &list_);
    if (wrong != nullptr) return scan.Error(wrong);
    const uint64_t end = list_.extents.back().end();
    if ((flags & kEof) != 0 && end < list_.file_size) {
      return scan.Error(absl::StrCat("'eof' at byte ", end, " of a file of ",
                                     list_.file_size, " bytes"));
    }
    last_seen_ = (flags & kLast) != 0;
    ended_ = (flags & (kLast | kEof)) != 0;
    placed_ = (flags & (FIEMAP_EXTENT_UNKNOWN | FIEMAP_EXTENT_DELALLOC)) == 0;
    Count(first, pfirst, length);
    return absl::OkStatus();
  }

  // Where the extent would continue the one above, counted with the hole
  // between or, by older versions, without.
  absl::Status CheckExpected(uint64_t first, uint64_t expected,
                             const LineScanner& scan) const {
    const uint64_t sparse = plast_ + first - last_, dense = plast_ + length_;
    // An extent without a place has none to continue.
    if (!placed_) return absl::OkStatus();
    if (expected == sparse || expected == dense) return absl::OkStatus();
    return scan.Error(absl::StrCat("expected at block ", expected,
                                   ", but what continues the extent above "
                                   "is at ",
                                   sparse));
  }

  // As filefrag counts: what continues the extent above, with or without a
  // hole between, is none of its own.
  void Count(uint64_t first, uint64_t pfirst, uint64_t length) {
    const bool continues =
        pfirst == plast_ + first - last_ || pfirst == plast_ + length_;
    if (lines_ == 0 || (first != 0 && !continues)) ++fragments_;
    ++lines_;
    last_ = first;
    plast_ = pfirst;
    length_ = length;
  }

  // "f: 2 extents found", on ext2 with ", perfection would be 1 extent".
  absl::Status Found(absl::string_view line, LineScanner& scan) {
    size_t end = line.rfind(" extents found");
    if (end == line.npos) end = line.rfind(" extent found");
    const size_t colon = end == line.npos ? line.npos : line.rfind(": ", end);
    uint64_t count = 0;
    if (colon == line.npos ||
        !absl::SimpleAtoi(line.substr(colon + 2, end - colon - 2), &count)) {
      scan.SkipBlanks();
      return scan.Expected("a line of filefrag -v");
    }
    const absl::string_view file = line.substr(0, colon);
    if (has_heading_ && file != list_.file) {
      return scan.Error(absl::StrCat(
          "the extents of '", absl::CHexEscape(file.substr(0, 80)),
          "' are counted, where those of '",
          absl::CHexEscape(list_.file.substr(0, 80)), "' are listed"));
    }
    ended_ = true;
    // Older versions count what follows after a hole.
    if (fragments_ <= count && count <= lines_) return absl::OkStatus();
    return scan.Error(absl::StrCat(
        count, count == 1 ? " extent" : " extents", " found, but ",
        count > lines_ ? lines_ : fragments_,
        count > lines_ ? " listed" : " that do not continue each other"));
  }

  ExtentList list_;
  bool has_heading_ = false;
  bool ended_ = false;      // the list is whole
  bool last_seen_ = false;  // an extent is the last
  bool placed_ = true;      // the extent above has a place
  uint64_t block_ = kPageSize;
  uint64_t lines_ = 0;
  uint64_t fragments_ = 0;
  // The extent above, in blocks.
  uint64_t last_ = 0, plast_ = 0, length_ = 0;
};

}  // namespace

absl::StatusOr<ExtentList> ParseFilefrag(absl::string_view text) {
  return FilefragParser().Parse(text);
}

}  // namespace dmdax
