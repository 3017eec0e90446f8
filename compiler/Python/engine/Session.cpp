//===- Session.cpp - One sequence of tokens, for Python -------------------===//

#include "compiler/Python/engine/Session.h"

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

void Session::score(const std::vector<int32_t> &ids, const py::buffer &out) {
  gemcut_info info = GEMCUT_INFO;
  library->check(library->api.get_info(library->engine, &info));
  py::buffer_info memory = out.request(/*writable=*/true);
  struct Rows {
    float *out;
    size_t columns;
  } rows{static_cast<float *>(memory.ptr), size_t(info.vocab_size)};
  if (size_t(memory.size * memory.itemsize) !=
      ids.size() * rows.columns * sizeof(float))
    throw EngineFailure(GEMCUT_BUFFER_TOO_SMALL,
                        "the buffer has not one float32 for each id and token "
                        "of the vocabulary");
  py::gil_scoped_release release;
  library->check(library->api.score(
      session, ids.data(), ids.size(),
      [](void *user, size_t row, const float *logits) {
        auto *rows = static_cast<Rows *>(user);
        std::copy_n(logits, rows->columns, rows->out + row * rows->columns);
      },
      &rows));
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
    // Always: between tokens is the time to look at signals.
    options.on_token = [](void *user, int32_t id) {
      auto *self = static_cast<Callbacks *>(user);
      return self->call([&]() -> py::object {
        if (PyErr_CheckSignals() != 0)
          throw py::error_already_set();
        return isNone(self->onToken) ? py::none() : self->onToken(id);
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
