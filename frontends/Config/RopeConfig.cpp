//===- RopeConfig.cpp - Rotary embedding of each layer kind ---------------===//

#include "frontends/Config/TextFields.h"

#include "llvm/ADT/STLExtras.h"

using namespace gemcut::config;

/// Frequencies of transformers 5.24.0 (modeling_rope_utils.py): "default"
/// rotates all pairs of a head, "proportional" the first
/// int(partial_rotary_factor * headDim // 2), the rest have frequency 0.
static RopeConfig parseKind(JsonFields &fields, int64_t headDim) {
  RopeConfig rope;
  std::string type = fields.string("rope_type", "default");
  rope.proportional = type == "proportional";
  if (!rope.proportional && type != "default")
    fields.refuse("rope_type", "\"default\" or \"proportional\", the supported "
                               "values");
  rope.theta = fields.number("rope_theta", 1, 1e12);
  if (fields.number("factor", 0, 1e6, 1) != 1)
    fields.refuse("factor", "1, the only supported value");
  double partial = fields.number("partial_rotary_factor", 0, 1, 1);
  if (!rope.proportional && partial != 1)
    fields.refuse("partial_rotary_factor",
                  "1, the only supported value of rope_type \"default\"");
  rope.rotaryPairs =
      rope.proportional ? int64_t(partial * double(headDim) / 2) : headDim / 2;
  if (rope.rotaryPairs < 1)
    fields.fail("partial_rotary_factor",
                "a factor that rotates at least one pair of the " +
                    std::to_string(headDim) + " dimensions of a head");
  // Keys of other rope types (YaRN, ...) would change the frequencies.
  fields.failUnknown("rope_type, rope_theta, partial_rotary_factor and factor");
  return rope;
}

void gemcut::config::parseRope(JsonFields &fields, ModelConfig &config,
                               std::vector<std::string> *warnings) {
  if (fields.find("rope_scaling"))
    fields.refuse("rope_scaling", "null: scaling is not supported");
  JsonFields kinds = fields.object("rope_parameters");
  kinds.ignore({"sliding_attention", "full_attention"});
  for (bool sliding : {true, false}) {
    auto isKind = [&](const LayerConfig &layer) {
      return layer.sliding == sliding;
    };
    auto first = llvm::find_if(config.layers, isKind);
    if (first == config.layers.end())
      continue;
    for (const LayerConfig &layer : config.layers)
      if (isKind(layer) && layer.headDim != first->headDim)
        fields.failText("layers of one kind have head_dim " +
                        std::to_string(first->headDim) + " and " +
                        std::to_string(layer.headDim) +
                        ", supported is one value for each kind");
    if (fields.failed())
      return;
    JsonFields kind =
        kinds.object(sliding ? "sliding_attention" : "full_attention");
    (sliding ? config.slidingRope : config.fullRope) =
        kinds.failed() ? RopeConfig() : parseKind(kind, first->headDim);
    kinds.merge(kind);
  }
  fields.merge(kinds);
  kinds.reportUnknown(warnings);
}
