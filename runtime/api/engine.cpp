//===- engine.cpp - Loading, facts, text and ids --------------------------===//

#include "runtime/api/handles.h"
#include "runtime/api/library_folder.h"
#include "runtime/api/sized_struct.h"
#include "runtime/core/cpu.h"

#include <climits>
#include <cstdio>
#include <memory>

using namespace gemcut;
using namespace gemcut::api;

Program gemcut_engine::program() const {
  const Section *weights = artifact.find(GEMCUT_SECTION_WEIGHTS);
  return {bundle->model, bundle->levels, int32_t(bundle->level_count),
          weights->data, weights->length};
}

gemcut_status gemcut_engine::requireTokenizer() const {
  return hasTokenizer
             ? GEMCUT_OK
             : fail(GEMCUT_INVALID_ARGUMENT,
                    "this model has no tokenizer, because its checkpoint had "
                    "none; use ids");
}

static gemcut_status checkBundle(const gemcut_bundle *bundle) {
  if (!bundle)
    return fail(GEMCUT_INVALID_ARGUMENT, "the bundle is null");
  if (bundle->version != GEMCUT_BUNDLE_VERSION ||
      bundle->size != sizeof(*bundle) ||
      bundle->model->version != GEMCUT_MODEL_VERSION ||
      bundle->model->size != sizeof(gemcut_model_info))
    return fail(GEMCUT_CORRUPT_ARTIFACT,
                "the model's library has format %u.%u, but the runtime that "
                "was linked reads %d.%d; compile the models with one version "
                "of gemcut",
                bundle->version, bundle->model->version, GEMCUT_BUNDLE_VERSION,
                GEMCUT_MODEL_VERSION);
  return GEMCUT_OK;
}

static gemcut_status addSidecar(const gemcut_bundle &bundle, const char *file,
                                Artifact &artifact) {
  if (file)
    return artifact.addSidecar(file);
  char path[PATH_MAX + 256];
  if (!findMappedFile(&bundle, path, PATH_MAX))
    return fail(GEMCUT_SYSTEM_ERROR,
                "cannot find out where this library lies; name the file with "
                "its weights, %s, in gemcut_load_options.weights_file",
                bundle.sidecar);
  char *slash = strrchr(path, '/');
  snprintf(slash + 1, sizeof(path) - size_t(slash + 1 - path), "%s",
           bundle.sidecar);
  return artifact.addSidecar(path);
}

static gemcut_status openTokenizer(gemcut_engine &engine) {
  const Section *tables = engine.artifact.find(GEMCUT_SECTION_TOKENIZER);
  if (!tables || tables->length == 0)
    return GEMCUT_OK;
  std::string error;
  if (gemcut_status status = text::Tokenizer::open(tables->data, tables->length,
                                                   &engine.tokenizer, &error))
    return fail(status, "%s: %s", engine.artifact.describe(*tables).c_str(),
                error.c_str());
  engine.hasTokenizer = true;
  return openChatTemplate(engine.artifact, engine.chat);
}

gemcut_status gemcut_load(const gemcut_bundle *bundle,
                          const gemcut_load_options *given,
                          gemcut_engine **result) {
  gemcut_load_options options = GEMCUT_LOAD_OPTIONS;
  if (gemcut_status status = readStruct(given, "gemcut_load_options", options))
    return status;
  if (gemcut_status status = checkBundle(bundle))
    return status;
  auto engine = std::make_unique<gemcut_engine>();
  engine->bundle = bundle;
  if (gemcut_status status =
          chooseLevel(bundle->levels, int32_t(bundle->level_count),
                      detectCpuFeatures(), options.level, engine->level))
    return status;
  Artifact &artifact = engine->artifact;
  if (gemcut_status status = artifact.openMemory(
          bundle->blob, bundle->blob_bytes, bundle->model->name))
    return status;
  if (bundle->sidecar)
    if (gemcut_status status =
            addSidecar(*bundle, options.weights_file, artifact))
      return status;
  const Section *weights = artifact.find(GEMCUT_SECTION_WEIGHTS);
  if (!weights)
    return fail(GEMCUT_CORRUPT_ARTIFACT, "the library has no weights");
  if (gemcut_status status =
          artifact.checkLength(*weights, bundle->model->weight_bytes))
    return status;
  if (gemcut_status status = openTokenizer(*engine))
    return status;
  *result = engine.release();
  return GEMCUT_OK;
}

void gemcut_unload(gemcut_engine *engine) { delete engine; }

gemcut_status gemcut_get_info(const gemcut_engine *engine, gemcut_info *out) {
  if (gemcut_status status = requireHandle(engine, "engine"))
    return status;
  const gemcut_model_info &model = engine->model();
  const gemcut_special_ids &special = model.special;
  gemcut_info info = GEMCUT_INFO;
  info.name = model.name;
  info.quantization = model.quantization;
  info.kv_type = model.kv_type;
  info.level = engine->level->name;
  if (const Section *report = engine->artifact.find(GEMCUT_SECTION_REPORT)) {
    info.report = reinterpret_cast<const char *>(report->data);
    info.report_length = report->length;
  }
  info.vocab_size = model.vocab_size;
  info.layers = model.layers;
  info.hidden_size = model.hidden_size;
  info.context = model.context;
  info.prefill_chunk = model.prefill_chunk;
  info.bos_id = special.bos;
  info.eos_id = special.eos;
  info.has_tokenizer = engine->hasTokenizer;
  info.has_chat = engine->hasTokenizer && special.bos >= 0 &&
                  special.turn_open >= 0 && special.turn_close >= 0;
  info.adapter_count = model.adapter_count;
  info.weight_bytes = model.weight_bytes;
  info.weight_bytes_per_token = model.weight_bytes_per_token;
  info.kv_bytes = model.kv_slot_bytes;
  info.session_bytes =
      gemcut_private_bytes(&model, /*slots=*/1, GEMCUT_PLANNED_THREADS);
  return writeStruct(info, "gemcut_info", out);
}

const char *gemcut_adapter_name(const gemcut_engine *engine, int32_t index) {
  if (!engine)
    return nullptr;
  const gemcut_model_info &model = engine->model();
  return index >= 0 && index < model.adapter_count ? model.adapters[index]
                                                   : nullptr;
}

gemcut_status gemcut_verify(const gemcut_engine *engine) {
  if (gemcut_status status = requireHandle(engine, "engine"))
    return status;
  return engine->artifact.verify();
}

/// Copies `count` values, if they fit; `counted` receives how many there are.
template <typename T>
static gemcut_status copyOut(const T *values, size_t count, T *out,
                             size_t capacity, size_t *counted) {
  *counted = count;
  if (count > capacity)
    return fail(GEMCUT_BUFFER_TOO_SMALL,
                "the result has %zu elements, but the buffer has room for %zu",
                count, capacity);
  if (count)
    std::memcpy(out, values, count * sizeof(T));
  return GEMCUT_OK;
}

gemcut_status gemcut_tokenize(const gemcut_engine *engine, const char *text,
                              size_t length, int special, int32_t *ids,
                              size_t capacity, size_t *count) {
  if (gemcut_status status = requireHandle(engine, "engine"))
    return status;
  if (gemcut_status status = engine->requireTokenizer())
    return status;
  if (length > 0)
    if (gemcut_status status = requireHandle(text, "text"))
      return status;
  if (length > UINT32_MAX)
    return fail(GEMCUT_INVALID_ARGUMENT,
                "the text has %zu bytes, but at most 4 GiB can be tokenized",
                length);
  std::vector<int32_t> encoded;
  engine->tokenizer.encode({text, length}, special != 0, encoded);
  return copyOut(encoded.data(), encoded.size(), ids, capacity, count);
}

gemcut_status gemcut_detokenize(const gemcut_engine *engine, const int32_t *ids,
                                size_t count, int special, char *text,
                                size_t capacity, size_t *length) {
  if (gemcut_status status = requireHandle(engine, "engine"))
    return status;
  if (gemcut_status status = engine->requireTokenizer())
    return status;
  if (count > 0)
    if (gemcut_status status = requireHandle(ids, "list of ids"))
      return status;
  std::string decoded = engine->tokenizer.decode(ids, count, special != 0);
  return copyOut(decoded.data(), decoded.size(), text, capacity, length);
}
