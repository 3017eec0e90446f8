//===- output_parser.cpp - Parts of the model's output --------------------===//

#include "runtime/text/output_parser.h"
#include "runtime/text/python_text.h"
#include "runtime/text/tool_call_reader.h"
#include "runtime/text/utf8.h"

#include <algorithm>

using namespace gemcut::text;

namespace {
constexpr std::string_view kThoughtName = "thought\n";
} // namespace

bool gemcut::text::endsInThought(const std::vector<int32_t> &prompt,
                                 const Tokenizer &tokenizer) {
  int32_t open = tokenizer.role(GEMCUT_TOKEN_CHANNEL_OPEN);
  int32_t close = tokenizer.role(GEMCUT_TOKEN_CHANNEL_CLOSE);
  int32_t turn = tokenizer.role(GEMCUT_TOKEN_TURN_OPEN);
  for (size_t i = prompt.size(); i-- > 0;)
    if (prompt[i] == open || prompt[i] == close || prompt[i] == turn)
      return prompt[i] == open && open >= 0;
  return false;
}

static void thought(std::string_view text, OutputSink &sink) {
  if (!text.empty())
    sink.onThought(text);
}

static void content(std::string_view text, OutputSink &sink) {
  if (!text.empty())
    sink.onContent(text);
}

/// Drops the name line once it is complete; text that is no name line is
/// thought.
void OutputParser::takeName(OutputSink &sink) {
  std::string_view text = name;
  size_t common = std::min(text.size(), kThoughtName.size());
  if (text.substr(0, common) == kThoughtName.substr(0, common)) {
    if (text.size() < kThoughtName.size())
      return;
    text.remove_prefix(kThoughtName.size());
  }
  thought(text, sink);
  name.clear();
  part = Part::Thought;
}

void OutputParser::take(std::string_view text, OutputSink &sink) {
  switch (part) {
  case Part::Content:
    return content(text, sink);
  case Part::ChannelName:
    name += text;
    return takeName(sink);
  case Part::Thought:
    return thought(text, sink);
  case Part::ToolCall:
    call += text;
    return;
  case Part::AfterCall:
  case Part::Ended:
    return;
  }
}

/// Hands out what the current part still holds back.
void OutputParser::leave(OutputSink &sink) {
  std::string rest;
  decoder.flush(rest);
  for (size_t i = 0; i < bytes.size(); ++i)
    rest += kReplacement;
  bytes.clear();
  take(rest, sink);
  if (part == Part::ChannelName) {
    // "thought" without its newline is still the name.
    if (name != kThoughtName.substr(0, kThoughtName.size() - 1))
      thought(name, sink);
    name.clear();
  } else if (part == Part::ToolCall) {
    std::string function, arguments, written = spellQuotes(call);
    if (readToolCall(call, function, arguments)) {
      ++callCount;
      part = Part::AfterCall;
      sink.onToolCall(function, arguments, written);
    } else {
      part = Part::Content;
      content(written, sink);
    }
    call.clear();
  }
}

void OutputParser::feed(int32_t id, OutputSink &sink) {
  if (part == Part::Ended || id < 0)
    return;
  auto is = [&](gemcut_token_role role) { return id == tokenizer->role(role); };
  if (is(GEMCUT_TOKEN_TURN_CLOSE) || is(GEMCUT_TOKEN_TOOL_RESPONSE_OPEN) ||
      is(GEMCUT_TOKEN_EOS)) {
    leave(sink);
    part = Part::Ended;
  } else if (is(GEMCUT_TOKEN_CHANNEL_OPEN)) {
    leave(sink);
    part = Part::ChannelName;
  } else if (is(GEMCUT_TOKEN_CHANNEL_CLOSE)) {
    leave(sink);
    if (part != Part::AfterCall)
      part = Part::Content;
  } else if (is(GEMCUT_TOKEN_TOOL_CALL_OPEN)) {
    leave(sink);
    part = Part::ToolCall;
  } else if (is(GEMCUT_TOKEN_TOOL_CALL_CLOSE)) {
    leave(sink);
    if (part != Part::AfterCall)
      part = Part::Content;
  } else if (part == Part::ToolCall && is(GEMCUT_TOKEN_QUOTE)) {
    decoder.flush(call);
    call += kQuoteMark;
  } else {
    piece.clear();
    decoder.feed(id, piece);
    take(piece, sink);
  }
}

void OutputParser::feedText(std::string_view more, OutputSink &sink) {
  bytes += more;
  std::string text;
  size_t done = 0;
  while (done < bytes.size()) {
    uint32_t point;
    size_t length = decodeUtf8(bytes.data() + done, bytes.size() - done, point);
    if (length > 0) {
      text.append(bytes, done, length);
      done += length;
      continue;
    }
    // The start of a character may still become whole.
    size_t whole = utf8Length(static_cast<uint8_t>(bytes[done]));
    size_t present = bytes.size() - done;
    bool mayBecomeWhole = whole > present;
    for (size_t i = 1; mayBecomeWhole && i < present; ++i) {
      auto next = static_cast<uint8_t>(bytes[done + i]);
      mayBecomeWhole =
          i == 1 ? utf8SecondByte(static_cast<uint8_t>(bytes[done]), next)
                 : (next & 0xC0) == 0x80;
    }
    if (mayBecomeWhole)
      break;
    text += kReplacement;
    ++done;
  }
  bytes.erase(0, done);
  take(text, sink);
}

void OutputParser::finish(OutputSink &sink) {
  leave(sink);
  part = Part::Ended;
}
