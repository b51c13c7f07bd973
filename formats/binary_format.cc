// SPDX-License-Identifier: Apache-2.0
//
// Binary Protobuf.  The wire format is checked here, field by field, before
// Protobuf parses it.  Protobuf's own parser says only "no", keeps unknown
// fields, and makes millions of objects from as many bytes.
#include <google/protobuf/descriptor.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>
#include <vector>

#include "absl/container/flat_hash_map.h"
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

// What the bytes of one message type may be, by field number: a descriptor has
// more to ask than a million fields have time for.
struct WireShape {
  struct Entry {
    const Field* field = nullptr;  // null: there is none
    WireType wire = kVarint;
    bool packable = false;
    bool text = false;        // must be UTF-8
    WireShape* of = nullptr;  // of a message
    // Which of `places` it has, as all of one oneof do; kMany: a list.
    size_t place = kMany;
  };
  static constexpr size_t kMany = ~size_t{0};
  const pb::Descriptor* type = nullptr;
  std::vector<Entry> entries;
  size_t places = 0;  // how many fields there can be, but for lists
};

// The shape of a message type and of all below it.
class WireShapes {
 public:
  explicit WireShapes(const pb::Descriptor& type) : top_(Of(type)) {}
  const WireShape& top() const { return *top_; }

 private:
  // Types may hold each other, so a shape is there before its fields are.
  WireShape* Of(const pb::Descriptor& type) {
    const auto [it, fresh] = shapes_.try_emplace(&type);
    if (!fresh) return it->second.get();
    it->second = std::make_unique<WireShape>();
    WireShape* const shape = it->second.get();
    shape->type = &type;
    absl::flat_hash_map<const pb::OneofDescriptor*, size_t> oneofs;
    for (int i = 0; i < type.field_count(); ++i) {
      const Field& field = *type.field(i);
      const auto number = static_cast<size_t>(field.number());
      if (shape->entries.size() <= number) shape->entries.resize(number + 1);
      const bool message = field.type() == Field::TYPE_MESSAGE;
      shape->entries[number] = {
          .field = &field,
          .wire = WireTypeOf(field),
          .packable = field.is_packable(),
          .text = field.type() == Field::TYPE_STRING,
          .of = message ? Of(*field.message_type()) : nullptr};
      if (field.is_repeated()) continue;
      const pb::OneofDescriptor* const oneof = field.real_containing_oneof();
      size_t place = shape->places;
      if (oneof != nullptr)
        place = oneofs.try_emplace(oneof, place).first->second;
      shape->entries[number].place = place;
      shape->places = std::max(shape->places, place + 1);
    }
    return shape;
  }

  absl::flat_hash_map<const pb::Descriptor*, std::unique_ptr<WireShape>>
      shapes_;
  const WireShape* const top_;
};

// Whether all numbers of ten bytes fit 64 bits, as Varint() would check it.
bool TenBytesFit(absl::string_view numbers) {
  int run = 0;  // bytes of a number so far
  for (char c : numbers) {
    const auto byte = static_cast<unsigned char>(c);
    if (run == 9 && byte > 1) return false;
    run = byte < 0x80 ? 0 : run + 1;
  }
  return true;
}

// Whether nine bytes in a row say that another follows.  A table of a million
// rows has millions of numbers, none of them so long, as a rule.
bool MayHaveTenBytes(absl::string_view numbers) {
  constexpr size_t kWord = 8;
  constexpr uint64_t kFollowed = 0x8080808080808080;
  // As a factor: puts the highest bits of eight bytes next to each other.
  constexpr uint64_t kGather = 0x0002040810204081;
  uint64_t before = 0;  // a bit for each of the eight bytes before
  for (size_t at = 0; at < numbers.size(); at += kWord) {
    uint64_t word = 0;
    memcpy(&word, numbers.data() + at, std::min(kWord, numbers.size() - at));
    if constexpr (std::endian::native == std::endian::big) {
      word = __builtin_bswap64(word);
    }
    const uint64_t bits = before | (((word & kFollowed) * kGather) >> 56)
                                       << kWord;
    uint64_t run = bits & bits >> 1;
    run &= run >> 2;
    run &= run >> 4;
    if ((run & bits >> 8) != 0) return true;
    before = bits >> kWord;
  }
  return false;
}

class WireCheck {
 public:
  // A shallow check does not look into messages and strings.
  WireCheck(absl::string_view bytes, bool shallow)
      : bytes_(bytes), shallow_(shallow) {}

  bool Message(const WireShape& type, size_t end, int depth) {
    if (depth > kMaxDepth) return Fail("nested too deeply");
    if (++messages_ > kMaxMessages) {
      return Fail(absl::StrCat("more than ", kMaxMessages, " messages"));
    }
    // Where each field was, of this message and of those around it.  A shallow
    // check asks what the bytes look like, not whether they are right.
    const size_t places = given_.size();
    if (!shallow_) given_.resize(places + type.places);
    while (at_ < end) {
      if (!OneField(type, end, depth, places)) return false;
    }
    given_.resize(places);
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
  bool Truncated(const WireShape& type, size_t end) {
    return Fail(absl::StrCat(type.type->name(), " is cut off after ",
                             end - field_at_, " bytes of a field"));
  }

  // Text and JSON refuse a second one too; Protobuf would take the last.
  bool OnlyOne(const WireShape& type, const WireShape::Entry& field,
               size_t places) {
    if (shallow_ || field.place == WireShape::kMany) return true;
    Given& given = given_[places + field.place];
    if (given.field == nullptr) {
      given = {field.field, field_at_};
      return true;
    }
    const bool same = given.field == field.field;
    return Fail(absl::StrCat(
        type.type->name(), ".", field.field->name(), " is given ",
        same ? "twice, first" : absl::StrCat("beside ", given.field->name()),
        same ? " at byte " : ", of which there is one alone, at byte ",
        given.at));
  }

  bool OneField(const WireShape& type, size_t end, int depth, size_t places) {
    field_at_ = at_;
    const std::optional<uint64_t> tag = Varint(end);
    if (!tag) return Truncated(type, end);
    const uint64_t number = *tag >> 3;
    if (number >= type.entries.size() ||
        type.entries[number].field == nullptr) {
      return Fail(absl::StrCat(type.type->name(), " has no field ", number));
    }
    const WireShape::Entry& field = type.entries[number];
    if ((*tag & 7) == kBytes && field.packable) {
      return Packed(type, field, end);
    }
    if (field.wire != static_cast<int>(*tag & 7)) {
      return Fail(absl::StrCat(type.type->name(), ".", field.field->name(),
                               " can not have wire type ", *tag & 7));
    }
    if (!OnlyOne(type, field, places)) return false;
    switch (*tag & 7) {
      case kVarint:
        return Varint(end) ? true : Truncated(type, end);
      case kFixed64:
        return Skip(8, end) ? true : Truncated(type, end);
      case kFixed32:
        return Skip(4, end) ? true : Truncated(type, end);
      default:
        return Delimited(type, field, end, depth);
    }
  }

  bool Delimited(const WireShape& type, const WireShape::Entry& field,
                 size_t end, int depth) {
    const std::optional<uint64_t> size = Varint(end);
    if (!size) return Truncated(type, end);
    if (*size > end - at_) {
      return Fail(absl::StrCat(type.type->name(), ".", field.field->name(),
                               " has ", *size, " bytes, but only ", end - at_,
                               " follow"));
    }
    const absl::string_view content = bytes_.substr(at_, *size);
    if (shallow_) {
      at_ += *size;
      return true;
    }
    if (field.of != nullptr) return Message(*field.of, at_ + *size, depth + 1);
    if (field.text && !IsUtf8(content)) {
      return Fail(absl::StrCat(type.type->name(), ".", field.field->name(),
                               " is not UTF-8"));
    }
    at_ += *size;
    return true;
  }

  // A packed field: numbers one after the other.  The schema packs varints
  // only.
  bool Packed(const WireShape& type, const WireShape::Entry& field,
              size_t end) {
    const std::optional<uint64_t> size = Varint(end);
    if (!size || *size > end - at_) return Truncated(type, end);
    if (field.wire != kVarint) {
      return Fail(absl::StrCat(type.type->name(), ".", field.field->name(),
                               " can not have wire type ", int{kBytes}));
    }
    const absl::string_view numbers = bytes_.substr(at_, *size);
    at_ += *size;
    const bool whole = numbers.empty() || (numbers.back() & 0x80) == 0;
    if (whole && (!MayHaveTenBytes(numbers) || TenBytesFit(numbers))) {
      return true;
    }
    return Fail(absl::StrCat(type.type->name(), ".", field.field->name(),
                             " has numbers that are cut off"));
  }

  bool Skip(size_t n, size_t end) {
    if (n > end - at_) return false;
    at_ += n;
    return true;
  }

  std::optional<uint64_t> Varint(size_t end) {
    // Most have one byte.
    if (at_ < end && static_cast<unsigned char>(bytes_[at_]) < 0x80) {
      return static_cast<unsigned char>(bytes_[at_++]);
    }
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

  struct Given {
    const Field* field = nullptr;
    size_t at = 0;  // byte
  };

  const absl::string_view bytes_;
  const bool shallow_;
  std::vector<Given> given_;
  size_t at_ = 0;
  size_t field_at_ = 0;
  size_t messages_ = 0;
  size_t error_at_ = 0;
  std::string error_;
};

// Whether all of `bytes` are fields of such a message.  A text may happen to
// fit; that can not be told from binary.
bool Fits(absl::string_view bytes, const pb::Descriptor& type) {
  const WireShapes shapes(type);
  return WireCheck(bytes, /*shallow=*/true)
      .Message(shapes.top(), bytes.size(), 0);
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
  const WireShapes shapes(type);
  WireCheck check(bytes, /*shallow=*/false);
  if (!check.Message(shapes.top(), bytes.size(), 0)) {
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
