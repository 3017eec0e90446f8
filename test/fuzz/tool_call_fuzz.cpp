//===- tool_call_fuzz.cpp - Tool calls and JSON -------------------------===//

#include "runtime/text/json_reader.h"
#include "runtime/text/json_writer.h"
#include "runtime/text/tool_call_reader.h"
#include "runtime/text/utf8.h"
#include "test/fuzz/Require.h"

using namespace gemcut;
using namespace gemcut::test;

/// The input is the text of a call (' stands for <|"|>) and JSON.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  std::string call(reinterpret_cast<const char *>(data), size);
  text::Value value;
  std::string error;
  if (text::parseJson(call, &value, &error) == GEMCUT_OK) {
    std::string json = text::toCompactJson(value);
    text::Value again;
    require(text::parseJson(json, &again, &error) == GEMCUT_OK &&
                text::isEqual(value, again),
            "JSON reads back");
  } else {
    require(error.find("line ") != std::string::npos, "errors name the line");
  }
  for (char &c : call)
    if (c == '\'')
      c = text::kQuoteMark;
  std::string name, arguments;
  if (!text::readToolCall(call, name, arguments))
    return 0;
  require(!name.empty(), "a call has a name");
  require(text::parseJson(arguments, &value, &error) == GEMCUT_OK &&
              value.isMap(),
          "arguments are a JSON object");
  require(text::isValidUtf8(arguments), "arguments are UTF-8");
  return 0;
}
