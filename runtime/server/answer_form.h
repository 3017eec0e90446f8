//===- answer_form.h - Members that give answers a form ---------*- C++ -*-===//
//
// "response_format" and "text.format".
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

} // namespace gemcut::server

#endif // GEMCUT_RUNTIME_SERVER_ANSWER_FORM_H
