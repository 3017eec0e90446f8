//===- answer_form.cpp - Members that give answers a form -----------------===//

#include "runtime/server/answer_form.h"

#include "runtime/text/json_value.h"

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
