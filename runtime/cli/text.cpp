//===- text.cpp - Text in and out of the commands -------------------------===//

#include "runtime/cli/text.h"

#include "runtime/abi/model.h"
#include "runtime/cli/layer_rows.h"
#include "runtime/cli/machine.h"

#include "runtime/core/cores.h"
#include "runtime/core/error.h"

#include <cstdio>

using namespace gemcut;
using namespace gemcut::cli;

gemcut_status cli::openTokenizer(const Artifact &artifact,
                                 text::Tokenizer &tokenizer) {
  const Section *section = artifact.find(GEMCUT_SECTION_TOKENIZER);
  if (!section || section->length == 0)
    return fail(
        GEMCUT_INVALID_ARGUMENT,
        "this executable has no tokenizer, because its checkpoint had "
        "none; use ids: generate --ids LIST --print-ids, score --ids LIST");
  std::string error;
  gemcut_status status =
      text::Tokenizer::open(section->data, section->length, &tokenizer, &error);
  return status ? fail(status, "%s: %s", artifact.describe(*section).c_str(),
                       error.c_str())
                : GEMCUT_OK;
}

bool TextStream::flush() {
  if (piece.empty())
    return true;
  atLineStart = piece.back() == '\n';
  bool isWritten =
      fwrite(piece.data(), 1, piece.size(), stdout) == piece.size() &&
      fflush(stdout) == 0;
  piece.clear();
  return isWritten;
}

bool TextStream::print(int32_t id) {
  decoder.feed(id, piece);
  return flush();
}

void TextStream::finish() {
  decoder.flush(piece);
  flush();
}

void cli::printStats(const GenerateStats &stats, const Session &session) {
  double decoded = stats.newTokens > 1 ? double(stats.newTokens - 1) : 0;
  fprintf(
      stderr,
      "prompt: %zu tokens, first token after %.3f s (%.1f tokens/s); answer: "
      "%zu tokens in %.3f s (%.1f tokens/s)\n",
      stats.promptTokens, stats.prefillSeconds,
      double(stats.promptTokens) / stats.prefillSeconds, stats.newTokens,
      stats.decodeSeconds,
      stats.decodeSeconds > 0 ? decoded / stats.decodeSeconds : 0.0);
  char cores[128];
  formatUsableCores(detectUsableCores(), cores, sizeof(cores));
  fprintf(stderr, "threads: %d on %s\n", session.getTeam().threads(), cores);
  fprintf(stderr, "private memory: %.1f MB, planned at most %.1f MB\n",
          double(readProcessMemory().privateBytes) * 1e-6,
          double(gemcut_private_bytes(&gemcut_model, session.getSlots(),
                                      session.getTeam().threads())) *
              1e-6);
  if (gemcut_model.two_stage_head) {
    const TwoStageHead::Counters &head = session.getHead().getCounters();
    double tiles =
        double(head.tried) * double(session.getHead().getTileCount());
    fprintf(stderr,
            "two-stage head: %llu steps tried, %.2f %% of the head rescored, "
            "%llu fell back, %llu left alone\n",
            (unsigned long long)head.tried,
            tiles > 0 ? 100 * double(head.rescored) / tiles : 0.0,
            (unsigned long long)head.fellBack,
            (unsigned long long)head.leftAlone);
  }
  fprintf(stderr, "rows so far: %s\n",
          describeLayerRows(session.getLayerRows(), size_t(gemcut_model.layers))
              .c_str());
}
