//===- baked_prefix.cpp - A prefix that an artifact holds -----------------===//

#include "runtime/session/baked_prefix.h"

#include "runtime/core/error.h"

#include <algorithm>
#include <cstring>

using namespace gemcut;

static constexpr const char *kName = "the baked prefix";

gemcut_status BakedPrefix::open(const Artifact &artifact,
                                const gemcut_model_info &model,
                                const char *level, const char *adapter) {
  const Section *section = artifact.find(GEMCUT_SECTION_PREFIX);
  if (!section)
    return GEMCUT_OK;
  const Section *weights = artifact.find(GEMCUT_SECTION_WEIGHTS);
  hasAdapter = adapter != nullptr;
  // States are those of the model alone.
  return check(*section, model,
               getSessionFingerprint(model, weights ? weights->checksum : 0,
                                     /*adapter=*/nullptr),
               level);
}

gemcut_status BakedPrefix::check(const Section &section,
                                 const gemcut_model_info &model,
                                 uint64_t fingerprint, const char *level) {
  const auto *found = reinterpret_cast<const gemcut_prefix *>(section.data);
  if (section.length < sizeof(gemcut_prefix) ||
      std::memcmp(found->magic, GEMCUT_PREFIX_MAGIC, sizeof(found->magic)) != 0)
    return fail(GEMCUT_CORRUPT_ARTIFACT, "%s is damaged", kName);
  if (found->version != GEMCUT_PREFIX_VERSION)
    return fail(GEMCUT_CORRUPT_ARTIFACT,
                "%s has version %u, but this program reads version %d; compile "
                "the model again",
                kName, found->version, GEMCUT_PREFIX_VERSION);
  auto isInside = [&](uint64_t offset, uint64_t length) {
    return offset <= section.length && length <= section.length - offset;
  };
  bool isSound = found->state_count <= GEMCUT_PREFIX_LEVELS &&
                 isInside(found->text_offset, found->text_length);
  for (uint32_t i = 0; isSound && i < found->state_count; ++i) {
    const gemcut_prefix_state &state = found->states[i];
    isSound = isInside(state.offset, state.length) &&
              state.offset % GEMCUT_PREFIX_ALIGNMENT == 0 &&
              std::memchr(state.level, 0, sizeof(state.level));
  }
  if (!isSound)
    return fail(GEMCUT_CORRUPT_ARTIFACT,
                "%s is damaged: it points outside of its %llu bytes", kName,
                (unsigned long long)section.length);
  std::string_view json(
      reinterpret_cast<const char *>(section.data + found->text_offset),
      size_t(found->text_length));
  if (gemcut_status status = readPrefixText(json, kName, text))
    return status;
  header = found;
  for (uint32_t i = 0; i < found->state_count; ++i) {
    const gemcut_prefix_state &state = found->states[i];
    if (hasAdapter || strcmp(state.level, level) != 0)
      continue;
    if (gemcut_status status =
            file.openMemory(section.data + state.offset, size_t(state.length),
                            kName, model, fingerprint, /*level=*/nullptr))
      return status;
    if (file.getSequenceCount() != 1 ||
        file.getPrompted(0) != file.getTokenCount(0))
      return fail(GEMCUT_CORRUPT_ARTIFACT,
                  "%s is damaged: it is not the one sequence of a prompt",
                  kName);
    tokens = file.getTokens(0);
    break;
  }
  return GEMCUT_OK;
}

std::string BakedPrefix::describeMissingState(const char *level) const {
  if (!header || !tokens.empty())
    return "";
  if (hasAdapter)
    return "the baked prefix was computed without an adapter; prompts that "
           "begin with it are run from their beginning";
  std::string levels;
  for (uint32_t i = 0; i < header->state_count; ++i)
    levels += (i ? ", " : "") + std::string(header->states[i].level);
  return "the baked prefix was computed for the levels " + levels +
         " and not for " + level +
         "; prompts that begin with it are run from their beginning";
}

size_t BakedPrefix::match(const int32_t *ids, size_t count) const {
  bool isBeginning = !tokens.empty() && tokens.size() < count &&
                     std::equal(tokens.begin(), tokens.end(), ids);
  return isBeginning ? tokens.size() : 0;
}

gemcut_status BakedPrefix::restore(Session &session, int32_t slot) const {
  return file.restore(0, session, slot);
}

size_t gemcut::beginWithPrefix(const BakedPrefix &prefix, Session &session,
                               const int32_t *ids, size_t count) {
  size_t matched = prefix.match(ids, count);
  if (matched == 0 || session.getTokenCount(/*slot=*/0) > 0 ||
      session.getFirstPosition(/*slot=*/0) > 0)
    return 0;
  // Too long for this session: so is the prompt, which says it.
  return prefix.restore(session, /*slot=*/0) ? 0 : matched;
}
