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

/// Python's callbacks behind those of C.
class Callbacks {
public:
  Callbacks(const py::object &onText, const py::object &onToken)
      : onText(onText), onToken(onToken) {}

  void install(gemcut_generate_options &options) {
    options.user = this;
    if (!onText.is_none())
      options.on_text = [](void *user, gemcut_text_kind kind, const char *text,
                           size_t length) {
        auto *self = static_cast<Callbacks *>(user);
        return self->call(
            [&] { return self->onText(int(kind), py::bytes(text, length)); });
      };
    // Always: between tokens is the time to look at signals.
    options.on_token = [](void *user, int32_t id) {
      auto *self = static_cast<Callbacks *>(user);
      return self->call([&]() -> py::object {
        if (PyErr_CheckSignals() != 0)
          throw py::error_already_set();
        return self->onToken.is_none() ? py::none() : self->onToken(id);
      });
    };
  }

  void rethrow() {
    if (error)
      throw *error;
  }

private:
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

  const py::object &onText, &onToken;
  std::optional<py::error_already_set> error;
};

} // namespace

template <typename Run>
Result Session::run(int64_t limit, bool ignoreStop, const Sampling &wanted,
                    const py::object &onText, const py::object &onToken,
                    Run call) {
  gemcut_sampling sampling = GEMCUT_SAMPLING;
  library->check(library->api.default_sampling(library->engine, &sampling));
  sampling.temperature = wanted.temperature.value_or(sampling.temperature);
  sampling.top_k = wanted.topK.value_or(sampling.top_k);
  sampling.top_p = wanted.topP.value_or(sampling.top_p);
  sampling.min_p = wanted.minP.value_or(sampling.min_p);
  sampling.seed = wanted.seed.value_or(sampling.seed);
  gemcut_generate_options options = GEMCUT_GENERATE_OPTIONS;
  options.sampling = &sampling;
  options.limit = limit;
  options.ignore_stop = ignoreStop;
  Callbacks callbacks(onText, onToken);
  callbacks.install(options);
  gemcut_generate_result facts = GEMCUT_GENERATE_RESULT;
  {
    py::gil_scoped_release release;
    library->check(call(options, facts));
  }
  callbacks.rethrow();
  return {int(facts.reason), facts.prompt_tokens, facts.new_tokens,
          facts.prefill_seconds, facts.decode_seconds};
}

Result Session::generate(const std::vector<int32_t> &ids, int64_t limit,
                         bool ignoreStop, const Sampling &sampling,
                         const py::object &onText, const py::object &onToken) {
  return run(limit, ignoreStop, sampling, onText, onToken,
             [&](const gemcut_generate_options &options,
                 gemcut_generate_result &facts) {
               return library->api.generate(session, ids.data(), ids.size(),
                                            &options, &facts);
             });
}

void Session::beginChat(const std::optional<std::string> &system, bool think) {
  gemcut_chat_options options = GEMCUT_CHAT_OPTIONS;
  options.system = system ? system->c_str() : nullptr;
  options.think = think;
  library->check(library->api.chat_begin(session, &options));
}

Result Session::chat(const std::string &text, int64_t limit,
                     const Sampling &sampling, const py::object &onText,
                     const py::object &onToken) {
  return run(limit, /*ignoreStop=*/false, sampling, onText, onToken,
             [&](const gemcut_generate_options &options,
                 gemcut_generate_result &facts) {
               return library->api.chat(session, text.c_str(), &options,
                                        &facts);
             });
}
