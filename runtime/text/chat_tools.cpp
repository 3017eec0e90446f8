//===- chat_tools.cpp - Messages from JSON --------------------------------===//

#include "runtime/text/chat_tools.h"

using namespace gemcut::text;
using json = nlohmann::ordered_json;

namespace {

constexpr int kMaxDepth = 64;

const json kNull;

const json &at(const json &object, const char *key) {
  if (!object.is_object())
    return kNull;
  auto it = object.find(key);
  return it == object.end() ? kNull : *it;
}

bool isDeeperThan(const json &value, int depth) {
  if (!value.is_structured())
    return false;
  if (depth == 0)
    return true;
  for (const json &element : value)
    if (isDeeperThan(element, depth - 1))
      return true;
  return false;
}

/// Reads with one error sentence; `where` names the place: "messages[2].role".
class Reader {
public:
  explicit Reader(std::string *error) : error(error) {}

  bool fail(const std::string &where, const json &found,
            const std::string &expected) {
    if (error)
      *error = where + " is " + describe(found) + ", expected " + expected;
    return false;
  }

  bool conversation(const json &messages, const json &tools,
                    Conversation *out) {
    if (!messages.is_array())
      return fail("messages", messages, "a list");
    if (!tools.is_null() && !tools.is_array())
      return fail("tools", tools, "a list");
    // Everything below recurses into values.
    if (isDeeperThan(messages, kMaxDepth) || isDeeperThan(tools, kMaxDepth)) {
      if (error)
        *error = "messages or tools are nested deeper than " +
                 std::to_string(kMaxDepth) + " levels";
      return false;
    }
    for (size_t i = 0; i < messages.size(); ++i) {
      Message parsed;
      if (!message(messages[i], "messages[" + std::to_string(i) + "]", &parsed))
        return false;
      out->messages.push_back(std::move(parsed));
    }
    for (size_t i = 0; i < tools.size(); ++i)
      if (!tool(tools[i], "tools[" + std::to_string(i) + "]", out))
        return false;
    return true;
  }

private:
  static std::string describe(const json &value) {
    if (value.is_null())
      return "missing or null";
    if (auto *text = value.get_ptr<const std::string *>())
      return "\"" + text->substr(0, 60) + "\"";
    return std::string("a value of type ") + value.type_name();
  }

  /// A string, or "" if absent or null.
  bool optionalString(const json &object, const char *key,
                      const std::string &where, std::string *out) {
    const json &value = at(object, key);
    if (value.is_null())
      return true;
    auto *text = value.get_ptr<const std::string *>();
    if (!text)
      return fail(where + "." + key, value, "a string");
    *out = *text;
    return true;
  }

  bool requiredString(const json &object, const char *key,
                      const std::string &where, std::string *out) {
    if (!at(object, key).is_string())
      return fail(where + "." + key, at(object, key), "a string");
    return optionalString(object, key, where, out);
  }

  bool message(const json &value, const std::string &where, Message *out) {
    if (!value.is_object())
      return fail(where, value, "an object");
    if (!requiredString(value, "role", where, &out->role))
      return false;
    const std::string &role = out->role;
    if (role != "system" && role != "developer" && role != "user" &&
        role != "assistant" && role != "model" && role != "tool")
      return fail(where + ".role", value["role"],
                  "\"system\", \"developer\", \"user\", \"assistant\" or "
                  "\"tool\"");
    if (!optionalString(value, "reasoning", where, &out->reasoning) ||
        (out->reasoning.empty() &&
         !optionalString(value, "reasoning_content", where, &out->reasoning)) ||
        !optionalString(value, "tool_call_id", where, &out->toolCallId) ||
        !optionalString(value, "name", where, &out->name) ||
        !content(at(value, "content"), where + ".content", out))
      return false;
    const json &calls = at(value, "tool_calls");
    if (!calls.is_null() && !calls.is_array())
      return fail(where + ".tool_calls", calls, "a list");
    for (size_t i = 0; i < calls.size(); ++i)
      if (!call(calls[i], where + ".tool_calls[" + std::to_string(i) + "]",
                out))
        return false;
    const json &responses = at(value, "tool_responses");
    if (!responses.is_null() && !responses.is_array())
      return fail(where + ".tool_responses", responses, "a list");
    for (size_t i = 0; i < responses.size(); ++i)
      if (!response(responses[i],
                    where + ".tool_responses[" + std::to_string(i) + "]", out))
        return false;
    return true;
  }

  bool content(const json &value, const std::string &where, Message *out) {
    if (auto *text = value.get_ptr<const std::string *>()) {
      out->content.push_back({ContentPart::Text, *text});
      return true;
    }
    bool isTool = out->role == "tool";
    if (value.is_array()) {
      out->contentIsList = true;
      for (size_t i = 0; i < value.size(); ++i)
        if (!part(value[i], where + "[" + std::to_string(i) + "]", out))
          return false;
      return true;
    }
    // The template takes an object for a list of parts and fails.
    if (value.is_object() && isTool)
      return fail(where, value,
                  "a string, a list or a number (objects go into "
                  "tool_responses)");
    if (isTool)
      out->toolValue = renderValue(value);
    else if (!value.is_null())
      return fail(where, value, "a string or a list of parts");
    return true;
  }

  bool part(const json &value, const std::string &where, Message *out) {
    std::string type;
    if (!requiredString(value, "type", where, &type))
      return false;
    ContentPart part;
    if (type == "image" || type == "image_url")
      part.kind = ContentPart::Image;
    else if (type == "audio" || type == "input_audio")
      part.kind = ContentPart::Audio;
    else if (type == "video")
      part.kind = ContentPart::Video;
    else if (type != "text")
      return fail(where + ".type", value["type"],
                  "\"text\", \"image\", \"audio\" or \"video\"");
    else if (!requiredString(value, "text", where, &part.text))
      return false;
    out->content.push_back(std::move(part));
    return true;
  }

  bool call(const json &value, const std::string &where, Message *out) {
    ToolCall call;
    bool nested = at(value, "function").is_object();
    const json &function = nested ? at(value, "function") : value;
    if (!requiredString(function, "name", where, &call.name) ||
        !optionalString(value, "id", where, &call.id))
      return false;
    const json &arguments = at(function, "arguments");
    if (!arguments.is_null() && !arguments.is_object())
      return fail(where + ".arguments", arguments, "an object");
    call.arguments = arguments.is_null() ? "{}" : renderValue(arguments);
    out->toolCalls.push_back(std::move(call));
    return true;
  }

  bool response(const json &value, const std::string &where, Message *out) {
    ToolResponse response;
    if (!value.is_object())
      return fail(where, value, "an object");
    if (!optionalString(value, "name", where, &response.name))
      return false;
    if (response.name.empty())
      response.name = "unknown";
    const json &body = at(value, "response");
    response.body = body.is_object() ? renderValue(body)
                                     : "{value:" + renderValue(body) + "}";
    out->toolResponses.push_back(std::move(response));
    return true;
  }

  bool tool(const json &value, const std::string &where, Conversation *out) {
    bool nested = at(value, "function").is_object();
    const json &function = nested ? at(value, "function") : value;
    std::string name;
    if (!requiredString(function, "name", where, &name))
      return false;
    out->tools.push_back(renderDeclaration(function));
    return true;
  }

  std::string *error;
};

} // namespace

gemcut_status gemcut::text::readConversation(const json &messages,
                                             const json &tools,
                                             Conversation *out,
                                             std::string *error) {
  Conversation result;
  if (!Reader(error).conversation(messages, tools, &result))
    return GEMCUT_INVALID_ARGUMENT;
  *out = std::move(result);
  return GEMCUT_OK;
}
