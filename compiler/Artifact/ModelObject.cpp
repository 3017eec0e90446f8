//===- ModelObject.cpp - The tables that the runtime links to -------------===//

#include "compiler/Artifact/ModelObject.h"

#include "targets/Common/EmitObject.h"

#include "llvm/IR/Constants.h"
#include "llvm/IR/DerivedTypes.h"
#include "llvm/IR/GlobalVariable.h"
#include "llvm/IR/Module.h"

using namespace gemcut;
using namespace gemcut::artifact;

llvm::Expected<llvm::SmallVector<char, 0>>
gemcut::artifact::emitModelObject(const gemcut_model_info &info,
                                  const targets::TargetSpec &spec) {
  llvm::LLVMContext context;
  llvm::Module module("gemcut_model", context);
  auto *pointer = llvm::PointerType::get(context, 0);
  auto *entryType = llvm::FunctionType::get(
      llvm::Type::getVoidTy(context),
      {pointer, llvm::Type::getInt64Ty(context)}, /*isVarArg=*/false);
  auto define = [&](llvm::StringRef name, llvm::Constant *value) {
    auto *global = new llvm::GlobalVariable(
        module, value->getType(), /*isConstant=*/true,
        llvm::GlobalValue::ExternalLinkage, value, name);
    global->setAlignment(llvm::Align(64));
    return global;
  };
  auto text = [&](llvm::StringRef value) -> llvm::Constant * {
    auto *bytes = llvm::ConstantDataArray::getString(context, value);
    return new llvm::GlobalVariable(module, bytes->getType(), true,
                                    llvm::GlobalValue::PrivateLinkage, bytes);
  };

  llvm::ArrayRef<uint8_t> bytes(reinterpret_cast<const uint8_t *>(&info),
                                sizeof(info));
  define("gemcut_model", llvm::ConstantDataArray::get(context, bytes));
  llvm::SmallVector<llvm::Constant *> levels;
  for (const targets::IsaLevel &level : spec.levels) {
    llvm::SmallVector<llvm::Constant *> fields{text(level.name),
                                               text(level.cpuidFeatures)};
    auto addEntry = [&](llvm::StringRef entry) {
      fields.push_back(llvm::cast<llvm::Constant>(
          module
              .getOrInsertFunction(
                  (llvm::Twine("gemcut_") + entry + "_" + level.name).str(),
                  entryType)
              .getCallee()));
    };
    for (const char *entry : {"decode", "prefill", "extend", "score"})
      addEntry(entry);
    for (const char *entry : {"bounds", "rescore"}) {
      if (info.two_stage_head)
        addEntry(entry);
      else
        fields.push_back(llvm::ConstantPointerNull::get(pointer));
    }
    levels.push_back(llvm::ConstantStruct::getAnon(fields));
  }
  auto *array = llvm::ArrayType::get(levels.front()->getType(), levels.size());
  define("gemcut_levels", llvm::ConstantArray::get(array, levels));
  define(
      "gemcut_level_count",
      llvm::ConstantInt::get(llvm::Type::getInt32Ty(context), levels.size()));
  return targets::emitLlvmModule(module, spec.triple);
}
