//===- ShareFunctions.cpp - Code that levels have in common ---------------===//

#include "targets/Common/ShareFunctions.h"

#include "llvm/ADT/StringSet.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace gemcut::targets;

LevelProgram::LevelProgram(const IsaLevel &level, ModuleOp module)
    : level(&level), module(module) {
  for (auto op : module.getOps<func::FuncOp>()) {
    if (op.isDeclaration() || !op.isPrivate())
      continue;
    Function &function = functions[op.getName()];
    function.op = op;
    llvm::raw_string_ostream stream(function.text);
    op.print(stream, OpPrintingFlags().useLocalScope());
    op.walk([&](func::CallOp call) {
      function.callees.push_back(call.getCallee().str());
    });
  }
}

static bool canShare(const IsaLevel &owner, const IsaLevel &user) {
  return owner.cpu == user.cpu && owner.vectorBits == user.vectorBits &&
         owner.registers == user.registers &&
         StringRef(user.features).starts_with(owner.features);
}

namespace {
/// The functions that two programs have alike.
class Comparison {
public:
  Comparison(const LevelProgram &a, const LevelProgram &b) : a(a), b(b) {}

  bool isAlike(StringRef name) {
    auto [known, isNew] = results.try_emplace(name, false);
    if (!isNew)
      return known->second;
    auto inA = a.functions.find(name), inB = b.functions.find(name);
    if (inA == a.functions.end() || inB == b.functions.end())
      // A function of the runtime is the same for all.
      return results[name] =
                 inA == a.functions.end() && inB == b.functions.end();
    bool alike = inA->second.text == inB->second.text &&
                 llvm::all_of(inA->second.callees, [&](StringRef callee) {
                   return isAlike(callee);
                 });
    return results[name] = alike;
  }

private:
  const LevelProgram &a, &b;
  llvm::StringMap<bool> results;
};

/// What becomes of a program's functions.
struct Changes {
  llvm::StringMap<std::string> names; ///< new ones, of callees too
  llvm::StringMap<const LevelProgram *> owners;
  llvm::StringSet<> shared; ///< called from other programs
};
} // namespace

static std::string sharedName(StringRef name, const LevelProgram &owner) {
  return (name + "." + owner.level->name).str();
}

static void apply(LevelProgram &program, const Changes &changes) {
  for (auto &[name, function] : program.functions) {
    func::FuncOp op = function.op;
    if (changes.owners.contains(name)) {
      if (!changes.names.contains(name)) {
        op.erase(); // only functions that are gone as well call it
        continue;
      }
      op.getBody().dropAllReferences();
      op.getBody().getBlocks().clear();
      op->removeAttr("llvm.linkage");
      op->removeAttr("passthrough");
    } else if (changes.shared.contains(name)) {
      op.setPublic();
      op->removeAttr("llvm.linkage");
      op->setAttr(kSharedAttribute, UnitAttr::get(op.getContext()));
    }
  }
  program.module.walk([&](Operation *op) {
    if (auto function = dyn_cast<func::FuncOp>(op)) {
      auto name = changes.names.find(function.getName());
      if (name != changes.names.end())
        function.setName(name->second);
    } else if (auto call = dyn_cast<func::CallOp>(op)) {
      auto name = changes.names.find(call.getCallee());
      if (name != changes.names.end())
        call.setCallee(name->second);
    }
  });
}

void gemcut::targets::shareFunctions(
    llvm::MutableArrayRef<LevelProgram> programs) {
  std::vector<Changes> changes(programs.size());
  for (size_t user = programs.size(); user-- > 0;)
    for (size_t owner = programs.size(); owner-- > user + 1;) {
      if (!canShare(*programs[owner].level, *programs[user].level))
        continue;
      Comparison comparison(programs[owner], programs[user]);
      for (auto &[name, function] : programs[user].functions)
        if (comparison.isAlike(name))
          changes[user].owners.try_emplace(name, &programs[owner]);
    }
  for (size_t user = 0; user < programs.size(); ++user) {
    llvm::StringMap<const LevelProgram *> &owners = changes[user].owners;
    // Entry points call, too.
    programs[user].module.walk([&](func::CallOp call) {
      auto owner = owners.find(call.getCallee());
      if (owner == owners.end() ||
          owners.contains(call->getParentOfType<func::FuncOp>().getName()))
        return;
      StringRef name = owner->first();
      changes[user].names[name] = sharedName(name, *owner->second);
      Changes &atOwner = changes[owner->second - programs.data()];
      atOwner.names[name] = sharedName(name, *owner->second);
      atOwner.shared.insert(name);
    });
  }
  for (size_t i = 0; i < programs.size(); ++i)
    apply(programs[i], changes[i]);
}
