//===- output_parser.h - Parts of the model's output ------------*- C++ -*-===//
#ifndef GEMCUT_RUNTIME_TEXT_OUTPUT_PARSER_H
#define GEMCUT_RUNTIME_TEXT_OUTPUT_PARSER_H

#include "runtime/text/tokenizer.h"

namespace gemcut::text {

/// Receives the parts of an output, in their order. The views are valid during
/// the call.
class OutputSink {
public:
  /// `text` (whole characters) continues the thought.
  virtual void onThought(std::string_view text) = 0;
  /// `text` (whole characters) continues the answer.
  virtual void onContent(std::string_view text) = 0;
  /// The function `name` is to be called. `arguments` is a JSON object,
  /// `written` what the model wrote between the tags.
  virtual void onToolCall(std::string_view name, std::string_view arguments,
                          std::string_view written) = 0;

protected:
  ~OutputSink() = default;
};

/// A part of an output, kept.
struct OutputEvent {
  enum Kind { ThoughtDelta, ContentDelta, ToolCall };
  Kind kind;
  std::string text;      // of ToolCall: what the model wrote
  std::string name;      // of ToolCall
  std::string arguments; // of ToolCall: a JSON object
};

/// Keeps parts; the caller takes them away.
struct OutputEvents final : OutputSink {
  std::vector<OutputEvent> events;

  void onThought(std::string_view text) override {
    events.push_back({OutputEvent::ThoughtDelta, std::string(text), {}, {}});
  }
  void onContent(std::string_view text) override {
    events.push_back({OutputEvent::ContentDelta, std::string(text), {}, {}});
  }
  void onToolCall(std::string_view name, std::string_view arguments,
                  std::string_view written) override {
    events.push_back({OutputEvent::ToolCall, std::string(written),
                      std::string(name), std::string(arguments)});
  }
};

/// Whether `prompt` ends inside a thought that it began.
bool endsInThought(const std::vector<int32_t> &prompt,
                   const Tokenizer &tokenizer);

/// Separates the model's output into thought, content and tool calls, as it
/// comes.
///
///   output := [<|channel>thought\n TEXT <channel|>] [content]
///             {<|tool_call>call:NAME{ARGS}<tool_call|>} [content] END
///   END    := <turn|> | <|tool_response> | <eos>
/// Token ids decide, not text: <|channel> spelled in ordinary characters is
/// content. Tolerated: a channel without a name line; a lone <channel|>; an
/// empty thought anywhere; a tool call inside a thought (which ends it); an
/// unclosed thought or call at the end of the output; in calls what
/// readToolCall lists. Text behind a call is noise and dropped. A call without
/// a name or an object is content: its text, without its tags.
class OutputParser {
public:
  /// `insideThought`: the prompt ended with <|channel>thought\n.
  explicit OutputParser(const Tokenizer &tokenizer, bool insideThought = false)
      : tokenizer(&tokenizer), decoder(tokenizer, /*showSpecial=*/false),
        part(insideThought ? Part::Thought : Part::Content) {
    piece.reserve(kPieceBytes);
    call.reserve(kPieceBytes);
  }

  /// Hands out what `id` completes. Ids after the end are ignored.
  void feed(int32_t id, OutputSink &sink);
  /// The same for bytes that are ordinary text (no control token in them).
  void feedText(std::string_view bytes, OutputSink &sink);
  /// Call once after the last id: hands out what is still waiting.
  void finish(OutputSink &sink);

  /// The turn was ended by <turn|>, <|tool_response> or <eos>.
  bool ended() const { return part == Part::Ended; }
  /// The output is inside a thought now.
  bool inThought() const {
    return part == Part::Thought || part == Part::ChannelName;
  }
  /// The output is inside a tool call now.
  bool inToolCall() const { return part == Part::ToolCall; }
  /// Tool calls so far.
  size_t toolCallCount() const { return callCount; }

private:
  /// Tokens with less text allocate nothing.
  static constexpr size_t kPieceBytes = 256;

  enum class Part { Content, ChannelName, Thought, ToolCall, AfterCall, Ended };

  void take(std::string_view text, OutputSink &sink);
  void takeName(OutputSink &sink);
  void leave(OutputSink &sink);

  const Tokenizer *tokenizer;
  StreamDecoder decoder;
  Part part;
  std::string name;  // text after <|channel>, up to its newline
  std::string call;  // text after <|tool_call>, kQuoteMark for <|"|>
  std::string bytes; // of feedText: an incomplete character
  std::string piece; // of feed: what the id completes
  size_t callCount = 0;
};

} // namespace gemcut::text

#endif // GEMCUT_RUNTIME_TEXT_OUTPUT_PARSER_H
