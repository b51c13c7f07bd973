// SPDX-License-Identifier: Apache-2.0
//
// What filefrag -v prints (misc/filefrag.c of e2fsprogs).
#include <cerrno>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/units.h"
#include "fs/extent_lines.h"
#include "fs/extents_text.h"

namespace dmdax {
namespace {

uint32_t FilefragFlags(absl::string_view words) {
  uint32_t flags = 0;
  for (absl::string_view word : absl::StrSplit(words, ',')) {
    word = absl::StripAsciiWhitespace(word);
    if (word == "unwritten") flags |= FIEMAP_EXTENT_UNWRITTEN;
    if (word == "delalloc") flags |= FIEMAP_EXTENT_DELALLOC;
    if (word == "unknown_loc" || word == "unknown") {
      flags |= FIEMAP_EXTENT_UNKNOWN;
    }
    if (word == "inline") flags |= FIEMAP_EXTENT_DATA_INLINE;
    if (word == "shared") flags |= FIEMAP_EXTENT_SHARED;
    if (word == "encoded") flags |= FIEMAP_EXTENT_ENCODED;
  }
  return flags;
}

// FIEMAP_EXTENT_LAST, in the words of this filefrag and of older ones.
bool IsLast(absl::string_view words) {
  for (absl::string_view word : absl::StrSplit(words, ',')) {
    word = absl::StripAsciiWhitespace(word);
    if (word == "last" || word == "eof") return true;
  }
  return false;
}

class FilefragParser {
 public:
  absl::StatusOr<ExtentList> Parse(absl::string_view text) {
    size_t number = 0;
    for (absl::string_view line : absl::StrSplit(text, '\n')) {
      LineScanner scan(line, ++number);
      absl::Status status;
      if (absl::ConsumePrefix(&line, "Filesystem type is: ")) {
        (void)absl::SimpleHexAtoi(absl::StripAsciiWhitespace(line),
                                  &list_.s_magic);
      } else if (absl::ConsumePrefix(&line, "File size of ")) {
        status = Heading(line, scan);
      } else if (IsExtentLine(line)) {
        status = Extent(scan);
      } else {
        status = Found(absl::StripAsciiWhitespace(line), scan);
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
  // "f is 8388608 (2048 blocks of 4096 bytes)"
  absl::Status Heading(absl::string_view line, LineScanner& scan) {
    const size_t is = line.rfind(" is ");
    if (is == line.npos) return absl::OkStatus();
    list_.file = std::string(line.substr(0, is));
    has_heading_ = true;
    const std::vector<absl::string_view> words =
        absl::StrSplit(line.substr(is + 4), ' ', absl::SkipEmpty());
    if (words.empty()) return absl::OkStatus();
    (void)absl::SimpleAtoi(words[0], &list_.file_size);
    for (size_t i = 1; i + 1 < words.size(); ++i) {
      uint64_t block = 0;
      if (words[i] != "of" || !absl::SimpleAtoi(words[i + 1], &block)) continue;
      if (block == 0) return scan.Error("blocks of 0 bytes");
      list_.s_blocksize = block_ = block;
      uint64_t blocks = 0;
      absl::string_view count = words[1];
      if (!absl::ConsumePrefix(&count, "(") ||
          !absl::SimpleAtoi(count, &blocks)) {
        continue;
      }
      const uint64_t needed =
          list_.file_size / block_ + (list_.file_size % block_ != 0 ? 1 : 0);
      if (blocks != needed) {
        return scan.Error(absl::StrCat(list_.file_size, " bytes are ", needed,
                                       " blocks of ", block_, ", not ",
                                       blocks));
      }
    }
    return absl::OkStatus();
  }

  //   0:        0..    2047:      34816..     36863:   2048:   4096:   last,eof
  absl::Status Extent(LineScanner& scan) {
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
    if (!status.ok()) return status;
    for (auto [from, to] : {std::pair(first, last), std::pair(pfirst, plast)}) {
      if (length - 1 == to - from) continue;
      return scan.Error(absl::StrCat("the length ", length, " is not that of ",
                                     from, "..", to));
    }
    // The column "expected" is there only where the file is not contiguous.
    std::string word = scan.Word();
    if (!word.empty() && absl::ascii_isdigit(word[0]) &&
        absl::EndsWith(word, ":")) {
      word = scan.Word();
    }
    const char* wrong = AppendExtent(first, pfirst, length, block_,
                                     FilefragFlags(word), &list_);
    if (wrong != nullptr) return scan.Error(wrong);
    ended_ = IsLast(word);
    Count(first, pfirst, length);
    return absl::OkStatus();
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

  // "f: 2 extents found"
  absl::Status Found(absl::string_view line, LineScanner& scan) {
    size_t end = line.rfind(" extents found");
    if (end == line.npos) end = line.rfind(" extent found");
    if (end == line.npos) return absl::OkStatus();
    const size_t colon = line.rfind(": ", end);
    uint64_t count = 0;
    if (colon == line.npos ||
        !absl::SimpleAtoi(line.substr(colon + 2, end - colon - 2), &count)) {
      return absl::OkStatus();
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
  bool ended_ = false;
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
