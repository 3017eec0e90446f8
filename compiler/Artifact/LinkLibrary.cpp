//===- LinkLibrary.cpp - Objects and the API to a library -----------------===//

#include "compiler/Artifact/LinkLibrary.h"

#include "compiler/Artifact/GrowSection.h"
#include "compiler/Artifact/LinkTools.h"
#include "compiler/Artifact/LocalSymbols.h"
#include "compiler/Artifact/ModelObject.h"
#include "compiler/Artifact/PublicHeader.h"

#include "llvm/Object/ArchiveWriter.h"
#include "llvm/Support/Path.h"

#include <cstring>

using namespace gemcut::artifact;
using llvm::createStringError;

/// What code of a model calls.
static constexpr llvm::StringLiteral kTeamFunctions[] = {"gemcut_team_claim",
                                                         "gemcut_team_barrier"};
static constexpr llvm::StringLiteral kBlobOutput = ".gemcut";

/// bionic's libc and libm as far as the runtime calls them, see
/// runtime/android.
static std::vector<std::string> androidStubs(llvm::StringRef apiArchive) {
  std::vector<std::string> stubs;
  for (const char *file : {"libc.so", "libm.so"}) {
    llvm::SmallString<256> path(llvm::sys::path::parent_path(apiArchive));
    llvm::sys::path::append(path, file);
    stubs.push_back(path.str().str());
  }
  return stubs;
}

llvm::Error gemcut::artifact::checkLibraryInputs(llvm::StringRef apiArchive,
                                                 bool isShared,
                                                 const Toolchain &toolchain) {
  if (toolchain.isAndroid && isShared)
    for (const std::string &stub : androidStubs(apiArchive))
      if (llvm::Error error = checkInputsExist({}, stub, "gemcut_api"))
        return error;
  std::vector<LinkInput> needed;
  if (isShared && !toolchain.isAndroid)
    needed = {{toolchain.libcDir + "/crti.o", toolchain.libcPackage},
              {toolchain.libcDir + "/crtn.o", toolchain.libcPackage},
              {toolchain.libcDir + "/libc.so", toolchain.libcPackage},
              {toolchain.libcDir + "/libm.so", toolchain.libcPackage},
              {toolchain.gccDir + "/crtbeginS.o", toolchain.gccPackage},
              {toolchain.gccDir + "/crtendS.o", toolchain.gccPackage},
              {toolchain.gccDir + "/libgcc.a", toolchain.gccPackage}};
  return checkInputsExist(needed, apiArchive, "gemcut_api");
}

llvm::Expected<std::vector<uint8_t>>
gemcut::artifact::linkSharedLibrary(const LibraryParts &parts,
                                    const Toolchain &toolchain) {
  ScratchFiles scratch;
  auto inputs = scratch.writeAll("o", parts.objects);
  if (!inputs)
    return inputs.takeError();
  std::string exports = "GEMCUT_1 {\n  global: " + parts.bundleFunction + ";";
  for (const char *function : publicFunctions())
    exports += std::string(" ") + function + ";";
  exports += "\n  local: *;\n};\n";
  auto version =
      scratch.write("map", llvm::ArrayRef(exports.data(), exports.size()));
  if (!version)
    return version.takeError();
  // The last segment, of its own, so that it can grow to any length without
  // moving anything away from code.
  std::string placement =
      ("SECTIONS { " + kBlobOutput + " : ALIGN(65536) { *(" +
       blobSection(parts.triple, /*isShared=*/true).name +
       ") } } INSERT AFTER .bss;\n")
          .str();
  auto script =
      scratch.write("ld", llvm::ArrayRef(placement.data(), placement.size()));
  if (!script)
    return script.takeError();

  std::vector<std::string> arguments{"-shared",
                                     "-soname=lib" + parts.name + ".so",
                                     "--gc-sections",
                                     "--icf=all",
                                     "-s",
                                     "--build-id=none",
                                     "-Bsymbolic",
                                     "-z",
                                     "noexecstack",
                                     "-z",
                                     "now",
                                     "-z",
                                     "defs",
                                     "--version-script=" + *version};
  std::vector<std::string> first, last;
  if (toolchain.isAndroid) {
    first = {"-z", "max-page-size=16384", "-z", "common-page-size=16384"};
    last = androidStubs(parts.apiArchive);
  } else {
    if (!toolchain.sysroot.empty()) // for the paths inside linker scripts
      first.push_back("--sysroot=" + toolchain.sysroot);
    first.insert(first.end(), {toolchain.libcDir + "/crti.o",
                               toolchain.gccDir + "/crtbeginS.o"});
    last = {"-L" + toolchain.gccDir,
            "-L" + toolchain.libcDir,
            "-lm",
            "-lc",
            "-lgcc",
            toolchain.gccDir + "/crtendS.o",
            toolchain.libcDir + "/crtn.o"};
  }
  arguments.push_back(*script);
  arguments.insert(arguments.end(), first.begin(), first.end());
  arguments.insert(arguments.end(), inputs->begin(), inputs->end());
  for (const char *function : publicFunctions())
    arguments.push_back(std::string("--undefined=") + function);
  arguments.push_back(parts.apiArchive);
  arguments.insert(arguments.end(), last.begin(), last.end());
  auto linked = runLinker(std::move(arguments), "the shared library");
  if (!linked)
    return linked;
  if (llvm::Error error =
          growSection(*linked, /*begin=*/0, kBlobOutput, parts.blobBytes))
    return std::move(error);
  return linked;
}

/// The API and what it needs, in one object.
static llvm::Expected<std::vector<uint8_t>>
linkRuntime(const std::string &apiArchive) {
  std::vector<llvm::StringRef> global(std::begin(kTeamFunctions),
                                      std::end(kTeamFunctions));
  for (const char *function : publicFunctions())
    global.push_back(function);
  std::vector<std::string> arguments{"-r", "--build-id=none", apiArchive};
  for (llvm::StringRef name : global)
    arguments.push_back(("--undefined=" + name).str());
  auto linked = runLinker(std::move(arguments), "the runtime");
  if (!linked)
    return linked;
  return localizeSymbols(*linked, global);
}

llvm::Expected<std::vector<uint8_t>>
gemcut::artifact::linkObjects(llvm::ArrayRef<llvm::ArrayRef<char>> objects,
                              llvm::StringRef what) {
  ScratchFiles scratch;
  auto inputs = scratch.writeAll("o", objects);
  if (!inputs)
    return inputs.takeError();
  std::vector<std::string> arguments{"-r", "--build-id=none"};
  arguments.insert(arguments.end(), inputs->begin(), inputs->end());
  return runLinker(std::move(arguments), what);
}

static llvm::Expected<std::vector<uint8_t>>
linkModel(const LibraryParts &parts) {
  auto linked = linkObjects(parts.objects, "the model");
  if (!linked)
    return linked;
  return localizeSymbols(*linked, {parts.bundleFunction});
}

llvm::Expected<std::vector<uint8_t>>
gemcut::artifact::linkStaticLibrary(const LibraryParts &parts) {
  uint64_t longest = longestStaticBlob(parts.triple);
  if (longest && parts.blobBytes > longest)
    return createStringError(
        "a static library for " + parts.triple + " holds a model of at most " +
        std::to_string(longest >> 20) +
        " MiB, as code reaches 4 GiB, but this one has " +
        std::to_string((parts.blobBytes >> 20) + 1) +
        " MiB; use --weights sidecar or --emit shared-lib");
  auto runtime = linkRuntime(parts.apiArchive);
  if (!runtime)
    return runtime;
  auto model = linkModel(parts);
  if (!model)
    return model;
  auto view = [](const std::vector<uint8_t> &bytes) {
    return llvm::StringRef(reinterpret_cast<const char *>(bytes.data()),
                           bytes.size());
  };
  std::string modelName = parts.name + ".o";
  std::vector<llvm::NewArchiveMember> members;
  members.emplace_back(llvm::MemoryBufferRef(view(*runtime), "gemcut.o"));
  members.emplace_back(llvm::MemoryBufferRef(view(*model), modelName));
  auto archive = llvm::writeArchiveToBuffer(
      members, llvm::SymtabWritingMode::NormalSymtab,
      llvm::object::Archive::K_GNU, /*Deterministic=*/true, /*Thin=*/false);
  if (!archive)
    return archive.takeError();
  llvm::StringRef text = (*archive)->getBuffer();
  std::vector<uint8_t> bytes(text.bytes_begin(), text.bytes_end());

  // The model is the last member; its object, header and all, grows.
  struct MemberHeader {
    char name[16], time[12], user[6], group[6], mode[8], size[10], end[2];
  };
  size_t begin = text.rfind(view(*model));
  if (llvm::Error error = growSection(
          bytes, begin, blobSection(parts.triple, /*isShared=*/false).name,
          parts.blobBytes))
    return std::move(error);
  std::string size = std::to_string(bytes.size() - begin + parts.blobBytes);
  auto *header = reinterpret_cast<MemberHeader *>(bytes.data() + begin) - 1;
  if (size.size() > sizeof(header->size))
    return createStringError(
        "a static library holds at most 9.9 GB, but the model has " + size +
        " bytes; use --weights sidecar or --emit shared-lib");
  std::memset(header->size, ' ', sizeof(header->size));
  std::memcpy(header->size, size.data(), size.size());
  return bytes;
}
