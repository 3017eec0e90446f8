//===- Session.cpp - One sequence of tokens, for Python -------------------===//

#include "compiler/Python/engine/Session.h"

#include <algorithm>
#include <cmath>

namespace py = pybind11;
using namespace gemcut::python;

Session::Session(std::shared_ptr<Library> from, int32_t threads,
                 int32_t context, const std::string &adapter)
    : library(std::move(from)) {
  gemcut_session_options options = GEMCUT_SESSION_OPTIONS;
  options.threads = threads;
  options.context = context;
  options.adapter = adapter.empty() ? nullptr : adapter.c_str();
  library->check(
      library->api.session_create(library->engine, &options, &session));
}

/// Runs Python's signal handlers; what they raise is raised.
static void checkSignals() {
  if (PyErr_CheckSignals() != 0)
    throw py::error_already_set();
}

template <typename Take>
void Session::scoreInSteps(const std::vector<int32_t> &ids, Take take) {
  // Whole steps of `score`, whatever its chunk: sums of bf16 products depend on
  // where a sequence is cut. No ids at all are the runtime's to refuse.
  const size_t most = 64;
  struct Listener {
    Take &take;
    size_t done;
  } listener = {take, 0};
  do {
    size_t count = std::min(ids.size() - listener.done, most);
    {
      py::gil_scoped_release release;
      library->check(library->api.score(
          session, ids.data() + listener.done, count,
          [](void *user, size_t row, const float *logits) {
            auto *to = static_cast<Listener *>(user);
            to->take(to->done + row, logits);
          },
          &listener));
    }
    checkSignals();
    listener.done += count;
  } while (listener.done < ids.size());
}

static size_t getVocabulary(const Library &library) {
  gemcut_info info = GEMCUT_INFO;
  library.check(library.api.get_info(library.engine, &info));
  return size_t(info.vocab_size);
}

void Session::score(const std::vector<int32_t> &ids, const py::buffer &out) {
  size_t columns = getVocabulary(*library);
  py::buffer_info memory = out.request(/*writable=*/true);
  if (size_t(memory.size * memory.itemsize) !=
      ids.size() * columns * sizeof(float))
    throw EngineFailure(GEMCUT_BUFFER_TOO_SMALL,
                        "the buffer has not one float32 for each id and token "
                        "of the vocabulary");
  auto *rows = static_cast<float *>(memory.ptr);
  scoreInSteps(ids, [&](size_t row, const float *logits) {
    std::copy_n(logits, columns, rows + row * columns);
  });
}

/// log(sum_i exp(logits[i])) in float64.
static double getLogSumExp(const float *logits, size_t count) {
  double largest = *std::max_element(logits, logits + count), sum = 0;
  for (size_t i = 0; i < count; ++i)
    sum += std::exp(logits[i] - largest);
  return largest + std::log(sum);
}

std::vector<double> Session::logprobs(const std::vector<int32_t> &ids) {
  size_t columns = getVocabulary(*library);
  std::vector<double> result;
  scoreInSteps(ids, [&](size_t row, const float *logits) {
    if (row + 1 < ids.size() && size_t(ids[row + 1]) < columns)
      result.push_back(logits[ids[row + 1]] - getLogSumExp(logits, columns));
  });
  return result;
}

namespace {

/// Python's callbacks behind those of C; any of them may be None.
class Callbacks {
public:
  py::object onText, onToken, onCall;
  std::string message; ///< the whole answer

  void install(gemcut_generate_options &options) {
    options.user = this;
    if (!isNone(onText))
      options.on_text = [](void *user, gemcut_text_kind kind, const char *text,
                           size_t length) {
        auto *self = static_cast<Callbacks *>(user);
        return self->call(
            [&] { return self->onText(int(kind), py::bytes(text, length)); });
      };
    if (!isNone(onCall)) {
      options.on_tool_call = [](void *user, const char *name,
                                const char *arguments, size_t length) {
        auto *self = static_cast<Callbacks *>(user);
        return self->call(
            [&] { return self->onCall(name, py::bytes(arguments, length)); });
      };
      options.on_message = [](void *user, const char *message, size_t length) {
        static_cast<Callbacks *>(user)->message.assign(message, length);
      };
    }
    // Always: between steps is the time to look at signals.
    options.on_token = [](void *user, int32_t id) {
      auto *self = static_cast<Callbacks *>(user);
      return self->call([&]() -> py::object {
        checkSignals();
        return isNone(self->onToken) ? py::none() : self->onToken(id);
      });
    };
    options.on_step = [](void *user, size_t, size_t) {
      auto *self = static_cast<Callbacks *>(user);
      return self->call([&]() -> py::object {
        checkSignals();
        return isNone(self->onText) ? py::none() : self->onText(0, py::bytes());
      });
    };
  }

  void rethrow() {
    if (error)
      throw *error;
  }

private:
  static bool isNone(const py::object &function) {
    return !function || function.is_none();
  }

  template <typename Call> int call(Call function) {
    py::gil_scoped_acquire acquire;
    if (error)
      return 1;
    try {
      py::object answer = function();
      int isTrue = PyObject_IsTrue(answer.ptr());
      if (isTrue < 0)
        throw py::error_already_set();
      return isTrue;
    } catch (py::error_already_set &raised) {
      error.emplace(raised);
      return 1;
    }
  }

  std::optional<py::error_already_set> error;
};

} // namespace

static const char *orNull(const std::optional<std::string> &text) {
  return text ? text->c_str() : nullptr;
}

template <typename Run>
Result Session::run(gemcut_generate_options options, const Sampling &wanted,
                    const AnswerText &answer, Run call) {
  gemcut_sampling sampling = GEMCUT_SAMPLING;
  library->check(library->api.default_sampling(library->engine, &sampling));
  sampling.temperature = wanted.temperature.value_or(sampling.temperature);
  sampling.top_k = wanted.topK.value_or(sampling.top_k);
  sampling.top_p = wanted.topP.value_or(sampling.top_p);
  sampling.min_p = wanted.minP.value_or(sampling.min_p);
  sampling.seed = wanted.seed.value_or(sampling.seed);
  sampling.no_repeat = wanted.noRepeat;
  options.sampling = &sampling;
  options.json_schema = orNull(answer.schema);
  options.regex = orNull(answer.pattern);
  gemcut_generate_result facts = GEMCUT_GENERATE_RESULT;
  {
    py::gil_scoped_release release;
    library->check(call(options, facts));
  }
  static_cast<Callbacks *>(options.user)->rethrow();
  return {int(facts.reason), facts.prompt_tokens, facts.new_tokens,
          facts.prefill_seconds, facts.decode_seconds};
}

Result Session::generate(const std::vector<int32_t> &ids, int64_t limit,
                         bool ignoreStop, const Sampling &sampling,
                         const AnswerText &answer, const py::object &onText,
                         const py::object &onToken) {
  gemcut_generate_options options = GEMCUT_GENERATE_OPTIONS;
  options.limit = limit;
  options.ignore_stop = ignoreStop;
  Callbacks callbacks;
  callbacks.onText = onText;
  callbacks.onToken = onToken;
  callbacks.install(options);
  return run(
      options, sampling, answer,
      [&](const gemcut_generate_options &all, gemcut_generate_result &facts) {
        return library->api.generate(session, ids.data(), ids.size(), &all,
                                     &facts);
      });
}

std::pair<Result, py::bytes>
Session::chat(const std::string &messages, int64_t limit, bool think,
              const Sampling &sampling, const AnswerText &answer,
              const ToolUse &tools, const py::object &onText,
              const py::object &onCall) {
  gemcut_generate_options options = GEMCUT_GENERATE_OPTIONS;
  options.limit = limit;
  Callbacks callbacks;
  callbacks.onText = onText;
  callbacks.onCall = onCall;
  callbacks.install(options);
  gemcut_messages_options how = GEMCUT_MESSAGES_OPTIONS;
  how.tools = orNull(tools.tools);
  how.tool_choice = gemcut_tool_choice(tools.choice);
  how.tool_name = orNull(tools.name);
  how.parallel_calls = tools.parallel;
  how.think = think;
  Result result = run(
      options, sampling, answer,
      [&](const gemcut_generate_options &all, gemcut_generate_result &facts) {
        return library->api.chat_messages(session, messages.c_str(), &how, &all,
                                          &facts);
      });
  return {result, py::bytes(callbacks.message)};
}
