//===- Diagnostics.cpp - What passes report, as one error -----------------===//

#include "compiler/Driver/Diagnostics.h"

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/Location.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace gemcut::driver;

/// "model.layers.3.mlp.up_proj.weight: " for people, nothing where a location
/// says no more than that there is a model.
static std::string locationPrefix(Location location) {
  if (auto name = dyn_cast<NameLoc>(location)) {
    StringRef text = name.getName().getValue();
    return text.empty() || text == "model" ? "" : (text + ": ").str();
  }
  if (auto fused = dyn_cast<FusedLoc>(location))
    return fused.getLocations().empty()
               ? ""
               : locationPrefix(fused.getLocations().front());
  if (isa<UnknownLoc>(location))
    return "";
  std::string text;
  llvm::raw_string_ostream(text) << location << ": ";
  return text;
}

DiagnosticCollector::DiagnosticCollector(MLIRContext &context,
                                         Reporter &reporter)
    : handler(&context, [this, &reporter](Diagnostic &diagnostic) {
        std::string text =
            locationPrefix(diagnostic.getLocation()) + diagnostic.str();
        if (diagnostic.getSeverity() != DiagnosticSeverity::Error)
          reporter.note(text);
        else if (first.empty())
          first = std::move(text);
        return success();
      }) {}

llvm::Error DiagnosticCollector::error(StringRef phase) const {
  return llvm::createStringError(first.empty() ? (phase + " failed").str()
                                               : first);
}
