//===- Module.cpp - The module _engine: compiled models -------------------===//
//
// Small and without LLVM: whoever only runs models loads no compiler.
//
//===----------------------------------------------------------------------===//

#include "compiler/Python/engine/Session.h"

#include <pybind11/stl.h>

namespace py = pybind11;
using namespace gemcut::python;
using namespace pybind11::literals;

static py::dict getInfo(const Library &library) {
  gemcut_info info = GEMCUT_INFO;
  library.check(library.api.get_info(library.engine, &info));
  py::list adapters;
  for (int32_t i = 0; i < info.adapter_count; ++i)
    adapters.append(library.api.adapter_name(library.engine, i));
  return py::dict(
      "name"_a = info.name, "quantization"_a = info.quantization,
      "kv_type"_a = info.kv_type, "level"_a = info.level,
      "report"_a = py::str(info.report ? info.report : "",
                           info.report ? info.report_length : 0),
      "vocab_size"_a = info.vocab_size, "layers"_a = info.layers,
      "hidden_size"_a = info.hidden_size, "context"_a = info.context,
      "prefill_chunk"_a = info.prefill_chunk, "bos_id"_a = info.bos_id,
      "eos_id"_a = info.eos_id, "has_tokenizer"_a = bool(info.has_tokenizer),
      "has_chat"_a = bool(info.has_chat), "adapters"_a = adapters,
      "weight_bytes"_a = info.weight_bytes,
      "weight_bytes_per_token"_a = info.weight_bytes_per_token,
      "kv_bytes"_a = info.kv_bytes, "session_bytes"_a = info.session_bytes);
}

static std::vector<int32_t> tokenize(const Library &library,
                                     const std::string &text, bool special) {
  std::vector<int32_t> ids(text.size() + 16);
  size_t count = 0;
  auto encode = [&] {
    return library.api.tokenize(library.engine, text.data(), text.size(),
                                special, ids.data(), ids.size(), &count);
  };
  gemcut_status status = encode();
  ids.resize(count);
  if (status == GEMCUT_BUFFER_TOO_SMALL)
    status = encode();
  library.check(status);
  return ids;
}

static py::bytes detokenize(const Library &library,
                            const std::vector<int32_t> &ids, bool special) {
  std::string text(ids.size() * 16 + 16, '\0');
  size_t length = 0;
  auto decode = [&] {
    return library.api.detokenize(library.engine, ids.data(), ids.size(),
                                  special, text.data(), text.size(), &length);
  };
  gemcut_status status = decode();
  text.resize(length);
  if (status == GEMCUT_BUFFER_TOO_SMALL)
    status = decode();
  library.check(status);
  return py::bytes(text);
}

static void verify(const Library &library) {
  py::gil_scoped_release release;
  library.check(library.api.verify(library.engine));
}

static void translate(std::exception_ptr pointer) {
  try {
    if (pointer)
      std::rethrow_exception(pointer);
  } catch (const EngineFailure &failure) {
    py::module_ errors = py::module_::import("gemcut.errors");
    if (failure.status == GEMCUT_UNSUPPORTED_CPU) {
      PyErr_SetObject(errors.attr("UnsupportedError").ptr(),
                      py::str(failure.what()).ptr());
      return;
    }
    const char *type = failure.status == GEMCUT_CONTEXT_FULL
                           ? "ContextFullError"
                           : "EngineError";
    py::object instance =
        errors.attr(type)(failure.what(), "status"_a = int(failure.status));
    PyErr_SetObject(errors.attr(type).ptr(), instance.ptr());
  }
}

PYBIND11_MODULE(_engine, module) {
  module.doc() = "Compiled models; use it through the package gemcut.";
  py::register_exception_translator(translate);
  py::class_<Library, std::shared_ptr<Library>>(module, "Library")
      .def(py::init(&Library::open), "path"_a, "level"_a, "weights"_a)
      .def("info", getInfo)
      .def("tokenize", tokenize, "text"_a, "special"_a)
      .def("detokenize", detokenize, "ids"_a, "special"_a)
      .def("verify", verify);
  py::class_<Sampling>(module, "Sampling")
      .def(py::init<std::optional<float>, std::optional<float>,
                    std::optional<float>, std::optional<int32_t>,
                    std::optional<uint64_t>, bool>(),
           "temperature"_a, "top_p"_a, "min_p"_a, "top_k"_a, "seed"_a,
           "no_repeat"_a);
  py::class_<AnswerText>(module, "AnswerText")
      .def(py::init<std::optional<std::string>, std::optional<std::string>>(),
           "schema"_a, "pattern"_a);
  py::class_<ToolUse>(module, "ToolUse")
      .def(py::init<std::optional<std::string>, int, std::optional<std::string>,
                    bool>(),
           "tools"_a, "choice"_a, "name"_a, "parallel"_a);
  py::class_<Result>(module, "Result")
      .def_readonly("reason", &Result::reason)
      .def_readonly("prompt_tokens", &Result::promptTokens)
      .def_readonly("new_tokens", &Result::newTokens)
      .def_readonly("prefill_seconds", &Result::prefillSeconds)
      .def_readonly("decode_seconds", &Result::decodeSeconds);
  py::class_<Session>(module, "Session")
      .def(py::init<std::shared_ptr<Library>, int32_t, int32_t, std::string>(),
           "library"_a, "threads"_a, "context"_a, "adapter"_a)
      .def("reset", &Session::reset)
      .def("length", &Session::length)
      .def("rewind", &Session::rewind, "count"_a)
      .def("save", &Session::save, "path"_a)
      .def("load", &Session::load, "path"_a)
      .def("score", &Session::score, "ids"_a, "out"_a)
      .def("logprobs", &Session::logprobs, "ids"_a)
      .def("generate", &Session::generate, "ids"_a, "limit"_a, "ignore_stop"_a,
           "sampling"_a, "answer"_a, "on_text"_a, "on_token"_a)
      .def("chat", &Session::chat, "messages"_a, "limit"_a, "think"_a,
           "sampling"_a, "answer"_a, "tools"_a, "on_text"_a, "on_call"_a);
}
