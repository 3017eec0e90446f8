//===- FitMemory.cpp - Options that a memory limit leaves -----------------===//

#include "compiler/Driver/FitMemory.h"

#include "compiler/Driver/PlanProgram.h"
#include "compiler/Pipeline/Registration.h"

#include "mlir/IR/MLIRContext.h"
#include "llvm/Support/raw_ostream.h"

using namespace gemcut;
using namespace gemcut::driver;

char MemoryLimitError::ID = 0;

void MemoryLimitError::log(llvm::raw_ostream &stream) const {
  stream << message;
}

std::error_code MemoryLimitError::convertToErrorCode() const {
  return std::make_error_code(std::errc::not_enough_memory);
}

/// Contexts are multiples of this.
static constexpr int64_t kContextStep = 256;

llvm::Expected<MemoryPlan>
gemcut::driver::planMemory(const LoadedModel &model, const PlanOptions &options,
                           int64_t l2Bytes, Reporter &reporter) {
  mlir::DialectRegistry registry;
  registerAllDialects(registry);
  mlir::MLIRContext context(registry);
  context.loadAllAvailableDialects();
  Phases phases(reporter);
  IrDumps dumps("", "");
  auto module = planProgram(context, model, options, l2Bytes, PlanUntil::Kernel,
                            phases, dumps);
  if (!module)
    return module.takeError();
  return readMemoryPlan(**module, options.slots, model.config.vocabSize,
                        options.tableBound);
}

namespace {

/// What gives way, in this order.
struct Measure {
  uint64_t tableBound;
  int64_t scoreChunk;   ///< whose logits are most of the rest
  const char *kv;       ///< null: as it is
  int64_t prefillChunk; ///< 0: as it is
};
constexpr Measure kMeasures[] = {{uint64_t(64) << 20, 64, nullptr, 0},
                                 {uint64_t(16) << 20, 8, nullptr, 0},
                                 {uint64_t(16) << 20, 8, nullptr, 64},
                                 {uint64_t(16) << 20, 8, "int8", 64},
                                 {uint64_t(4) << 20, 8, "int8", 32}};

PlanOptions apply(const Measure &measure, PlanOptions options) {
  options.tableBound = measure.tableBound;
  options.scoreChunk = measure.scoreChunk;
  if (measure.kv && !options.isKvGiven)
    options.kv = measure.kv;
  if (measure.prefillChunk && !options.prefillChunk)
    options.prefillChunk = measure.prefillChunk;
  return options;
}

class Fitting {
public:
  Fitting(const LoadedModel &model, uint64_t limit, int64_t l2Bytes,
          Reporter &reporter)
      : model(model), limit(limit), l2Bytes(l2Bytes), reporter(reporter) {}

  /// `options`, with the longest context up to `most` that fits; what memory is
  /// left beyond a useful context goes to slots, and then to the context.
  llvm::Expected<PlanOptions> fill(PlanOptions options, int64_t known,
                                   int64_t most, bool isContextGiven) {
    options.context = known;
    int64_t useful = isContextGiven ? known : std::min(most, kUsefulContext);
    if (llvm::Error error = lengthen(options, useful))
      return std::move(error);
    if (options.context < useful)
      return options;
    if (llvm::Error error = addSlots(options))
      return std::move(error);
    if (!isContextGiven)
      if (llvm::Error error = lengthen(options, most))
        return std::move(error);
    return options;
  }

  /// Plans with this context; remembers the least plan for the message.
  llvm::Expected<bool> fits(PlanOptions options, int64_t context) {
    options.context = context;
    auto plan = planMemory(model, options, l2Bytes, reporter);
    if (!plan)
      return plan.takeError();
    if (least.context == 0 || plan->totalBytes() < least.totalBytes()) {
      least = *plan;
      leastKv = options.kv;
    }
    return plan->totalBytes() <= limit;
  }

  llvm::Error refuse() const {
    return llvm::make_error<MemoryLimitError>(
        "the model needs at least " + formatBytes(least.totalBytes()) +
            " with " + std::to_string(least.context) + " positions and KV in " +
            leastKv + " (" + addends(least) + "), but --max-ram is " +
            formatBytes(limit) +
            "; a smaller --context, fewer --slots or a smaller --quant lower "
            "it",
        least.totalBytes(), limit);
  }

private:
  const LoadedModel &model;
  uint64_t limit;
  int64_t l2Bytes;
  MutedReporter reporter;
  MemoryPlan least;
  std::string leastKv;

  /// The longest context up to `most` that fits, if that of `options` does.
  llvm::Error lengthen(PlanOptions &options, int64_t most) {
    int64_t low = options.context, high = most; // fits; does not, maybe
    for (int64_t middle = most; middle > low;
         middle = (low + high) / 2 / kContextStep * kContextStep) {
      auto fit = fits(options, middle);
      if (!fit)
        return fit.takeError();
      if (*fit && middle == most)
        low = high = most;
      else
        (*fit ? low : high) = middle;
    }
    options.context = low;
    return llvm::Error::success();
  }

  /// As many as fit, unless they were given.
  llvm::Error addSlots(PlanOptions &options) {
    if (options.isSlotsGiven)
      return llvm::Error::success();
    for (int64_t slots = kUsefulSlots; slots > 1; --slots) {
      PlanOptions more = options;
      more.slots = slots;
      auto fit = fits(more, options.context);
      if (!fit)
        return fit.takeError();
      if (!*fit)
        continue;
      options.slots = slots;
      break;
    }
    return llvm::Error::success();
  }
};

} // namespace

llvm::Expected<PlanOptions>
gemcut::driver::fitMemory(const LoadedModel &model, const PlanOptions &given,
                          uint64_t limit, int64_t l2Bytes, Reporter &reporter) {
  Fitting fitting(model, limit, l2Bytes, reporter);
  int64_t most = model.config.maxPositions;
  int64_t comfortable =
      given.context ? given.context : std::min(most, kComfortableContext);
  for (const Measure &measure : kMeasures) {
    PlanOptions options = apply(measure, given);
    auto fits = fitting.fits(options, comfortable);
    if (!fits)
      return fits.takeError();
    if (!*fits)
      continue;
    return fitting.fill(options, comfortable, most, given.context > 0);
  }
  if (given.context)
    return fitting.refuse();
  PlanOptions options = apply(*std::prev(std::end(kMeasures)), given);
  int64_t shortest = std::min(most, kLeastContext);
  auto fits = fitting.fits(options, shortest);
  if (!fits)
    return fits.takeError();
  if (!*fits)
    return fitting.refuse();
  return fitting.fill(options, shortest, comfortable, /*isContextGiven=*/false);
}
