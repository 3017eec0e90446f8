//===- answer_form.h - Members that give answers a form ---------*- C++ -*-===//
//
// "response_format" and "text.format", and the names that other servers gave
// schemas and regular expressions.
//
//===----------------------------------------------------------------------===//
#ifndef GEMCUT_RUNTIME_SERVER_ANSWER_FORM_H
#define GEMCUT_RUNTIME_SERVER_ANSWER_FORM_H

#include "runtime/constrain/answer_form.h"
#include "runtime/server/fields.h"

namespace gemcut::server {

/// What a request demands.
struct AnswerForm : constrain::AnswerForm {
  const char *param = ""; // where the schema stands in the request
};

/// Reads {"type": "text" | "json_object" | "json_schema", ...}: for chat with
/// the schema in a member "json_schema", for responses beside the type.
void readAnswerFormat(Fields &fields, bool isNested, const char *param,
                      AnswerForm &form);

/// Reads "response_format", or one of "json_schema" (llama.cpp), "guided_json",
/// "guided_regex" and "structured_outputs": {"json" | "regex"} (vLLM).
void readAnswerForm(Fields &fields, AnswerForm &form, ApiError &error);

} // namespace gemcut::server

#endif // GEMCUT_RUNTIME_SERVER_ANSWER_FORM_H
