//===- score.cpp - The `score` command ------------------------------------===//

#include "runtime/cli/app.h"
#include "runtime/cli/ids.h"
#include "runtime/cli/json.h"
#include "runtime/cli/npy.h"
#include "runtime/cli/text.h"
#include "runtime/core/error.h"
#include "runtime/session/log_softmax.h"

#include <cmath>
#include <cstdio>

using namespace gemcut;
using namespace gemcut::cli;

namespace {

/// Adds up what the logits of each token say, and passes them on.
struct Scorer {
  Scorer(const std::vector<int32_t> &ids, size_t vocabulary)
      : ids(ids), vocabulary(vocabulary) {}

  const std::vector<int32_t> &ids;
  size_t vocabulary;
  NpyWriter *writer = nullptr;
  NpyReader *reference = nullptr;
  std::vector<float> referenceRow;
  const char *referencePath = nullptr;

  size_t sampleStart = 0, sampleEnd = 0; // of the sequence that runs, in ids
  size_t predicted = 0; // tokens whose predecessor was in sight
  double nll = 0, divergence = 0;
  size_t compared = 0, agreed = 0;

  static gemcut_status visit(void *context, size_t row, const float *logits) {
    return static_cast<Scorer *>(context)->add(row, logits);
  }

  bool areFinite(const float *row) const {
    for (size_t i = 0; i < vocabulary; ++i)
      if (!std::isfinite(row[i]))
        return false;
    return true;
  }

  gemcut_status add(size_t row, const float *logits) {
    size_t next = sampleStart + row + 1;
    if (next < sampleEnd) {
      double loss =
          getLogSumExp(logits, vocabulary) - double(logits[ids[next]]);
      if (std::isnan(loss))
        return fail(GEMCUT_INVALID_ARGUMENT,
                    "the logits of token %zu hold a value that is not a number",
                    next - 1);
      nll += loss;
      ++predicted;
    }
    if (reference) {
      if (gemcut_status status = reference->readRow(referenceRow.data()))
        return status;
      size_t token = sampleStart + row;
      if (!areFinite(referenceRow.data()))
        return fail(GEMCUT_INVALID_ARGUMENT,
                    "%s holds a value that is not finite in row %zu, but "
                    "logits are finite numbers",
                    referencePath, token);
      if (!areFinite(logits))
        return fail(GEMCUT_INVALID_ARGUMENT,
                    "the model's logits of token %zu hold a value that is not "
                    "finite, which cannot be compared with %s",
                    token, referencePath);
      divergence += getKlDivergence(referenceRow.data(), logits, vocabulary);
      agreed += getArgmax(referenceRow.data(), vocabulary) ==
                getArgmax(logits, vocabulary);
      ++compared;
    }
    return writer ? writer->writeRow(logits) : GEMCUT_OK;
  }

  void printJson() const {
    JsonWriter json;
    json.beginObject();
    json.member("tokens", predicted);
    if (predicted > 0) {
      double mean = nll / double(predicted);
      json.member("mean_nll", mean);
      json.member("perplexity", std::exp(mean));
    }
    json.member("rows_compared", compared);
    if (compared > 0) {
      json.member("mean_kl_divergence", divergence / double(compared));
      json.member("top1_agreement", double(agreed) / double(compared));
    }
    json.endObject();
    printf("%s\n", json.str().c_str());
  }

  void print() const {
    if (predicted > 0) {
      double mean = nll / double(predicted);
      printf("%zu token%s\nmean NLL    %.6f\nperplexity  %.6g\n", predicted,
             predicted == 1 ? "" : "s", mean, std::exp(mean));
    }
    if (compared > 0)
      printf(
          "%zu row%s compared\nmean KL divergence  %.6g\ntop-1 agreement     "
          "%.4f %%\n",
          compared, compared == 1 ? "" : "s", divergence / double(compared),
          100 * double(agreed) / double(compared));
  }
};

struct ScoreOptions {
  const char *ids = nullptr, *text = nullptr, *logits = nullptr,
             *compare = nullptr;
  int firstPosition = 0;
  bool isJson = false;
};

} // namespace

/// The ids to score. A text is read with control tokens as such.
static gemcut_status readInput(App &app, const ScoreOptions &options,
                               std::vector<int32_t> &ids) {
  if (options.ids)
    return readIds(options.ids, ids);
  std::string content;
  if (gemcut_status status = readFile(options.text, content))
    return status;
  text::Tokenizer tokenizer;
  if (gemcut_status status = openTokenizer(app.artifact, tokenizer))
    return status;
  tokenizer.encode(content, /*parseSpecial=*/true, ids);
  if (ids.empty())
    return fail(GEMCUT_INVALID_ARGUMENT, "%s holds no tokens", options.text);
  int32_t bos = gemcut_model.special.bos;
  if (bos >= 0 && ids.front() != bos) // the model never saw a text without
    ids.insert(ids.begin(), bos);
  return GEMCUT_OK;
}

/// Runs ids[start..end) as a sequence of its own.
static gemcut_status scoreSample(App &app, Scorer &scorer, size_t start,
                                 size_t end, int firstPosition) {
  if (gemcut_status status = app.session.reset(/*slot=*/0, firstPosition))
    return status;
  scorer.sampleStart = start;
  scorer.sampleEnd = end;
  return app.session.score(/*slot=*/0, scorer.ids.data() + start, end - start,
                           Scorer::visit, &scorer);
}

static gemcut_status checkReference(const NpyReader &reference,
                                    const char *path, size_t rows,
                                    size_t vocabulary) {
  if (reference.getRows() == rows && reference.getColumns() == vocabulary)
    return GEMCUT_OK;
  return fail(GEMCUT_INVALID_ARGUMENT,
              "%s has shape (%zu, %zu), but these tokens give (%zu, %zu)", path,
              reference.getRows(), reference.getColumns(), rows, vocabulary);
}

static gemcut_status score(const CommonOptions &common,
                           const ScoreOptions &options) {
  App app;
  if (gemcut_status status = app.openSession(common))
    return status;
  std::vector<int32_t> ids;
  if (gemcut_status status = readInput(app, options, ids))
    return status;
  if (ids.size() < 2 && !options.logits && !options.compare)
    return fail(GEMCUT_INVALID_ARGUMENT,
                "one token predicts nothing; give at least two, or --logits");

  size_t vocabulary = size_t(gemcut_model.vocab_size);
  Scorer scorer(ids, vocabulary);
  NpyWriter writer;
  NpyReader reference;
  if (options.compare) {
    if (gemcut_status status = reference.open(options.compare))
      return status;
    if (gemcut_status status =
            checkReference(reference, options.compare, ids.size(), vocabulary))
      return status;
    scorer.reference = &reference;
    scorer.referencePath = options.compare;
    scorer.referenceRow.resize(vocabulary);
  }
  if (options.logits) {
    if (gemcut_status status =
            writer.open(options.logits, ids.size(), vocabulary))
      return status;
    scorer.writer = &writer;
  }

  // In a text every <bos> starts a sample, and so does what does not fit into
  // the context any more; a list of ids is one sample.
  size_t longest = size_t(app.session.getContext() - options.firstPosition);
  size_t cuts = 0;
  for (size_t start = 0; start < ids.size();) {
    size_t end = start + 1;
    while (end < ids.size() &&
           (options.ids || ids[end] != gemcut_model.special.bos))
      ++end;
    if (options.text && options.firstPosition < app.session.getContext() &&
        end - start > longest) {
      end = start + longest;
      ++cuts;
    }
    if (gemcut_status status =
            scoreSample(app, scorer, start, end, options.firstPosition))
      return status;
    start = end;
  }
  if (options.logits)
    if (gemcut_status status = writer.close())
      return status;
  if (cuts > 0)
    fprintf(stderr,
            "note: the text was cut %zu times after %zu tokens, the context; "
            "the first token after a cut is not predicted\n",
            cuts, longest);
  options.isJson ? scorer.printJson() : scorer.print();
  return GEMCUT_OK;
}

int cli::runScore(int argc, char **argv) {
  CommonOptions common;
  ScoreOptions options;
  Flags flags(
      "score --ids LIST|@FILE | --text FILE [flags]",
      "Runs all tokens and prints how many were predicted, their mean "
      "negative log-likelihood in nats and the perplexity. The first token "
      "of a sequence is not predicted.");
  flags.group("Input and output");
  flags.add(
      options.ids, "ids", 0, "LIST|@FILE",
      "The ids of one sequence, separated by commas or white space, or the "
      "name of a file that holds them.");
  flags.add(
      options.text, "text", 0, "FILE",
      "A text; control tokens in it count as such, and each <bos> starts a "
      "new sequence. A <bos> is put in front if there is none, and a sequence "
      "longer than the context is cut. - is standard input.");
  flags.add(
      options.logits, "logits", 0, "FILE.npy",
      "Writes the logits of all tokens as float32 (tokens, vocabulary), the "
      "sequences behind each other.");
  flags.add(
      options.compare, "compare", 0, "FILE.npy",
      "Prints the mean KL divergence in nats from such stored logits, and "
      "the share of tokens with the same most likely successor.");
  flags.add(options.isJson, "json", 0, "Prints JSON.");
  flags.add(
      options.firstPosition, "first-position", 0, "P",
      "Gives the first token of a sequence position P, below the context.", 0,
      INT32_MAX);
  common.addSessionFlags(flags);
  flags.group("For tests");
  flags.add(common.session.chunk, "chunk", 0, "N",
            "Runs the tokens in steps of at most N.", 1, INT32_MAX,
            "what was compiled in");
  std::vector<const char *> positionals;
  Parsed parsed = flags.parse(argc, argv, positionals);
  if (parsed != Parsed::Run)
    return exitCode(parsed);
  if (!options.ids == !options.text)
    return exitCode(flags.usage(options.ids
                                    ? "--ids and --text exclude each other"
                                    : "--ids or --text is missing"));
  return finish(score(common, options));
}
