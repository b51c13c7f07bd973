// SPDX-License-Identifier: Apache-2.0
//
// FieldList: which fields a report shows, sorts by and compares, from the
// words of -o and -O.
//
// Mirrors: _parse_fields, _parse_keys, _get_field, _all_match of
// libdm/libdm-report.c (1.02.185): names are compared without underscores
// and case; "all" and "<prefix>all" stand for many.
#ifndef DMDAX_TOOLS_DMSETUP_REPORT_FIELD_LIST_H_
#define DMDAX_TOOLS_DMSETUP_REPORT_FIELD_LIST_H_

#include <optional>
#include <string>
#include <vector>

#include "tools/dmsetup/report/report_field.h"

namespace dmdax {

// "selected", "help", "?": behind all others in the help.
extern const ReportField kSpecialFields[3];
inline constexpr size_t kSelectedField = 0;
inline constexpr uint32_t kSpecialSection = 0x80000000;

struct SortKey {
  size_t prop;  // index of FieldList::props()
  bool descending;
};

class FieldList {
 public:
  // `sections` are the bits the caller starts with, which "all" adds to.
  FieldList(const ReportSchema& schema, uint32_t sections)
      : schema_(schema), sections_(sections), initial_(sections) {}

  // False after saying what is wrong on `streams.err`, the help first.
  bool Parse(absl::string_view fields, absl::string_view keys,
             ReportStreams streams);

  // _get_canonical_field_name(): false after complaining of a name that is too
  // long, from where it is, with all the text up to the end of `rest`.
  static bool CheckLength(absl::string_view word, absl::string_view rest,
                          ReportStreams streams);

  // Finds or adds (hidden) a field for -S.
  struct Ref {
    size_t field;
    bool special;
  };
  std::optional<Ref> Find(absl::string_view name) const;
  size_t PropFor(Ref ref);

  const ReportField& field(Ref ref) const {
    return ref.special ? kSpecialFields[ref.field] : schema_.fields[ref.field];
  }
  const ReportField& field(const FieldProps& props) const {
    return field(Ref{props.field, props.special});
  }
  // Hidden ones among them; `order()` has them as libdevmapper walks them.
  std::vector<FieldProps>& props() { return props_; }
  const std::vector<FieldProps>& props() const { return props_; }
  const std::vector<size_t>& order() const { return order_; }
  const std::vector<SortKey>& keys() const { return keys_; }
  bool help_requested() const;
  // The sections of all fields in use.
  uint32_t sections() const { return sections_ & ~kSpecialSection; }
  const ReportSchema& schema() const { return schema_; }

  // The list of fields, as -o help prints it; for -S help with types.
  enum class HelpKind { kOutput, kSelection };
  std::string Help(HelpKind kind) const;

 private:
  bool ParseFields(absl::string_view list, bool types_only,
                   ReportStreams streams);
  bool ParseKeys(absl::string_view list, bool types_only,
                 ReportStreams streams);
  bool MatchField(absl::string_view word, absl::string_view rest,
                  bool types_only, ReportStreams streams);
  bool MatchKey(absl::string_view word, absl::string_view rest, bool types_only,
                ReportStreams streams);
  uint32_t MatchAll(absl::string_view word) const;
  size_t Add(Ref ref, bool hidden);

  const ReportSchema schema_;
  uint32_t sections_;
  const uint32_t initial_;
  std::vector<FieldProps> props_;
  std::vector<size_t> order_;
  std::vector<SortKey> keys_;
};

}  // namespace dmdax

#endif  // DMDAX_TOOLS_DMSETUP_REPORT_FIELD_LIST_H_
