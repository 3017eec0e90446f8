//===- handles.h - What is behind the handles of gemcut.h -------*- C++ -*-===//
#ifndef GEMCUT_RUNTIME_API_HANDLES_H
#define GEMCUT_RUNTIME_API_HANDLES_H

#include "runtime/abi/bundle.h"
#include "runtime/abi/gemcut.h"
#include "runtime/constrain/answer_form.h"
#include "runtime/core/artifact.h"
#include "runtime/core/error.h"
#include "runtime/session/baked_prefix.h"
#include "runtime/session/dialogue.h"
#include "runtime/session/sampler.h"
#include "runtime/session/session.h"

#include <string>

/// Fails for a null engine or session.
[[nodiscard]] inline gemcut_status requireHandle(const void *handle,
                                                 const char *what) {
  return handle ? GEMCUT_OK
                : gemcut::fail(GEMCUT_INVALID_ARGUMENT, "the %s is null", what);
}

struct gemcut_engine {
  const gemcut_bundle *bundle = nullptr;
  const gemcut_level *level = nullptr;
  gemcut::Artifact artifact;
  gemcut::text::Tokenizer tokenizer;
  gemcut::text::ChatTemplate chat;
  bool hasTokenizer = false;
  mutable gemcut::constrain::GrammarCache grammars; ///< locks itself

  const gemcut_model_info &model() const { return *bundle->model; }
  gemcut::Program program() const;
  /// GEMCUT_INVALID_ARGUMENT without a tokenizer.
  [[nodiscard]] gemcut_status requireTokenizer() const;
};

struct gemcut_session {
  const gemcut_engine *engine = nullptr;
  gemcut::Session session;
  gemcut::Sampler sampler;
  gemcut::Dialogue dialogue;
  gemcut::BakedPrefix prefix;
  std::string adapter;      ///< the name of one that runs, or empty
  bool isTalking = false;   ///< a conversation was begun
  bool shouldThink = false; ///< in it
};

#endif // GEMCUT_RUNTIME_API_HANDLES_H
