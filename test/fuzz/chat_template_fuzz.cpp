//===- chat_template_fuzz.cpp - Templates, and programs, run --------------===//

#include "frontends/ChatTemplate/ChatTemplate.h"
#include "runtime/abi/chat_program.h"
#include "runtime/text/chat_template.h"
#include "runtime/text/json_reader.h"

#include <cstdio>
#include <cstdlib>

using namespace gemcut;
using text::MarkedText;
using text::Value;

namespace {

void require(bool holds, const char *what) {
  if (holds)
    return;
  std::fprintf(stderr, "violated: %s\n", what);
  std::abort();
}

Value parse(const char *json) {
  Value value;
  std::string error;
  require(text::parseJson(json, &value, &error) == GEMCUT_OK, "JSON is read");
  return value;
}

void checkMarks(const MarkedText &text) {
  size_t end = 0;
  for (text::Span span : text.untrusted) {
    require(span.begin < span.end && span.end <= text.size() &&
                (end == 0 || span.begin > end),
            "spans are sorted, apart and inside");
    end = span.end;
  }
}

void render(const uint8_t *program, size_t length) {
  text::ChatTemplate opened;
  std::string error;
  if (text::ChatTemplate::open(program, length, &opened, &error))
    return;
  text::ChatOptions options;
  options.maxSteps = 5000;
  options.now = 0;
  options.variables =
      parse(R"({"v": [1, "a", {"b": null}], "s": "a b\u00e9"})");
  MarkedText out;
  Value messages = parse(R"([{"role": "system", "content": "Be brief."},
    {"role": "user", "content": [{"type": "text", "text": " <turn|>"}]},
    {"role": "assistant", "content": null, "tool_calls": [{"id": "1",
     "function": {"name": "f", "arguments": {"b": 1.5, "A": [true]}}}]},
    {"role": "tool", "tool_call_id": "1", "content": "x"}])");
  Value tools = parse(R"([{"function": {"name": "f", "description": "d",
    "parameters": {"type": "object", "properties": {"a": {"type": "string",
     "enum": ["x"]}}, "required": ["a"]}}}])");
  if (opened.render(messages, tools, options, &out, &error))
    require(!error.empty() && error.size() < 100000, "an error says why");
  else
    checkMarks(out);
}

} // namespace

/// The input is a template; one that begins with the programs' magic number is
/// a program.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  llvm::StringRef source(reinterpret_cast<const char *>(data), size);
  if (source.starts_with(GEMCUT_CHAT_MAGIC)) {
    render(data, size);
    return 0;
  }
  auto program = chat::compileChatTemplate(source, "t");
  if (program) {
    render(program->data(), program->size());
    return 0;
  }
  std::string error = llvm::toString(program.takeError());
  require(llvm::StringRef(error).starts_with("t:"), "an error names its place");
  return 0;
}
