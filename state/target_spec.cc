// SPDX-License-Identifier: Apache-2.0
#include "state/target_spec.h"

#include "absl/container/flat_hash_map.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/types/span.h"
#include "dm/device_mapper.h"
#include "dm/dm_split_args.h"

namespace dmdax {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

// Parameters beyond this stay as they are: splitting them would cost memory
// many times their size.  It is 16 times the longest row seen in practice.
constexpr size_t kMaxTypedParams = 1 << 20;

// The forms by the names of their types.  Looking names up in the schema would
// cost more than all the rest of a row.
absl::flat_hash_map<std::string, const FieldDescriptor*> FindForms() {
  absl::flat_hash_map<std::string, const FieldDescriptor*> forms;
  const auto& kind = *proto::Target::descriptor()->FindOneofByName("kind");
  for (int i = 0; i < kind.field_count(); ++i) {
    const FieldDescriptor* field = kind.field(i);
    if (field->number() == proto::Target::kRawFieldNumber) continue;
    forms[absl::StrReplaceAll(field->name(), {{"_", "-"}})] = field;
  }
  return forms;
}

// The field of Target that is the form of `type`, or null.
const FieldDescriptor* FormOf(absl::string_view type) {
  static const auto& forms =
      *new absl::flat_hash_map<std::string, const FieldDescriptor*>(
          FindForms());
  auto found = forms.find(type);
  return found == forms.end() ? nullptr : found->second;
}

// The form that is set, or null.
const FieldDescriptor* FormOf(const proto::Target& target) {
  static const auto* const kind =
      proto::Target::descriptor()->FindOneofByName("kind");
  return proto::Target::GetReflection()->GetOneofFieldDescriptor(target, kind);
}

// The part that a form repeats to its end, or null.
const FieldDescriptor* RepeatedPart(const Descriptor& form) {
  if (form.field_count() == 0) return nullptr;
  const FieldDescriptor* last = form.field(form.field_count() - 1);
  return last->is_repeated() ? last : nullptr;
}

bool SetField(const std::string& word, const FieldDescriptor* field,
              Message* form) {
  const Reflection& r = *form->GetReflection();
  if (field->cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
    r.SetString(form, field, word);
    return true;
  }
  if (field->cpp_type() == FieldDescriptor::CPPTYPE_UINT32) {
    uint32_t number;
    if (!absl::SimpleAtoi(word, &number)) return false;
    r.SetUInt32(form, field, number);
    return true;
  }
  uint64_t number;
  if (!absl::SimpleAtoi(word, &number)) return false;
  r.SetUInt64(form, field, number);
  return true;
}

// Moves the words of `form` from the front of `words` into it.
bool TakeWords(absl::Span<const std::string>& words, Message* form) {
  const Descriptor& fields = *form->GetDescriptor();
  for (int i = 0; i < fields.field_count(); ++i) {
    const FieldDescriptor* field = fields.field(i);
    if (field->is_repeated()) {
      while (!words.empty()) {
        Message* part = form->GetReflection()->AddMessage(form, field);
        if (!TakeWords(words, part)) return false;
      }
      continue;
    }
    if (words.empty() || !SetField(words[0], field, form)) return false;
    words.remove_prefix(1);
  }
  return true;
}

void AppendWords(const Message& form, std::vector<std::string>* words) {
  const Descriptor& fields = *form.GetDescriptor();
  const Reflection& r = *form.GetReflection();
  for (int i = 0; i < fields.field_count(); ++i) {
    const FieldDescriptor* field = fields.field(i);
    if (field->is_repeated()) {
      for (int k = 0; k < r.FieldSize(form, field); ++k) {
        AppendWords(r.GetRepeatedMessage(form, field, k), words);
      }
    } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
      words->push_back(r.GetString(form, field));
    } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_UINT32) {
      words->push_back(absl::StrCat(r.GetUInt32(form, field)));
    } else {
      words->push_back(absl::StrCat(r.GetUInt64(form, field)));
    }
  }
}

// Fills the typed form of `type`, which has one, if the words may fit it;
// whether they do, printing it tells.
bool Typed(const std::string& type, absl::Span<const std::string> words,
           proto::Target* target) {
  const FieldDescriptor* field = FormOf(type);
  if (RepeatedPart(*field->message_type()) != nullptr) {
    if (words.empty()) return false;
    words.remove_prefix(1);  // how many there are
  }
  Message* form = proto::Target::GetReflection()->MutableMessage(target, field);
  return TakeWords(words, form) && words.empty();
}

}  // namespace

std::vector<std::string> TargetWords(const proto::Target& target) {
  std::vector<std::string> words;
  const FieldDescriptor* field = FormOf(target);
  if (field == nullptr) return words;
  if (target.has_raw()) {
    absl::StatusOr<std::vector<std::string>> argv =
        DmSplitArgs(target.raw().params());
    // More words than a kernel takes are none.
    return argv.ok() ? *std::move(argv) : words;
  }
  const Message& form =
      proto::Target::GetReflection()->GetMessage(target, field);
  if (const FieldDescriptor* part = RepeatedPart(*form.GetDescriptor())) {
    words.push_back(absl::StrCat(form.GetReflection()->FieldSize(form, part)));
  }
  AppendWords(form, &words);
  return words;
}

proto::Target TargetFromSpec(const DmTargetSpec& spec) {
  proto::Target target;
  target.set_start(spec.sector_start.value());
  target.set_length(spec.length);
  if (FormOf(spec.target_type) != nullptr &&
      spec.params.size() <= kMaxTypedParams) {
    const absl::StatusOr<std::vector<std::string>> argv =
        DmSplitArgs(spec.params);
    if (argv.ok() && Typed(spec.target_type, *argv, &target)) {
      const DmTargetSpec again = SpecFromTarget(target);
      if (again.target_type == spec.target_type &&
          again.params == spec.params) {
        return target;
      }
    }
  }
  target.clear_kind();
  target.mutable_raw()->set_type(spec.target_type);
  target.mutable_raw()->set_params(spec.params);
  return target;
}

DmTargetSpec SpecFromTarget(const proto::Target& target) {
  DmTargetSpec spec{sector_t(target.start()), target.length(), "", ""};
  const FieldDescriptor* field = FormOf(target);
  if (field == nullptr) return spec;
  if (target.has_raw()) {
    spec.target_type = target.raw().type();
    spec.params = target.raw().params();
    return spec;
  }
  spec.target_type = absl::StrReplaceAll(field->name(), {{"_", "-"}});
  spec.params = absl::StrJoin(TargetWords(target), " ",
                              [](std::string* out, const std::string& word) {
                                out->append(DmEscapeArg(word));
                              });
  return spec;
}

bool KnowsOthers(const proto::Table& table, const KernelProfile& profile) {
  absl::string_view last;
  for (const proto::Target& target : table.target()) {
    const absl::string_view type = target.raw().type();
    // Mostly all rows have the same type.
    if (type == last) continue;
    last = type;
    const TargetType* found = FindTargetType(type, profile);
    if (found != nullptr && found->knows_others) return true;
  }
  return false;
}

}  // namespace dmdax
