//===- choices_format.h - Answers that are choices --------------*- C++ -*-===//
#ifndef GEMCUT_RUNTIME_SERVER_CHOICES_FORMAT_H
#define GEMCUT_RUNTIME_SERVER_CHOICES_FORMAT_H

#include "runtime/server/answer_format.h"

namespace gemcut::server {

/// What answers of chat and of completions share: an object with "choices", as
/// whole or as chunks of one choice each, and [DONE].
class ChoicesFormat : public AnswerFormat {
public:
  /// `object` names what is written, whole or as the chunks of a stream.
  ChoicesFormat(const GenerationRequest &request, const ModelContext &context,
                const char *idPrefix, const char *object);

  void end(std::string &out) final;
  std::string getWhole() final;

protected:
  /// Writes a choice of the whole answer, an object.
  virtual void addWholeChoice(JsonText &json, size_t index) const = 0;
  /// Appends the chunk whose one choice is `choice`, an object.
  void appendChunk(std::string &out, const JsonText &choice) const;

private:
  void open(JsonText &json) const;

  const char *object;
};

} // namespace gemcut::server

#endif // GEMCUT_RUNTIME_SERVER_CHOICES_FORMAT_H
