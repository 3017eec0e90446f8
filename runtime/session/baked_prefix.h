//===- baked_prefix.h - A prefix that an artifact holds ---------*- C++ -*-===//
//
// What `gemcut compile --bake-prefix` put into an artifact: the beginning of
// conversations, and the keys and values of its tokens, so that nobody runs
// them again. Decision record: 20261126-bake-prefix.md.
//
//===----------------------------------------------------------------------===//
#ifndef GEMCUT_RUNTIME_SESSION_BAKED_PREFIX_H
#define GEMCUT_RUNTIME_SESSION_BAKED_PREFIX_H

#include "runtime/abi/prefix.h"
#include "runtime/core/artifact.h"
#include "runtime/session/prefix_text.h"
#include "runtime/session/session_file.h"

namespace gemcut {

class BakedPrefix {
public:
  /// Reads the section of an artifact, which must outlive this; without one
  /// nothing is present. A state is there if `level` is one of those that it
  /// was computed for, and no adapter runs.
  /// GEMCUT_CORRUPT_ARTIFACT, GEMCUT_INVALID_ARGUMENT: the section is damaged,
  /// of another version, or was computed by another model.
  [[nodiscard]] gemcut_status open(const Artifact &artifact,
                                   const gemcut_model_info &model,
                                   const char *level, const char *adapter);

  bool isPresent() const { return header != nullptr; }
  const PrefixText &getText() const { return text; }
  /// The state of the prefix: a file with one sequence, or with none.
  const SessionFile &getFile() const { return file; }
  const std::vector<int32_t> &getTokens() const { return tokens; }
  /// Why there is a prefix without a state, or an empty string.
  std::string describeMissingState(const char *level) const;

  /// How many of these ids a slot need not run because they are the prefix: 0
  /// unless they begin with it and at least one more follows.
  size_t match(const int32_t *ids, size_t count) const;
  /// Makes a slot hold the prefix and nothing else. GEMCUT_CONTEXT_FULL: the
  /// session is shorter than it.
  [[nodiscard]] gemcut_status restore(Session &session, int32_t slot) const;

private:
  gemcut_status check(const Section &section, const gemcut_model_info &model,
                      uint64_t fingerprint, const char *level);

  const gemcut_prefix *header = nullptr;
  bool hasAdapter = false;
  PrefixText text;
  SessionFile file;
  std::vector<int32_t> tokens;
};

/// Makes slot 0 of `session`, if it is empty and ids are to get position 0,
/// hold the prefix that `ids` begin with; returns how many of them that are.
size_t beginWithPrefix(const BakedPrefix &prefix, Session &session,
                       const int32_t *ids, size_t count);

} // namespace gemcut

#endif // GEMCUT_RUNTIME_SESSION_BAKED_PREFIX_H
