// SPDX-License-Identifier: Apache-2.0
#include "mm/fault_graph.h"

#include <functional>

#include "absl/strings/str_cat.h"

namespace dmdax {
namespace {

std::string CallName(const FaultProfile& profile, const FaultCall& call) {
  if (call.function != FaultFunction::kNone) {
    return FaultFunctionName(profile, call.function);
  }
  // A call of kNone that is no device's is not shown.
  return call.step != nullptr ? KernelFunctionName(*call.step) : "";
}

// Goes through calls and events in the order they happened.
class GraphWalk {
 public:
  std::function<void(int depth, const std::string& name)> on_enter;
  std::function<void(int depth, const std::string& name)> on_leave;
  std::function<void(int depth, const FaultEvent& event)> on_event;

  void Run(const FaultProfile& profile, const FaultRecorder& recorder) {
    size_t next = 0;  // event
    const auto events_until = [&](size_t end) {
      while (next < end) {
        LeaveIf([&](const Open& o) { return o.call->leave <= next; });
        on_event(Shown(), recorder.events()[next++]);
      }
    };
    for (const FaultCall& call : recorder.calls()) {
      events_until(call.enter);
      LeaveIf([&](const Open& o) { return o.call->depth >= call.depth; });
      const std::string name = CallName(profile, call);
      if (!name.empty()) on_enter(Shown(), name);
      open_.push_back({&call, name});
    }
    events_until(recorder.events().size());
    LeaveIf([](const Open&) { return true; });
  }

 private:
  struct Open {
    const FaultCall* call;
    std::string name;
  };

  // A function that this kernel does not have has no name and no line; what it
  // calls moves one level up.
  int Shown() const {
    int depth = 0;
    for (const Open& o : open_) depth += !o.name.empty();
    return depth;
  }

  void LeaveIf(const std::function<bool(const Open&)>& ends) {
    while (!open_.empty() && ends(open_.back())) {
      const Open o = open_.back();
      open_.pop_back();
      if (!o.name.empty()) on_leave(Shown(), o.name);
    }
  }

  std::vector<Open> open_;
};

std::string Indent(int depth) {
  return std::string(static_cast<size_t>(depth) * 2, ' ');
}

}  // namespace

std::vector<GraphCall> GraphCalls(const FaultProfile& profile,
                                  const FaultRecorder& recorder) {
  std::vector<GraphCall> out;
  GraphWalk walk;
  walk.on_enter = [&](int depth, const std::string& name) {
    out.push_back({depth, name});
  };
  walk.on_leave = [](int, const std::string&) {};
  walk.on_event = [](int, const FaultEvent&) {};
  walk.Run(profile, recorder);
  return out;
}

std::vector<std::string> FaultGraph(const FaultProfile& profile,
                                    const FaultRecorder& recorder) {
  std::vector<std::string> out;
  GraphWalk walk;
  walk.on_enter = [&](int depth, const std::string& name) {
    out.push_back(absl::StrCat(Indent(depth), name, "() {"));
  };
  walk.on_leave = [&](int depth, const std::string& name) {
    // The call has nothing inside, so it is one line.
    const std::string begun = absl::StrCat(Indent(depth), name, "() {");
    if (out.back() == begun) {
      out.back() = absl::StrCat(Indent(depth), name, "();");
      return;
    }
    out.push_back(absl::StrCat(Indent(depth), "} /* ", name, " */"));
  };
  walk.on_event = [&](int depth, const FaultEvent& event) {
    out.push_back(absl::StrCat(Indent(depth), "/* ",
                               FaultEventText(profile, event), " */"));
  };
  walk.Run(profile, recorder);
  return out;
}

}  // namespace dmdax
