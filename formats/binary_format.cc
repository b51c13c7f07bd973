// SPDX-License-Identifier: Apache-2.0
//
// Binary Protobuf.  The wire format is checked here, field by field, before
// Protobuf parses it: its own parser says only "no", keeps fields it does not
// know, and makes millions of objects from as many bytes.
#include <google/protobuf/descriptor.h>

#include <cerrno>
#include <optional>

#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "base/utf8.h"
#include "formats/format.h"

namespace dmdax {
namespace {

namespace pb = google::protobuf;
using Field = pb::FieldDescriptor;

enum WireType { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

WireType WireTypeOf(const Field& field) {
  switch (field.type()) {
    case Field::TYPE_STRING:
    case Field::TYPE_BYTES:
    case Field::TYPE_MESSAGE:
      return kBytes;
    case Field::TYPE_DOUBLE:
    case Field::TYPE_FIXED64:
    case Field::TYPE_SFIXED64:
      return kFixed64;
    case Field::TYPE_FLOAT:
    case Field::TYPE_FIXED32:
    case Field::TYPE_SFIXED32:
      return kFixed32;
    default:
      return kVarint;
  }
}

class WireCheck {
 public:
  // A shallow check does not look into messages and strings.
  WireCheck(absl::string_view bytes, bool shallow)
      : bytes_(bytes), shallow_(shallow) {}

  bool Message(const pb::Descriptor& type, size_t end, int depth) {
    if (depth > kMaxDepth) return Fail("nested too deeply");
    if (++messages_ > kMaxMessages) {
      return Fail(absl::StrCat("more than ", kMaxMessages, " messages"));
    }
    while (at_ < end) {
      if (!OneField(type, end, depth)) return false;
    }
    return true;
  }

  // What is wrong, and from which byte on.
  const std::string& error() const { return error_; }
  size_t error_at() const { return error_at_; }

 private:
  bool Fail(std::string what) {
    error_at_ = field_at_;
    error_ = std::move(what);
    return false;
  }
  bool Truncated(const pb::Descriptor& type, size_t end) {
    return Fail(absl::StrCat(type.name(), " is cut off after ", end - field_at_,
                             " bytes of a field"));
  }

  bool OneField(const pb::Descriptor& type, size_t end, int depth) {
    field_at_ = at_;
    const std::optional<uint64_t> tag = Varint(end);
    if (!tag) return Truncated(type, end);
    const uint64_t number = *tag >> 3;
    const Field* field =
        number == 0 || number > static_cast<uint64_t>(Field::kMaxNumber)
            ? nullptr
            : type.FindFieldByNumber(static_cast<int>(number));
    if (field == nullptr) {
      return Fail(absl::StrCat(type.name(), " has no field ", number));
    }
    if ((*tag & 7) == kBytes && field->is_packable()) {
      return Packed(type, *field, end);
    }
    if (WireTypeOf(*field) != static_cast<int>(*tag & 7)) {
      return Fail(absl::StrCat(type.name(), ".", field->name(),
                               " can not have wire type ", *tag & 7));
    }
    switch (*tag & 7) {
      case kVarint:
        return Varint(end) ? true : Truncated(type, end);
      case kFixed64:
        return Skip(8, end) ? true : Truncated(type, end);
      case kFixed32:
        return Skip(4, end) ? true : Truncated(type, end);
      default:
        return Delimited(type, *field, end, depth);
    }
  }

  bool Delimited(const pb::Descriptor& type, const Field& field, size_t end,
                 int depth) {
    const std::optional<uint64_t> size = Varint(end);
    if (!size) return Truncated(type, end);
    if (*size > end - at_) {
      return Fail(absl::StrCat(type.name(), ".", field.name(), " has ", *size,
                               " bytes, but only ", end - at_, " follow"));
    }
    const absl::string_view content = bytes_.substr(at_, *size);
    if (shallow_) {
      at_ += *size;
      return true;
    }
    if (field.type() == Field::TYPE_MESSAGE) {
      return Message(*field.message_type(), at_ + *size, depth + 1);
    }
    if (field.type() == Field::TYPE_STRING && !IsUtf8(content)) {
      return Fail(
          absl::StrCat(type.name(), ".", field.name(), " is not UTF-8"));
    }
    at_ += *size;
    return true;
  }

  // Numbers one after the other.  The schema has packed varints only.
  bool Packed(const pb::Descriptor& type, const Field& field, size_t end) {
    const std::optional<uint64_t> size = Varint(end);
    if (!size || *size > end - at_) return Truncated(type, end);
    if (WireTypeOf(field) != kVarint) {
      return Fail(absl::StrCat(type.name(), ".", field.name(),
                               " can not have wire type ", int{kBytes}));
    }
    const size_t last = at_ + *size;
    // Varint() of each, but without a jump at the end of each.
    int run = 0;  // bytes of a number so far
    bool bad = false;
    for (size_t i = at_; i < last; ++i) {
      const unsigned char byte = static_cast<unsigned char>(bytes_[i]);
      bad |= (run == 9) & (byte > 1);
      run = byte < 0x80 ? 0 : run + 1;
    }
    at_ = last;
    if (!bad && run == 0) return true;
    return Fail(absl::StrCat(type.name(), ".", field.name(),
                             " has numbers that are cut off"));
  }

  bool Skip(size_t n, size_t end) {
    if (n > end - at_) return false;
    at_ += n;
    return true;
  }

  std::optional<uint64_t> Varint(size_t end) {
    uint64_t value = 0;
    for (int shift = 0; shift < 70 && at_ < end; shift += 7) {
      const uint64_t byte = static_cast<unsigned char>(bytes_[at_++]);
      // The tenth byte has room for one bit.
      if (shift == 63 && byte > 1) return std::nullopt;
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    return std::nullopt;
  }

  const absl::string_view bytes_;
  const bool shallow_;
  size_t at_ = 0;
  size_t field_at_ = 0;
  size_t messages_ = 0;
  size_t error_at_ = 0;
  std::string error_;
};

// Whether `bytes` are wholly made of fields of such a message.  What a
// textproto happens to fit is not told from what is binary.
bool Fits(absl::string_view bytes, const pb::Descriptor& type) {
  return WireCheck(bytes, /*shallow=*/true).Message(type, bytes.size(), 0);
}

Likeness Detect(const FormatProbe& probe) {
  if (probe.has_controls && Fits(probe.bytes, probe.type)) {
    return Likeness::kCertain;
  }
  if (probe.text.empty()) return Likeness::kNot;
  // A kernel of nine letters makes a binary World without control characters.
  if (!probe.has_controls && Fits(probe.bytes, probe.type)) {
    return Likeness::kFits;
  }
  const bool odd =
      probe.has_controls || static_cast<unsigned char>(probe.text[0]) >= 0x80;
  return odd ? Likeness::kDoubtful : Likeness::kNot;
}

absl::Status Read(std::string bytes, const std::string& file,
                  pb::Message* message, SourceMap* map) {
  const pb::Descriptor& type = *message->GetDescriptor();
  WireCheck check(bytes, /*shallow=*/false);
  if (!check.Message(type, bytes.size(), 0)) {
    return ErrnoError(EINVAL, absl::StrCat(file, ": byte ", check.error_at(),
                                           ": not a binary ", type.name(), ": ",
                                           check.error()));
  }
  if (!message->ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return ErrnoError(EINVAL,
                      absl::StrCat(file, ": not a binary ", type.name()));
  }
  map->Set([file](const std::string& path) {
    return absl::StrCat(file, ": ", path, path.empty() ? "" : ": ");
  });
  return absl::OkStatus();
}

absl::StatusOr<std::string> Print(const pb::Message& message) {
  if (absl::Status s = CheckUtf8(message, kBinaryFormat); !s.ok()) return s;
  std::string out;
  if (!message.SerializeToString(&out)) {
    return ErrnoError(EFBIG, "the message is above 2 GiB");
  }
  return out;
}

}  // namespace

extern const Format kBinaryFormat = {"binary", "binary", Detect, Read, Print};

}  // namespace dmdax
