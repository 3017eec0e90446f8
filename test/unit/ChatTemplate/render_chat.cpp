//===- render_chat.cpp - Renders conversations for compare_jinja2.py ------===//
//
//   render_chat TEMPLATE.jinja|small|large|gemma3 < REQUESTS > ANSWERS
//
// Each line of REQUESTS is a JSON object of the template's variables; "source"
// in it replaces the template. Each line of ANSWERS is {"text": ...} or
// {"error": ...}.
//
//===----------------------------------------------------------------------===//

#include "frontends/ChatTemplate/ChatTemplate.h"
#include "runtime/text/chat_template.h"
#include "runtime/text/json_reader.h"
#include "runtime/text/json_writer.h"

#include <fstream>
#include <iostream>
#include <iterator>

using namespace gemcut;
using text::Value;

static std::string readTemplate(const std::string &name) {
  if (name == "small")
    return chat::getBuiltinTemplate(chat::Family::Gemma4Small).str();
  if (name == "large")
    return chat::getBuiltinTemplate(chat::Family::Gemma4Large).str();
  if (name == "gemma3")
    return chat::getBuiltinTemplate(chat::Family::Gemma3).str();
  std::ifstream file(name, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

static std::string answer(const std::string &kind, const std::string &text) {
  std::string out = "{\"" + kind + "\": ";
  text::appendJsonString(text, out);
  return out + "}";
}

static std::string render(const std::string &source, const Value &request) {
  auto program = chat::compileChatTemplate(source, "template");
  if (!program)
    return answer("error", llvm::toString(program.takeError()));
  text::ChatTemplate compiled;
  text::MarkedText out;
  text::ChatOptions options;
  options.addGenerationPrompt = false;
  options.variables = request;
  std::string error;
  const Value *messages = request.find("messages");
  const Value *tools = request.find("tools");
  if (text::ChatTemplate::open(program->data(), program->size(), &compiled,
                               &error) ||
      compiled.render(messages ? *messages : Value(), tools ? *tools : Value(),
                      options, &out, &error))
    return answer("error", error);
  return answer("text", out.bytes);
}

int main(int argc, char **argv) {
  if (argc != 2)
    return 2;
  std::string source = readTemplate(argv[1]), line;
  while (std::getline(std::cin, line)) {
    Value request;
    std::string error;
    if (text::parseJson(line, &request, &error)) {
      std::cerr << error << "\n";
      return 1;
    }
    const Value *given = request.find("source");
    std::cout << render(given ? std::string(given->bytes()) : source, request)
              << "\n";
  }
}
