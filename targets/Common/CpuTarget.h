//===- CpuTarget.h - What targets for CPUs have in common -------*- C++ -*-===//

#ifndef GEMCUT_TARGETS_COMMON_CPUTARGET_H
#define GEMCUT_TARGETS_COMMON_CPUTARGET_H

#include "targets/Common/Target.h"
#include "targets/Common/VectorIsa.h"

namespace gemcut::targets {

/// A target whose levels differ in their `VectorIsa` alone. A family gives its
/// names, levels, devices and instructions.
class CpuTarget : public Target {
public:
  llvm::StringRef getName() const override { return name; }
  llvm::Expected<TargetSpec> parseSpec(llvm::StringRef text) const override;
  llvm::ArrayRef<Device> getDevices() const override { return devices; }

  mlir::FailureOr<mlir::OwningOpRef<mlir::ModuleOp>>
  build(mlir::ModuleOp kernelModule, const IsaLevel &level,
        DumpFn dump) const override;
  mlir::LogicalResult finish(mlir::ModuleOp program,
                             DumpFn dump) const override;
  llvm::Expected<llvm::SmallVector<char, 0>> emit(mlir::ModuleOp llvmModule,
                                                  const TargetSpec &spec,
                                                  const IsaLevel &level,
                                                  EmitKind kind) const override;

protected:
  /// `levels`: best first. `devices`: each has one of the levels.
  CpuTarget(llvm::StringRef name, llvm::StringRef triple,
            std::vector<IsaLevel> levels, llvm::ArrayRef<Device> devices);

  /// The instructions of one of the levels.
  virtual std::unique_ptr<VectorIsa> createIsa(const IsaLevel &level) const = 0;

private:
  std::string name, triple;
  std::vector<IsaLevel> levels;
  llvm::ArrayRef<Device> devices;

  llvm::Expected<const IsaLevel *> findLevel(llvm::StringRef name) const;
  llvm::Expected<const IsaLevel *> findHostLevel() const;
};

} // namespace gemcut::targets

#endif // GEMCUT_TARGETS_COMMON_CPUTARGET_H
