// SPDX-License-Identifier: Apache-2.0
//
// SlowStream: what a PageStream prints, written down plainly: a byte, a page
// and a line at a time.  It shares nothing with the fast one but the device.
#ifndef DMDAX_TESTS_STREAM_SLOW_STREAM_H_
#define DMDAX_TESTS_STREAM_SLOW_STREAM_H_

#include <cstdint>
#include <string>

#include "tools/dax_query.h"
#include "tools/stream/answer_bytes.h"

namespace dmdax {

struct SlowAnswers {
  std::string out;
  bool all_have_addresses = true;
  std::string error;  // "": none
};

SlowAnswers SlowText(const DaxQuery& query, int64_t nr, AnswerForm form,
                     const std::string& input);
SlowAnswers SlowRaw(const DaxQuery& query, int64_t nr, AnswerForm form,
                    const std::string& input);

}  // namespace dmdax

#endif  // DMDAX_TESTS_STREAM_SLOW_STREAM_H_
