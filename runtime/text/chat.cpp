//===- chat.cpp - From messages to a prompt -------------------------------===//

#include "runtime/text/chat.h"
#include "runtime/text/python_text.h"
#include "runtime/text/utf8.h"

#include <cstring>

using namespace gemcut::text;

namespace {

constexpr std::string_view kChannelOpen = "<|channel>";
constexpr std::string_view kChannelClose = "<channel|>";
constexpr std::string_view kTurnClose = "<turn|>\n";

bool isFirstSystem(const Conversation &conversation) {
  if (conversation.messages.empty())
    return false;
  const std::string &role = conversation.messages[0].role;
  return role == "system" || role == "developer";
}

std::string_view placeholder(ContentPart::Kind kind) {
  switch (kind) {
  case ContentPart::Image:
    return "<|image|>";
  case ContentPart::Audio:
    return "<|audio|>";
  case ContentPart::Video:
    return "<|video|>";
  case ContentPart::Text:
    break;
  }
  return {};
}

/// Writes one conversation from front to back.
class Renderer {
public:
  Renderer(const Conversation &conversation, const RenderOptions &options)
      : conversation(conversation), options(options),
        messages(conversation.messages),
        begin(isFirstSystem(conversation) ? 1 : 0) {}

  std::string render() {
    out = "<bos>";
    renderSystemBlock();
    for (size_t i = begin; i < messages.size(); ++i)
      if (messages[i].role == "user")
        lastUser = i;
    for (size_t i = begin; i < messages.size(); ++i)
      if (messages[i].role != "tool")
        renderMessage(i);
    if (options.addGenerationPrompt)
      renderGenerationPrompt();
    return std::move(out);
  }

private:
  /// What the last message leaves open.
  enum class Open { Nothing, Call, Response, Finished };

  void renderSystemBlock() {
    if (begin == 0 && conversation.tools.empty() && !options.enableThinking)
      return;
    out += "<|turn>system\n";
    if (options.enableThinking)
      out += "<|think|>\n";
    if (begin == 1)
      for (const ContentPart &part : messages[0].content) {
        out += trim(part.text);
        if (messages[0].contentIsList)
          out += ' ';
      }
    for (const std::string &declaration : conversation.tools)
      out += "<|tool>" + declaration + "<tool|>";
    out += kTurnClose;
  }

  /// Role of the first message after `i` that is not a tool's, or "".
  std::string_view nextRole(size_t i) const {
    for (++i; i < messages.size(); ++i)
      if (messages[i].role != "tool")
        return messages[i].role;
    return {};
  }

  void renderMessage(size_t i) {
    const Message &message = messages[i];
    bool isModel = message.role == "assistant" || message.role == "model";
    if (!(isModel && previousRole == "assistant")) {
      out += "<|turn>";
      out += message.role == "assistant" ? "model" : message.role;
      out += '\n';
    }
    bool afterLastUser = lastUser == kNoUser || i > lastUser;
    if (!message.reasoning.empty() &&
        (afterLastUser ||
         (options.preserveThinking && !message.toolCalls.empty())))
      out += "<|channel>thought\n" + message.reasoning + "\n<channel|>";
    for (const ToolCall &call : message.toolCalls)
      out += "<|tool_call>call:" + call.name + call.arguments + "<tool_call|>";
    bool responded = renderResponses(i);

    size_t before = out.size();
    for (const ContentPart &part : message.content) {
      if (part.kind != ContentPart::Text)
        out += placeholder(part.kind);
      else if (isModel)
        out += stripThinking(part.text);
      else
        out += trim(part.text);
    }
    bool hasContent = out.size() > before;

    std::string_view next = nextRole(i);
    bool calls = !message.toolCalls.empty();
    open = Open::Nothing;
    if (calls && !responded) {
      out += "<|tool_response>";
      open = Open::Call;
    } else if (isModel && next == "assistant") {
      // The same turn goes on.
    } else if (responded && !hasContent && next.empty()) {
      open = Open::Response;
    } else {
      out += kTurnClose;
      // The template takes a turn with calls for still open, though it is
      // closed.
      if (responded && hasContent)
        open = Open::Finished;
    }
    previousRole = message.role;
  }

  /// Writes the responses to the calls of message `i`; false if there are none.
  bool renderResponses(size_t i) {
    const Message &message = messages[i];
    for (const ToolResponse &response : message.toolResponses)
      renderResponse(response.name, response.body);
    if (!message.toolResponses.empty())
      return true;
    if (message.toolCalls.empty())
      return false;
    size_t next = i + 1;
    for (; next < messages.size() && messages[next].role == "tool"; ++next)
      renderToolMessage(messages[next], message.toolCalls);
    return next > i + 1;
  }

  void renderToolMessage(const Message &message,
                         const std::vector<ToolCall> &calls) {
    std::string name = message.name.empty() ? "unknown" : message.name;
    for (const ToolCall &call : calls)
      if (!call.id.empty() && call.id == message.toolCallId)
        name = call.name;
    std::string text;
    for (const ContentPart &part : message.content)
      text += part.text;
    renderResponse(name, "{value:" +
                             (message.toolValue.empty() ? quoteValue(text)
                                                        : message.toolValue) +
                             "}");
    for (const ContentPart &part : message.content)
      out += placeholder(part.kind);
  }

  void renderResponse(const std::string &name, const std::string &body) {
    out += "<|tool_response>response:" + name + body + "<tool_response|>";
  }

  void renderGenerationPrompt() {
    if (open == Open::Nothing) {
      out += "<|turn>model\n";
      if (options.largeTemplate && !options.enableThinking)
        out += "<|channel>thought\n<channel|>";
    } else if (open == Open::Response && options.enableThinking) {
      out += "<|channel>thought\n";
    }
  }

  static constexpr size_t kNoUser = static_cast<size_t>(-1);

  const Conversation &conversation;
  const RenderOptions &options;
  const std::vector<Message> &messages;
  size_t begin; // first message that is not in the system block
  size_t lastUser = kNoUser;
  std::string_view previousRole;
  Open open = Open::Nothing;
  std::string out;
};

/// Gemma 3's template: the first system message and a blank line, untrimmed, go
/// in front of the first turn's text.
std::string renderStartOfTurn(const Conversation &conversation,
                              const RenderOptions &options) {
  std::string out = "<bos>", prefix;
  bool first = true;
  for (const Message &message : conversation.messages) {
    if (&message == &conversation.messages[0] && isFirstSystem(conversation)) {
      for (const ContentPart &part : message.content)
        prefix += part.text;
      prefix += "\n\n";
      continue;
    }
    out += "<start_of_turn>";
    out += message.role == "assistant" ? "model" : message.role;
    out += '\n';
    if (first)
      out += prefix;
    first = false;
    for (const ContentPart &part : message.content) {
      if (part.kind == ContentPart::Image)
        out += "<start_of_image>";
      else if (part.kind == ContentPart::Text)
        out += trim(part.text);
    }
    out += "<end_of_turn>\n";
  }
  if (options.addGenerationPrompt)
    out += "<start_of_turn>model\n";
  return out;
}

} // namespace

Message gemcut::text::makeMessage(std::string_view role,
                                  std::string_view text) {
  Message message;
  message.role = role;
  message.content.push_back({ContentPart::Text, std::string(text)});
  return message;
}

TurnSyntax gemcut::text::findTurnSyntax(std::string_view turnOpen) {
  return turnOpen == "<start_of_turn>" ? TurnSyntax::StartOfTurn
                                       : TurnSyntax::Bars;
}

std::string gemcut::text::renderChat(const Conversation &conversation,
                                     const RenderOptions &options) {
  if (options.syntax == TurnSyntax::StartOfTurn)
    return renderStartOfTurn(conversation, options);
  return Renderer(conversation, options).render();
}

std::string gemcut::text::renderNextTurn(std::string_view userText,
                                         bool turnClosed,
                                         const RenderOptions &options) {
  if (options.syntax == TurnSyntax::StartOfTurn)
    return std::string(turnClosed ? "" : "<end_of_turn>") +
           "\n<start_of_turn>user\n" + std::string(trim(userText)) +
           "<end_of_turn>\n<start_of_turn>model\n";
  std::string out(turnClosed ? std::string_view("\n") : kTurnClose);
  out += "<|turn>user\n";
  out += trim(userText);
  out += kTurnClose;
  out += "<|turn>model\n";
  if (options.largeTemplate && !options.enableThinking)
    out += "<|channel>thought\n<channel|>";
  return out;
}

std::string gemcut::text::stripThinking(std::string_view text) {
  // As the template has it: of each part between <channel|>, what stands before
  // the first <|channel>.
  std::string kept;
  for (;;) {
    size_t close = text.find(kChannelClose);
    std::string_view part = text.substr(0, close);
    kept += part.substr(0, part.find(kChannelOpen));
    if (close == std::string_view::npos)
      break;
    text.remove_prefix(close + kChannelClose.size());
  }
  return std::string(trim(kept));
}

std::string gemcut::text::quoteValue(std::string_view text) {
  constexpr std::string_view quote = "<|\"|>";
  std::string out;
  out.reserve(text.size() + 2 * quote.size());
  out += quote;
  out += text;
  out += quote;
  return out;
}
