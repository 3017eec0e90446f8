//===- Session.h - One sequence of tokens, for Python -----------*- C++ -*-===//

#ifndef GEMCUT_COMPILER_PYTHON_ENGINE_SESSION_H
#define GEMCUT_COMPILER_PYTHON_ENGINE_SESSION_H

#include "compiler/Python/engine/Library.h"

#include <pybind11/pybind11.h>

#include <optional>
#include <vector>

namespace gemcut::python {

/// What sampling is asked for; nullopt: the model's default.
struct Sampling {
  std::optional<float> temperature, topP, minP;
  std::optional<int32_t> topK;
  std::optional<uint64_t> seed;
  bool noRepeat;
};

/// What answers must be; nullopt: anything.
struct AnswerText {
  std::optional<std::string> schema; ///< JSON
  std::optional<std::string> pattern;
};

/// Which tools a model is shown.
struct ToolUse {
  std::optional<std::string> tools; ///< JSON; nullopt: none
  int choice;                       ///< gemcut_tool_choice
  std::optional<std::string> name;  ///< the only one that may be called
  bool parallel;
};

/// How a generation ended.
struct Result {
  int reason; ///< gemcut_stop_reason
  size_t promptTokens, newTokens;
  double prefillSeconds, decodeSeconds;
};

/// Frees the GIL while the model runs. For one thread at a time.
class Session {
public:
  Session(std::shared_ptr<Library> library, int32_t threads, int32_t context,
          const std::string &adapter);
  Session(const Session &) = delete;
  Session &operator=(const Session &) = delete;
  ~Session() { library->api.session_destroy(session); }

  void reset() { library->check(library->api.session_reset(session)); }
  size_t length() const { return library->api.session_length(session); }
  void rewind(size_t count) {
    library->check(library->api.session_rewind(session, count));
  }

  void save(const std::string &path) const {
    pybind11::gil_scoped_release release;
    library->check(library->api.session_save(session, path.c_str()));
  }
  void load(const std::string &path) {
    pybind11::gil_scoped_release release;
    library->check(library->api.session_load(session, path.c_str()));
  }

  /// Writes (ids, vocabulary) float32 logits into a writable buffer. Signals
  /// stop it between steps; what they raise is raised.
  void score(const std::vector<int32_t> &ids, const pybind11::buffer &out);

  /// The natural logarithm of the probability of each id but the first one,
  /// computed in float64; stopped as score.
  std::vector<double> logprobs(const std::vector<int32_t> &ids);

  /// `onText` (kind, bytes) and `onToken` (id), which may be None, return true
  /// to stop. `onText` is also called without bytes, between the steps of the
  /// prompt. Exceptions that they raise, and signals, stop and are raised.
  Result generate(const std::vector<int32_t> &ids, int64_t limit,
                  bool ignoreStop, const Sampling &sampling,
                  const AnswerText &answer, const pybind11::object &onText,
                  const pybind11::object &onToken);

  /// The answer to `messages`, JSON. `onCall` (name, bytes) as above; the
  /// result is the answer as a message, JSON.
  std::pair<Result, pybind11::bytes>
  chat(const std::string &messages, int64_t limit, bool think,
       const Sampling &sampling, const AnswerText &answer, const ToolUse &tools,
       const pybind11::object &onText, const pybind11::object &onCall);

private:
  std::shared_ptr<Library> library;
  gemcut_session *session = nullptr;

  /// Calls `take` (row, logits) for all ids, without the GIL.
  template <typename Take>
  void scoreInSteps(const std::vector<int32_t> &ids, Take take);
  template <typename Run>
  Result run(gemcut_generate_options options, const Sampling &sampling,
             const AnswerText &answer, Run call);
};

} // namespace gemcut::python

#endif // GEMCUT_COMPILER_PYTHON_ENGINE_SESSION_H
