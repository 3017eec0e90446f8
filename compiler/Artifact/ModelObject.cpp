//===- ModelObject.cpp - The tables that the runtime links to -------------===//

#include "compiler/Artifact/ModelObject.h"

#include "runtime/abi/artifact.h"
#include "runtime/abi/bundle.h"
#include "runtime/abi/image.h"
#include "targets/Common/EmitObject.h"

#include "llvm/IR/Constants.h"
#include "llvm/IR/DerivedTypes.h"
#include "llvm/IR/GlobalVariable.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/Module.h"
#include "llvm/TargetParser/Triple.h"
#include "llvm/Transforms/Utils/ModuleUtils.h"

#include <cstddef>

using namespace gemcut;
using namespace gemcut::artifact;

namespace {

/// A module of constants.
class Tables {
public:
  Tables(const gemcut_model_info &info, const targets::TargetSpec &spec,
         llvm::GlobalValue::LinkageTypes linkage)
      : module("gemcut_model", context), info(info), spec(spec),
        linkage(linkage), pointer(llvm::PointerType::get(context, 0)) {}

  llvm::GlobalVariable *addModel() {
    llvm::ArrayRef<uint8_t> bytes(reinterpret_cast<const uint8_t *>(&info),
                                  sizeof(info));
    return define("gemcut_model", llvm::ConstantDataArray::get(context, bytes));
  }

  llvm::GlobalVariable *addLevels() {
    llvm::SmallVector<llvm::Constant *> levels;
    for (const targets::IsaLevel &level : spec.levels)
      levels.push_back(makeLevel(level));
    auto *array =
        llvm::ArrayType::get(levels.front()->getType(), levels.size());
    return define("gemcut_levels", llvm::ConstantArray::get(array, levels));
  }

  void addLevelCount() {
    define("gemcut_level_count",
           llvm::ConstantInt::get(llvm::Type::getInt32Ty(context),
                                  spec.levels.size()));
  }

  /// What leads a program that maps the executable to the model.
  void addImage(llvm::GlobalVariable *model, llvm::GlobalVariable *levels) {
    auto function = [&](llvm::StringRef name) {
      auto *type = llvm::FunctionType::get(llvm::Type::getVoidTy(context),
                                           /*isVarArg=*/false);
      return llvm::cast<llvm::Constant>(
          module.getOrInsertFunction(name, type).getCallee());
    };
    // The order of gemcut_image's fields.
    static_assert(sizeof(gemcut_image) == 48 &&
                      offsetof(gemcut_image, team_barrier) == 40,
                  "the table below has other fields");
    llvm::Constant *fields[] = {word(GEMCUT_IMAGE_VERSION, 32),
                                word(sizeof(gemcut_image), 32),
                                model,
                                levels,
                                word(spec.levels.size()),
                                function("gemcut_team_claim"),
                                function("gemcut_team_barrier")};
    auto *image = define("gemcut_image", llvm::ConstantStruct::getAnon(fields));
    image->setSection(GEMCUT_IMAGE_SECTION);
    llvm::appendToUsed(module, {image});
  }

  void addBundle(const BundleSpec &bundle) {
    BlobSection section = blobSection(spec.triple, bundle.isShared);
    auto *blob = define("gemcut_blob", word(0, /*bits=*/8));
    blob->setConstant(!section.isWritable);
    blob->setSection(section.name);
    blob->setAlignment(llvm::Align(GEMCUT_BLOB_ALIGNMENT));
    // The order of gemcut_bundle's fields.
    static_assert(sizeof(gemcut_bundle) == 56 &&
                      offsetof(gemcut_bundle, sidecar) == 48,
                  "the table below has other fields");
    llvm::Constant *fields[] = {word(GEMCUT_BUNDLE_VERSION, 32),
                                word(sizeof(gemcut_bundle), 32),
                                addModel(),
                                addLevels(),
                                word(spec.levels.size()),
                                blob,
                                word(bundle.blobBytes),
                                bundle.sidecar.empty()
                                    ? llvm::ConstantPointerNull::get(pointer)
                                    : text(bundle.sidecar)};
    auto *table =
        define("gemcut_bundle", llvm::ConstantStruct::getAnon(fields));
    auto *function = llvm::Function::Create(
        llvm::FunctionType::get(pointer, /*isVarArg=*/false),
        llvm::GlobalValue::ExternalLinkage, bundle.function, module);
    llvm::IRBuilder<>(llvm::BasicBlock::Create(context, "", function))
        .CreateRet(table);
    // The blob goes behind .bss, so there has to be one.
    auto *end = new llvm::GlobalVariable(
        module, llvm::Type::getInt8Ty(context), /*isConstant=*/false,
        llvm::GlobalValue::InternalLinkage, word(0, 8), "gemcut_end");
    llvm::appendToUsed(module, {end});
  }

  llvm::Expected<llvm::SmallVector<char, 0>> emit() {
    return targets::emitLlvmModule(module, spec.triple);
  }

private:
  llvm::GlobalVariable *define(llvm::StringRef name, llvm::Constant *value) {
    auto *global = new llvm::GlobalVariable(
        module, value->getType(), /*isConstant=*/true, linkage, value, name);
    global->setAlignment(llvm::Align(64));
    return global;
  }

  llvm::Constant *text(llvm::StringRef value) {
    auto *bytes = llvm::ConstantDataArray::getString(context, value);
    return new llvm::GlobalVariable(module, bytes->getType(), true,
                                    llvm::GlobalValue::PrivateLinkage, bytes);
  }

  llvm::Constant *word(uint64_t value, unsigned bits = 64) {
    return llvm::ConstantInt::get(llvm::Type::getIntNTy(context, bits), value);
  }

  llvm::Constant *makeLevel(const targets::IsaLevel &level) {
    auto *type = llvm::FunctionType::get(
        llvm::Type::getVoidTy(context),
        {pointer, llvm::Type::getInt64Ty(context)}, /*isVarArg=*/false);
    llvm::SmallVector<llvm::Constant *> fields{text(level.name),
                                               text(level.cpuidFeatures)};
    auto addEntry = [&](llvm::StringRef entry) {
      fields.push_back(llvm::cast<llvm::Constant>(
          module
              .getOrInsertFunction(
                  (llvm::Twine("gemcut_") + entry + "_" + level.name).str(),
                  type)
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
    return llvm::ConstantStruct::getAnon(fields);
  }

  llvm::LLVMContext context;
  llvm::Module module;
  const gemcut_model_info &info;
  const targets::TargetSpec &spec;
  llvm::GlobalValue::LinkageTypes linkage;
  llvm::PointerType *pointer;
};

} // namespace

llvm::Expected<llvm::SmallVector<char, 0>>
gemcut::artifact::emitModelObject(const gemcut_model_info &info,
                                  const targets::TargetSpec &spec) {
  Tables tables(info, spec, llvm::GlobalValue::ExternalLinkage);
  auto *model = tables.addModel();
  tables.addImage(model, tables.addLevels());
  tables.addLevelCount();
  return tables.emit();
}

llvm::Expected<llvm::SmallVector<char, 0>>
gemcut::artifact::emitBundleObject(const gemcut_model_info &info,
                                   const targets::TargetSpec &spec,
                                   const BundleSpec &bundle) {
  Tables tables(info, spec, llvm::GlobalValue::InternalLinkage);
  tables.addBundle(bundle);
  return tables.emit();
}

static bool hasLargeSections(llvm::StringRef triple) {
  return llvm::Triple(triple).getArch() == llvm::Triple::x86_64;
}

BlobSection gemcut::artifact::blobSection(llvm::StringRef triple,
                                          bool isShared) {
  if (hasLargeSections(triple))
    return {".lrodata.gemcut", /*isWritable=*/false};
  if (isShared)
    return {".gemcut.rodata", /*isWritable=*/false};
  return {".data1", /*isWritable=*/true};
}

uint64_t gemcut::artifact::longestStaticBlob(llvm::StringRef triple) {
  constexpr uint64_t kProgramBytes = uint64_t(64) << 20;
  return hasLargeSections(triple) ? 0 : (uint64_t(4) << 30) - kProgramBytes;
}
