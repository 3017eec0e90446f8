//===- LinkProgram.cpp - An executable or a library -----------------------===//

#include "compiler/Driver/LinkProgram.h"

#include "compiler/Artifact/LinkLibrary.h"
#include "compiler/Artifact/LinkTools.h"
#include "compiler/Artifact/ModelObject.h"
#include "compiler/Driver/UsageError.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

using namespace gemcut;
using namespace gemcut::driver;
using llvm::StringRef;

bool gemcut::driver::isProgram(Emit emit) {
  return emit == Emit::Executable || emit == Emit::StaticLibrary ||
         emit == Emit::SharedLibrary;
}

std::string gemcut::driver::sidecarPath(const CompileOptions &options,
                                        uint64_t checksum) {
  if (!options.weights.sharedSidecar)
    return options.output + kSidecarSuffix;
  llvm::SmallString<256> path(llvm::sys::path::parent_path(options.output));
  llvm::sys::path::append(path, llvm::utohexstr(checksum, /*LowerCase=*/true,
                                                /*Width=*/16) +
                                    kSidecarSuffix);
  return path.str().str();
}

static std::string runtimeArchive(const CompileOptions &options,
                                  StringRef file) {
  std::string directory = options.runtimeDir;
  if (directory.empty())
    directory = artifact::inInstallation("lib/runtime");
  llvm::SmallString<256> path(directory);
  llvm::sys::path::append(path, options.target, file);
  return path.str().str();
}

static StringRef librarySuffix(Emit emit) {
  return emit == Emit::SharedLibrary ? ".so" : ".a";
}

/// "tiny" of "folder/libtiny.so"; empty if OUT does not have that form.
static StringRef libraryName(const CompileOptions &options) {
  StringRef name = llvm::sys::path::filename(options.output);
  if (!name.consume_front("lib") ||
      !name.consume_back(librarySuffix(options.emit)) ||
      !llvm::all_of(name, [](char c) {
        return llvm::isAlnum(c) || c == '_' || c == '-';
      }))
    return "";
  return name;
}

/// What GEMCUT_DECLARE_BUNDLE(NAME) declares.
static std::string bundleFunction(StringRef name) {
  std::string symbol = "gemcut_bundle_" + name.str();
  for (char &c : symbol)
    if (c == '-')
      c = '_';
  return symbol;
}

llvm::Error gemcut::driver::checkProgramLink(const CompileOptions &options) {
  artifact::Toolchain toolchain =
      artifact::findToolchain(options.target, options.sysroot);
  if (options.emit == Emit::Executable && toolchain.isAndroid)
    return llvm::make_error<UsageError>(
        "--target " + options.target +
        ": found --emit exe, but Android's applications load libraries; use "
        "--emit shared-lib, static-lib or obj");
  if (options.emit == Emit::Executable)
    return artifact::checkLinkInputs(runtimeArchive(options, "libgemcut_rt.a"),
                                     toolchain);
  if (libraryName(options).empty()) {
    std::string suffix = librarySuffix(options.emit).str();
    return llvm::make_error<UsageError>(
        "--output: found '" + llvm::sys::path::filename(options.output).str() +
        "', but a library is called libNAME" + suffix +
        ", with letters, digits, '_' and '-' in NAME");
  }
  return artifact::checkLibraryInputs(
      runtimeArchive(options, "libgemcut_api.a"),
      options.emit == Emit::SharedLibrary, toolchain);
}

llvm::Expected<std::vector<uint8_t>>
gemcut::driver::linkLevels(llvm::ArrayRef<llvm::SmallVector<char, 0>> objects) {
  llvm::SmallVector<llvm::ArrayRef<char>> parts(objects.begin(), objects.end());
  return artifact::linkObjects(parts, "the code of the levels");
}

llvm::Expected<std::vector<uint8_t>> gemcut::driver::linkProgram(
    const CompileOptions &options, const gemcut_model_info &info,
    const targets::TargetSpec &spec,
    llvm::ArrayRef<llvm::SmallVector<char, 0>> objects, uint64_t contentBytes) {
  artifact::Toolchain toolchain =
      artifact::findToolchain(options.target, options.sysroot);
  llvm::SmallVector<llvm::ArrayRef<char>> parts(objects.begin(), objects.end());
  if (options.emit == Emit::Executable) {
    auto tables = artifact::emitModelObject(info, spec);
    if (!tables)
      return tables.takeError();
    parts.push_back(*tables);
    return artifact::linkExecutable(
        parts, runtimeArchive(options, "libgemcut_rt.a"), toolchain);
  }
  artifact::LibraryParts library;
  library.name = libraryName(options).str();
  library.triple = spec.triple;
  library.bundleFunction = bundleFunction(library.name);
  library.blobBytes = contentBytes;
  library.apiArchive = runtimeArchive(options, "libgemcut_api.a");
  std::string sidecar;
  if (options.weights.sidecar)
    sidecar =
        llvm::sys::path::filename(sidecarPath(options, info.sidecar_checksum))
            .str();
  auto bundle = artifact::emitBundleObject(
      info, spec,
      {library.bundleFunction, contentBytes, sidecar,
       /*isShared=*/options.emit == Emit::SharedLibrary});
  if (!bundle)
    return bundle.takeError();
  parts.push_back(*bundle);
  library.objects = parts;
  return options.emit == Emit::SharedLibrary
             ? artifact::linkSharedLibrary(library, toolchain)
             : artifact::linkStaticLibrary(library);
}

llvm::Expected<artifact::LibraryFiles>
gemcut::driver::prepareLibraryPackage(const CompileOptions &options,
                                      const gemcut_model_info &info) {
  StringRef folder = llvm::sys::path::parent_path(options.output);
  return artifact::prepareLibraryFiles(
      folder.empty() ? "." : folder, libraryName(options),
      std::string(info.name) + " (" + info.quantization +
          "), compiled by gemcut");
}
