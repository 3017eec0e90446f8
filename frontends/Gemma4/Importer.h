//===- Importer.h - Gemma 4 checkpoint to gemma dialect ---------*- C++ -*-===//
//
// Builds the module that says what a model means; bytes of weights stay in the
// files.
//
//===----------------------------------------------------------------------===//

#ifndef GEMCUT_FRONTENDS_GEMMA4_IMPORTER_H
#define GEMCUT_FRONTENDS_GEMMA4_IMPORTER_H

#include "frontends/Checkpoint/WeightSource.h"
#include "frontends/Config/ModelConfig.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

namespace gemcut::gemma4 {

/// Builds a verified module with one function on the elementary ops,
///
///   func.func @forward(%ids: tensor<?xi32>, %positions: tensor<?xi64>)
///       -> tensor<?xVxf32>                                   (V = vocabulary)
///
/// a gemma.weight per tensor that it reads (symbol: the full name in `weights`;
/// type: shape and dtype as stored) and a gemma.kv_cache @kv.N per layer N with
/// its own K and V. Unused K and V of KV-sharing layers are not declared. Linears
/// with adapters beside them (lora/RuntimeAdapters.h) get the attributes
/// `gemma.adapter` and `gemma.adapter_rank`, which `gemma-insert-adapters` reads.
///
/// Every op of layer N has the attribute `gemma.layer = N`, and every op a
/// NameLoc: products and norms have the name of their tensor without prefix and
/// `.weight`
/// ("layers.3.self_attn.o_proj", "norm"); the others are
///
///   embed                  sqrt(H) * embedding row
///   ple                    per-layer inputs, (layer, P) in a row
///   rope.sliding, rope.full
///   layers.N.q, .k, .v     query, key after norm and RoPE, value after norm
///                          (of k_proj, in layers without a v_proj)
///   layers.N.kv            the cache and the write to it
///   layers.N.self_attn     attention, before o_proj
///   layers.N.residual_attn, .residual_mlp, .residual_ple
///   layers.N.mlp.act       gelu(gate) * up, before down_proj
///   layers.N.router.probs  softmax over all experts
///   layers.N.router.weights, .router.experts   the chosen ones, two results
///   layers.N.feedforward.sum                   MLP and experts, before the norm
///   layers.N.ple           slice of the per-layer inputs
///   layers.N.ple_gate      gelu(gate) * ple
///   layers.N.out           output of the layer
///   lm_head, logits        before and after the soft cap
///
/// Names of golden data in these terms: getOpNameOfGolden.
///
/// Formulas: transformers 5.24.0, models/gemma4/modeling_gemma4.py (float32).
/// Emits one diagnostic and fails for a tensor that `weights` lacks or has with
/// another shape than `config` demands, or in a dtype other than F32, BF16 and
/// F16.
mlir::FailureOr<mlir::OwningOpRef<mlir::ModuleOp>>
importModel(mlir::MLIRContext &context, const config::ModelConfig &config,
            const checkpoint::WeightSource &weights);

/// Dtypes and shapes of all tensors that the model reads, for a model without a
/// checkpoint: prefix `model.language_model.`, dtype that of the configuration.
llvm::StringMap<checkpoint::WeightInfo>
expectedWeights(const config::ModelConfig &config);

/// Name of the op that computes a golden tensor: "layers.N.attn" is the output
/// of layers.N.self_attn.o_proj, "layers.N.mlp" that of layers.N.mlp.down_proj,
/// "layers.N.experts.out" that of layers.N.experts.down_proj, "final_norm" that
/// of norm; embed, ple, layers.N.out, layers.N.k, layers.N.v
/// and logits have the same name.
std::string getOpNameOfGolden(llvm::StringRef golden);

} // namespace gemcut::gemma4

#endif // GEMCUT_FRONTENDS_GEMMA4_IMPORTER_H
