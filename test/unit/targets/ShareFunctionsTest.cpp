//===- ShareFunctionsTest.cpp - Code that levels have in common -----------===//

#include "targets/Common/ShareFunctions.h"
#include "targets/Common/PropagateArguments.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "gtest/gtest.h"

using namespace mlir;
using namespace gemcut::targets;

namespace {

IsaLevel makeLevel(std::string name, std::string features) {
  IsaLevel level;
  level.name = std::move(name);
  level.cpu = "generic";
  level.features = std::move(features);
  return level;
}

/// `leaf` differs where `constant` does, and so does `caller` then; `other` is
/// the same at every level.
std::string program(llvm::StringRef level, int constant) {
  return (R"(
    func.func private @leaf(%x: i64) -> i64
        attributes {llvm.linkage = #llvm.linkage<internal>} {
      %c = arith.constant )" +
          llvm::Twine(constant) + R"( : i64
      %y = arith.addi %x, %c : i64
      return %y : i64
    }
    func.func private @caller(%x: i64) -> i64
        attributes {llvm.linkage = #llvm.linkage<internal>} {
      %y = func.call @leaf(%x) : (i64) -> i64
      return %y : i64
    }
    func.func private @other(%x: i64) -> i64
        attributes {llvm.linkage = #llvm.linkage<internal>} {
      return %x : i64
    }
    func.func @entry_)" +
          level + R"((%x: i64) -> i64 {
      %y = func.call @caller(%x) : (i64) -> i64
      %z = func.call @other(%y) : (i64) -> i64
      return %z : i64
    })")
      .str();
}

class ShareFunctionsTest : public testing::Test {
protected:
  ShareFunctionsTest() {
    context.loadDialect<func::FuncDialect, arith::ArithDialect,
                        LLVM::LLVMDialect>();
  }

  OwningOpRef<ModuleOp> parse(const std::string &text) {
    auto module = parseSourceString<ModuleOp>(text, &context);
    EXPECT_TRUE(module);
    return module;
  }

  /// Shares among a better and a lower level whose leaves add these constants.
  void share(const IsaLevel &better, int ofBetter, const IsaLevel &lower,
             int ofLower) {
    modules.clear();
    modules.push_back(parse(program(better.name, ofBetter)));
    modules.push_back(parse(program(lower.name, ofLower)));
    std::vector<LevelProgram> programs;
    programs.emplace_back(better, *modules[0]);
    programs.emplace_back(lower, *modules[1]);
    shareFunctions(programs);
    for (auto &module : modules)
      EXPECT_TRUE(succeeded(verify(*module)));
  }

  /// "leaf caller" for those that a level defines, "(other.low)" for those that
  /// it takes from another.
  std::string functions(size_t level) {
    std::string names;
    for (auto function : modules[level]->getOps<func::FuncOp>()) {
      std::string name = function.getName().str();
      names += (names.empty() ? "" : " ") +
               (function.isDeclaration() ? "(" + name + ")" : name);
    }
    return names;
  }

  MLIRContext context;
  std::vector<OwningOpRef<ModuleOp>> modules;
  const IsaLevel low = makeLevel("low", "+a");
  const IsaLevel high = makeLevel("high", "+a,+b");
};

TEST_F(ShareFunctionsTest, LeavesEqualFunctionsInTheLowestLevel) {
  share(high, 1, low, 1);
  EXPECT_EQ(functions(0), "(caller.low) (other.low) entry_high");
  EXPECT_EQ(functions(1), "leaf caller.low other.low entry_low");
  auto shared = modules[1]->lookupSymbol<func::FuncOp>("other.low");
  EXPECT_TRUE(shared->hasAttr(kSharedAttribute));
  EXPECT_FALSE(shared->hasAttr("llvm.linkage"));
  auto own = modules[1]->lookupSymbol<func::FuncOp>("leaf");
  EXPECT_TRUE(own->hasAttr("llvm.linkage"));
}

TEST_F(ShareFunctionsTest, KeepsFunctionsWhoseCalleesDiffer) {
  share(high, 2, low, 1);
  EXPECT_EQ(functions(0), "leaf caller (other.low) entry_high");
  EXPECT_EQ(functions(1), "leaf caller other.low entry_low");
}

TEST_F(ShareFunctionsTest, SharesNothingBetweenOtherCodeGenerators) {
  IsaLevel cpu = high, bits = high, registers = high;
  cpu.cpu = "other";
  bits.vectorBits *= 2;
  registers.registers *= 2;
  for (const IsaLevel &level :
       {cpu, bits, registers, makeLevel("high", "+b")}) {
    share(level, 1, low, 1);
    EXPECT_EQ(functions(0), "leaf caller other entry_high");
    EXPECT_EQ(functions(1), "leaf caller other entry_low");
  }
}

TEST_F(ShareFunctionsTest, ConstantsReachCalleesOfCallees) {
  auto module = parse(R"(
    func.func private @leaf(%same: i64, %differs: i64) {
      %sum = arith.addi %same, %differs : i64
      return
    }
    func.func private @caller(%rows: i64, %x: i64) {
      func.call @leaf(%rows, %x) : (i64, i64) -> ()
      return
    }
    func.func @entry(%x: i64) {
      %one = arith.constant 1 : i64
      %two = arith.constant 2 : i64
      func.call @caller(%one, %one) : (i64, i64) -> ()
      func.call @caller(%one, %two) : (i64, i64) -> ()
      return
    })");
  propagateArguments(*module);
  EXPECT_TRUE(succeeded(verify(*module)));
  auto leaf = module->lookupSymbol<func::FuncOp>("leaf");
  auto sum = *leaf.getOps<arith::AddIOp>().begin();
  auto constant = sum.getLhs().getDefiningOp<arith::ConstantOp>();
  ASSERT_TRUE(constant);
  EXPECT_EQ(llvm::cast<IntegerAttr>(constant.getValue()).getInt(), 1);
  EXPECT_EQ(sum.getRhs(), leaf.getArgument(1));
}

} // namespace
