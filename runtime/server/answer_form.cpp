//===- answer_form.cpp - Members that give answers a form -----------------===//

#include "runtime/server/answer_form.h"

#include "runtime/text/json_writer.h"

using namespace gemcut;
using namespace gemcut::server;
using text::Value;

static const char *const kAnyObject = "{\"type\":\"object\"}";

void server::readAnswerFormat(Fields &fields, bool isNested, const char *param,
                              AnswerForm &form) {
  form.param = param;
  std::string type = fields.getString("type");
  if (type == "text")
    return;
  if (type == "json_object") {
    form.schema = kAnyObject;
    return;
  }
  if (type != "json_schema")
    return fields.fail("type",
                       "The type of '" + std::string(param) + "' is '" + type +
                           "', but must be text, json_object or json_schema.");
  const Value *holder = isNested ? fields.getObject("json_schema") : nullptr;
  const Value *schema = isNested ? (holder ? holder->find("schema") : nullptr)
                                 : fields.find("schema");
  if (!schema || !(schema->isMap() || schema->is(Value::Kind::Boolean)))
    return fields.fail(isNested ? "json_schema" : "schema",
                       "'" + std::string(param) +
                           "' of type json_schema needs a schema, an object.",
                       "missing_required_parameter");
  form.schema = text::toCompactJson(*schema);
}

/// A schema: an object, a boolean, or the text of one.
static void readSchema(Fields &fields, std::string_view name,
                       AnswerForm &form) {
  const Value *schema = fields.find(name);
  if (!schema || schema->isNone())
    return;
  if (schema->isString())
    form.schema = schema->bytes();
  else if (schema->isMap() || schema->is(Value::Kind::Boolean))
    form.schema = text::toCompactJson(*schema);
  else
    fields.fail(name,
                "'" + fields.getPath(name) +
                    "' must be a JSON schema: an object or its text.",
                "invalid_type");
}

void server::readAnswerForm(Fields &fields, AnswerForm &form, ApiError &error) {
  size_t given = 0;
  auto count = [&](const char *param, auto read) {
    AnswerForm found;
    read(found);
    if (found.schema.empty() && found.pattern.empty())
      return;
    ++given;
    form.schema = std::move(found.schema);
    form.pattern = std::move(found.pattern);
    form.param = param;
  };
  count("response_format", [&](AnswerForm &found) {
    const Value *format = fields.getObject("response_format");
    if (!format)
      return;
    Fields inner(*format, error, "response_format.");
    readAnswerFormat(inner, /*isNested=*/true, "response_format", found);
  });
  for (const char *name : {"json_schema", "guided_json"})
    count(name, [&](AnswerForm &found) { readSchema(fields, name, found); });
  count("guided_regex", [&](AnswerForm &found) {
    found.pattern = fields.getString("guided_regex");
  });
  count("structured_outputs", [&](AnswerForm &found) {
    const Value *outputs = fields.getObject("structured_outputs");
    if (!outputs)
      return;
    Fields inner(*outputs, error, "structured_outputs.");
    readSchema(inner, "json", found);
    found.pattern = inner.getString("regex");
    inner.refuseUnknown();
    if (!found.schema.empty() && !found.pattern.empty())
      fields.fail("structured_outputs",
                  "'structured_outputs' has 'json' and 'regex'; give one.");
  });
  if (given > 1)
    fields.fail(form.param, "An answer can have one form, but '" +
                                std::string(form.param) +
                                "' is the second that is given.");
  fields.refuse("grammar", "give a JSON schema or a regular expression");
}
