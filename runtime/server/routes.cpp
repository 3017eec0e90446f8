//===- routes.cpp - From paths to answers ---------------------------------===//

#include "runtime/server/routes.h"

#include "runtime/server/json_text.h"
#include "runtime/server/page.h"
#include "runtime/text/json_reader.h"
#include "runtime/text/utf8.h"

#include <algorithm>

using namespace gemcut;
using namespace gemcut::server;
using text::Value;

HttpReply server::makeReply(const ApiError &error) {
  HttpReply reply;
  reply.status = error.status;
  reply.body = error.toJson();
  if (error.status == 401)
    reply.headers = "WWW-Authenticate: Bearer\r\n";
  return reply;
}

namespace {

/// What a route's function gets.
struct Call {
  const HttpRequest &request;
  const ModelContext &context;
  const Batch &batch;
  const ServerCounters &counters;
  Value body; // of POST requests: an object
};

using RouteFn = HttpReply (*)(Call &call);

struct Route {
  const char *method, *path;
  RouteFn answer;
};

HttpReply makeJson(JsonText &json) {
  HttpReply reply;
  reply.body = json.take();
  return reply;
}

template <ApiError (*Read)(const Value &, const ModelContext &,
                           GenerationRequest &)>
HttpReply generate(Call &call) {
  auto generation = std::make_unique<GenerationRequest>();
  if (ApiError error = Read(call.body, call.context, *generation))
    return makeReply(error);
  HttpReply reply;
  reply.generation = std::move(generation);
  return reply;
}

void addModel(JsonText &json, const ModelContext &context) {
  json.beginObject().member("id", context.name).member("object", "model");
  json.memberInteger("created", context.created).member("owned_by", "gemcut");
  json.memberInteger("context_length", context.context);
  json.endObject();
}

HttpReply listModels(Call &call) {
  JsonText json;
  json.beginObject().member("object", "list").key("data").beginArray();
  addModel(json, call.context);
  json.endArray().endObject();
  return makeJson(json);
}

HttpReply refuseEmbeddings(Call &) {
  return makeReply(makeError(
      501,
      "This server generates text; its model gives no embeddings. Use a model "
      "made for embeddings, such as EmbeddingGemma, with another server.",
      "unsupported_endpoint"));
}

HttpReply reportHealth(Call &) {
  HttpReply reply;
  reply.body = "{\"status\":\"ok\"}";
  return reply;
}

HttpReply reportMetrics(Call &call) {
  HttpReply reply;
  reply.contentType = "text/plain; version=0.0.4; charset=utf-8";
  reply.body = writeMetrics(call.batch.getCounters(), call.counters);
  return reply;
}

HttpReply showPage(Call &) {
  HttpReply reply;
  reply.contentType = "text/html; charset=utf-8";
  reply.body = getPage();
  reply.headers = kPageHeaders;
  return reply;
}

/// A token as llama.cpp's server shows it: its text, or its bytes where those
/// are no UTF-8.
void writePiece(JsonText &json, const text::Tokenizer &tokenizer, int32_t id) {
  std::string piece;
  if (int byte = tokenizer.byteValue(id); byte >= 0)
    piece.push_back(char(byte));
  else
    tokenizer.appendPiece(id, piece);
  json.beginObject().memberInteger("id", id).key("piece");
  if (text::isValidUtf8(piece)) {
    json.string(piece);
  } else {
    json.beginArray();
    for (char byte : piece)
      json.integer(uint8_t(byte));
    json.endArray();
  }
  json.endObject();
}

HttpReply tokenize(Call &call) {
  ApiError error;
  Fields fields(call.body, error);
  const Value *given = fields.find("content");
  std::string content = fields.getString("content");
  bool addsBos = fields.getBool("add_special", false);
  bool parsesSpecial = fields.getBool("parse_special", true);
  bool showsPieces = fields.getBool("with_pieces", false);
  if (!given)
    fields.fail("content", "'content' is missing: the text to tokenize.",
                "missing_required_parameter");
  fields.refuseUnknown();
  if (error)
    return makeReply(error);
  std::vector<int32_t> ids;
  if (addsBos && call.context.model->special.bos >= 0)
    ids.push_back(call.context.model->special.bos);
  call.context.tokenizer->encode(content, parsesSpecial, ids);
  JsonText json;
  json.beginObject().key("tokens").beginArray();
  for (int32_t id : ids)
    if (showsPieces)
      writePiece(json, *call.context.tokenizer, id);
    else
      json.integer(id);
  json.endArray().endObject();
  return makeJson(json);
}

HttpReply detokenize(Call &call) {
  ApiError error;
  Fields fields(call.body, error);
  const Value *tokens = fields.getList("tokens");
  if (!tokens)
    fields.fail("tokens", "'tokens' is missing: an array of token ids.",
                "missing_required_parameter");
  std::vector<int32_t> ids;
  if (tokens)
    for (const Value &token : tokens->items()) {
      int64_t id =
          token.is(Value::Kind::Integer) ? token.integerValue() : int64_t(-1);
      if (id < 0 || id >= call.context.model->vocab_size)
        fields.fail("tokens",
                    "'tokens' has an entry that is no token id; ids are 0 to " +
                        std::to_string(call.context.model->vocab_size - 1) +
                        ".");
      ids.push_back(int32_t(id));
    }
  fields.refuseUnknown();
  if (error)
    return makeReply(error);
  JsonText json;
  json.beginObject();
  json.member("content",
              call.context.tokenizer->decode(ids, /*showSpecial=*/true));
  json.endObject();
  return makeJson(json);
}

const Route kRoutes[] = {
    {"POST", "/v1/chat/completions", generate<readChatRequest>},
    {"POST", "/v1/completions", generate<readCompletionRequest>},
    {"POST", "/v1/responses", generate<readResponsesRequest>},
    {"POST", "/v1/embeddings", refuseEmbeddings},
    {"GET", "/v1/models", listModels},
    {"POST", "/tokenize", tokenize},
    {"POST", "/detokenize", detokenize},
    {"GET", "/", showPage},
    {"GET", "/health", reportHealth},
    {"GET", "/metrics", reportMetrics},
};

/// Whether a content type says JSON. Browsers send others to any server without
/// asking it, so that foreign web pages could use this one.
bool isJson(const std::string &contentType) {
  std::string type = contentType.substr(0, contentType.find(';'));
  while (!type.empty() && type.back() == ' ')
    type.pop_back();
  for (char &c : type)
    c = c >= 'A' && c <= 'Z' ? char(c + 32) : c;
  return type == "application/json";
}

ApiError readBody(Call &call) {
  const std::string &encoding = call.request.contentEncoding;
  if (!encoding.empty() && encoding != "identity")
    return makeError(415,
                     "The Content-Encoding is '" + encoding +
                         "', but bodies must be sent as they are.",
                     "unsupported_media_type");
  if (!isJson(call.request.contentType))
    return makeError(415,
                     "The Content-Type is '" + call.request.contentType +
                         "', but must be application/json.",
                     "unsupported_media_type");
  std::string reason;
  if (text::parseJson(call.request.body, &call.body, &reason))
    return makeError(400, "The body is not valid JSON: " + reason + ".",
                     "invalid_json");
  if (!call.body.isMap())
    return makeError(400,
                     std::string("The body must be a JSON object, but is ") +
                         describeKind(call.body) + ".",
                     "invalid_json");
  return ApiError();
}

/// What may be sent to a path.
HttpReply answerOptions(const char *allowed) {
  HttpReply reply;
  reply.status = 204;
  reply.contentType.clear();
  reply.headers = std::string("Allow: OPTIONS, ") + allowed + "\r\n";
  return reply;
}

HttpReply answerModel(Call &call, const std::string &name) {
  if (name != call.context.name)
    return makeReply(makeError(404,
                               "The model '" + name +
                                   "' does not exist; this server has '" +
                                   call.context.name + "'.",
                               "model_not_found"));
  JsonText json;
  addModel(json, call.context);
  return makeJson(json);
}

} // namespace

HttpReply server::route(const HttpRequest &request, const ModelContext &context,
                        const Batch &batch, const ServerCounters &counters) {
  Call call = {request, context, batch, counters, Value()};
  std::string method = request.method == "HEAD" ? "GET" : request.method;
  const char *allowed = nullptr;
  for (const Route &candidate : kRoutes) {
    if (request.path != candidate.path)
      continue;
    allowed = candidate.method;
    if (method != allowed)
      continue;
    if (method == "POST" && candidate.answer != refuseEmbeddings)
      if (ApiError error = readBody(call))
        return makeReply(error);
    return candidate.answer(call);
  }
  static const std::string kModels = "/v1/models/";
  if (request.path.compare(0, kModels.size(), kModels) == 0) {
    allowed = "GET";
    if (method == allowed)
      return answerModel(call, request.path.substr(kModels.size()));
  }
  if (method == "OPTIONS" && request.path == "*") // the server as a whole
    return answerOptions("GET, HEAD, POST");
  if (!allowed)
    return makeReply(makeError(404,
                               "There is no " + request.method + " " +
                                   request.path + " on this server.",
                               "unknown_url"));
  if (method == "OPTIONS")
    return answerOptions(allowed);
  HttpReply reply = makeReply(makeError(405,
                                        request.path + " takes " + allowed +
                                            ", but got " + request.method + ".",
                                        "method_not_allowed"));
  reply.headers = std::string("Allow: ") + allowed + "\r\n";
  return reply;
}
