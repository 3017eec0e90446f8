//===- message_rules.cpp - What requests may hold -------------------------===//

#include "runtime/text/message_rules.h"

#include "runtime/text/call_arguments.h"

#include <string_view>
#include <unordered_set>

using namespace gemcut;
using namespace gemcut::text;

static constexpr const char *kRoles[] = {
    "system", "developer", "user", "assistant", "model", "tool", "function"};

static bool isAbsent(const Value *value) {
  return !value || value->isNone() || value->isUndefined();
}

static std::string_view textOf(const Value *value) {
  return value && value->isString() ? value->bytes() : std::string_view();
}

static bool isFunctionName(std::string_view name) {
  static constexpr size_t kMostCharacters = 64;
  return !name.empty() && name.size() <= kMostCharacters &&
         name.find_first_not_of("abcdefghijklmnopqrstuvwxyz"
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "0123456789_-") == std::string_view::npos;
}

static bool isRole(std::string_view role) {
  for (const char *known : kRoles)
    if (role == known)
      return true;
  return false;
}

static std::optional<MessageFault> findContentFault(const std::string &place,
                                                    std::string_view role,
                                                    const Value *content,
                                                    bool hasCalls) {
  if (role == "tool" || role == "function" || (content && content->isString()))
    return std::nullopt;
  if (isAbsent(content)) {
    if (hasCalls || role == "assistant" || role == "model")
      return std::nullopt;
    return MessageFault{place, "is missing; it must be a text"};
  }
  if (!content->isList())
    return MessageFault{place, "must be a text or an array of parts"};
  for (const Value &part : content->items()) {
    std::string_view kind = textOf(part.find("type"));
    if (kind != "text" && kind != "refusal")
      return MessageFault{place,
                          "has a part of type '" + std::string(kind) +
                              "', but this model takes text only",
                          /*isUnsupported=*/true};
  }
  return std::nullopt;
}

static std::optional<MessageFault> findCallFault(const std::string &place,
                                                 const Value &call) {
  const Value *function = call.find("function");
  if (!call.isMap() || (function && !function->isMap()))
    return MessageFault{place, "must be an object with a function"};
  const Value *arguments = function ? function->find("arguments") : nullptr;
  if (isAbsent(arguments) || arguments->isMap() ||
      !readArguments(*arguments).isUndefined())
    return std::nullopt;
  return MessageFault{place + ".function.arguments",
                      "must be an object, or the text of a JSON object"};
}

std::optional<MessageFault> text::findMessageFault(const Value &messages) {
  size_t index = 0;
  std::unordered_set<std::string_view> callIds; // so far
  for (const Value &message : messages.items()) {
    std::string place = "messages[" + std::to_string(index++) + "]";
    const Value *role = message.find("role");
    if (!message.isMap() || !role || !role->isString())
      return MessageFault{place, "must be an object with a role"};
    if (!isRole(role->bytes()))
      return MessageFault{place + ".role",
                          "is '" + std::string(role->bytes()) +
                              "', but must be system, developer, user, "
                              "assistant or tool"};
    const Value *calls = message.find("tool_calls");
    if (!isAbsent(calls) && !calls->isList())
      return MessageFault{place + ".tool_calls", "must be an array"};
    for (size_t i = 0; !isAbsent(calls) && i < calls->items().size(); ++i)
      if (auto fault =
              findCallFault(place + ".tool_calls[" + std::to_string(i) + "]",
                            calls->items()[i]))
        return fault;
      else
        callIds.insert(textOf(calls->items()[i].find("id")));
    std::string_view answered = textOf(message.find("tool_call_id"));
    if (role->bytes() == "tool" && !answered.empty() &&
        callIds.count(answered) == 0)
      return MessageFault{place + ".tool_call_id",
                          "is '" + std::string(answered) +
                              "', but no earlier message has a call with this "
                              "id in its 'tool_calls'"};
    if (auto fault =
            findContentFault(place + ".content", role->bytes(),
                             message.find("content"), !isAbsent(calls)))
      return fault;
  }
  return std::nullopt;
}

std::optional<MessageFault> text::findToolFault(const Value &tools) {
  const std::vector<Value> &all = tools.items();
  auto nameOf = [](const Value &tool) {
    const Value *function = tool.find("function");
    return textOf(function ? function->find("name") : nullptr);
  };
  for (size_t i = 0; i < all.size(); ++i) {
    std::string place = "tools[" + std::to_string(i) + "]";
    std::string_view name = nameOf(all[i]);
    if (textOf(all[i].find("type")) != "function" || name.empty())
      return MessageFault{place, "must be {\"type\": \"function\", "
                                 "\"function\": {\"name\": ...}}; other tools "
                                 "are not supported"};
    if (!isFunctionName(name))
      return MessageFault{place + ".function.name",
                          "must be of 1 to 64 letters, digits, '_' and '-'"};
    const Value *parameters = all[i].find("function")->find("parameters");
    if (!isAbsent(parameters) && !parameters->isMap())
      return MessageFault{place + ".function.parameters",
                          "must be a JSON schema, an object"};
    for (size_t j = 0; j < i; ++j)
      if (nameOf(all[j]) == name)
        return MessageFault{place, "has the name '" + std::string(name) +
                                       "', as an earlier one"};
  }
  return std::nullopt;
}
