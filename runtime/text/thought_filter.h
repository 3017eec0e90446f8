//===- thought_filter.h - Parts of the model's output -----------*- C++ -*-===//

#ifndef GEMCUT_RUNTIME_TEXT_THOUGHT_FILTER_H
#define GEMCUT_RUNTIME_TEXT_THOUGHT_FILTER_H

#include "runtime/text/tokenizer.h"

namespace gemcut::text {

/// Separates generated ids into thought, content and tool calls, as they come.
///
///   output := [<|channel>thought\n TEXT <channel|>] [content]
///             {<|tool_call>call:NAME{ARGS}<tool_call|>} [content] END
///   END    := <turn|> | <|tool_response> | <eos>
///
/// Ids decide, not text: <|channel> spelled in ordinary characters is content.
/// Tolerated: a channel without a name line, a lone <channel|>, a tool call
/// inside a thought (which ends it), an unclosed thought or call at the end of
/// the output.
class ThoughtFilter {
public:
  /// `insideThought`: the prompt ended with <|channel>thought\n.
  explicit ThoughtFilter(const Tokenizer &tokenizer, bool insideThought = false)
      : tokenizer(&tokenizer), decoder(tokenizer, /*showSpecial=*/false),
        part(insideThought ? Part::Thought : Part::Content) {}

  /// Appends the text that `id` completes to `content` or to `thought`. Ids
  /// after the end of the turn are ignored.
  void feed(int32_t id, std::string &content, std::string &thought);
  /// Call once after the last id: appends what is still waiting.
  void finish(std::string &content, std::string &thought);

  /// The turn was ended by <turn|>, <|tool_response> or <eos>.
  bool ended() const { return part == Part::Ended; }
  /// The output is inside a thought now.
  bool inThought() const {
    return part == Part::Thought || part == Part::ChannelName;
  }
  /// Text of each call between its tags: call:NAME{ARGS}, strings between
  /// <|"|>.
  const std::vector<std::string> &toolCalls() const { return calls; }

private:
  enum class Part { Content, ChannelName, Thought, ToolCall, Ended };

  void leave(std::string &content, std::string &thought);
  void append(int32_t id, std::string &content, std::string &thought);
  void takeName(std::string &thought);

  const Tokenizer *tokenizer;
  StreamDecoder decoder;
  Part part;
  std::string name; // text after <|channel>, up to its newline
  std::vector<std::string> calls;
};

} // namespace gemcut::text

#endif // GEMCUT_RUNTIME_TEXT_THOUGHT_FILTER_H
