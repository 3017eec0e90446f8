//===- thought_filter.cpp - Parts of the model's output -------------------===//

#include "runtime/text/thought_filter.h"

#include <algorithm>

using namespace gemcut::text;

namespace {
constexpr std::string_view kThoughtName = "thought\n";
} // namespace

/// Drops the name line once it is complete; text that is no name line is
/// thought.
void ThoughtFilter::takeName(std::string &thought) {
  std::string_view text = name;
  size_t common = std::min(text.size(), kThoughtName.size());
  if (text.substr(0, common) != kThoughtName.substr(0, common)) {
    thought += name;
  } else if (text.size() < kThoughtName.size()) {
    return;
  } else {
    thought += text.substr(kThoughtName.size());
  }
  name.clear();
  part = Part::Thought;
}

/// Appends what the current part still holds back.
void ThoughtFilter::leave(std::string &content, std::string &thought) {
  std::string rest;
  decoder.flush(rest);
  switch (part) {
  case Part::Content:
    content += rest;
    break;
  case Part::ChannelName:
    // "thought" without its newline is still the name.
    name += rest;
    if (name != kThoughtName.substr(0, kThoughtName.size() - 1))
      thought += name;
    name.clear();
    break;
  case Part::Thought:
    thought += rest;
    break;
  case Part::ToolCall:
    calls.back() += rest;
    break;
  case Part::Ended:
    break;
  }
}

void ThoughtFilter::append(int32_t id, std::string &content,
                           std::string &thought) {
  switch (part) {
  case Part::Content:
    decoder.feed(id, content);
    break;
  case Part::ChannelName:
    decoder.feed(id, name);
    takeName(thought);
    break;
  case Part::Thought:
    decoder.feed(id, thought);
    break;
  case Part::ToolCall:
    decoder.feed(id, calls.back());
    break;
  case Part::Ended:
    break;
  }
}

void ThoughtFilter::feed(int32_t id, std::string &content,
                         std::string &thought) {
  if (part == Part::Ended || id < 0)
    return;
  auto is = [&](gemcut_token_role role) { return id == tokenizer->role(role); };
  if (is(GEMCUT_TOKEN_TURN_CLOSE) || is(GEMCUT_TOKEN_TOOL_RESPONSE_OPEN) ||
      is(GEMCUT_TOKEN_EOS)) {
    leave(content, thought);
    part = Part::Ended;
  } else if (is(GEMCUT_TOKEN_CHANNEL_OPEN)) {
    leave(content, thought);
    part = Part::ChannelName;
  } else if (is(GEMCUT_TOKEN_CHANNEL_CLOSE)) {
    leave(content, thought);
    part = Part::Content;
  } else if (is(GEMCUT_TOKEN_TOOL_CALL_OPEN)) {
    leave(content, thought);
    calls.emplace_back();
    part = Part::ToolCall;
  } else if (is(GEMCUT_TOKEN_TOOL_CALL_CLOSE)) {
    leave(content, thought);
    part = Part::Content;
  } else if (part == Part::ToolCall && is(GEMCUT_TOKEN_QUOTE)) {
    decoder.flush(calls.back());
    tokenizer->appendPiece(id, calls.back());
  } else {
    append(id, content, thought);
  }
}

void ThoughtFilter::finish(std::string &content, std::string &thought) {
  leave(content, thought);
  part = Part::Ended;
}
