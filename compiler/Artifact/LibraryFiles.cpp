//===- LibraryFiles.cpp - What build systems want to know -----------------===//

#include "compiler/Artifact/LibraryFiles.h"

#include "compiler/Artifact/FileBytes.h"
#include "compiler/Artifact/OutputFile.h"
#include "compiler/Artifact/PublicHeader.h"

#include "llvm/Support/Path.h"

using namespace gemcut::artifact;

/// @NAME@, @DESCRIPTION@ and @VERSION@ (of gemcut) are filled in.
static constexpr llvm::StringLiteral kPkgConfig =
    R"(prefix=${pcfiledir}

Name: @NAME@
Description: @DESCRIPTION@
Version: @VERSION@
Cflags: -I${prefix}
Libs: -L${prefix} -l@NAME@ -lm
)";

static constexpr llvm::StringLiteral kCmakeConfig =
    R"(# find_package(@NAME@ CONFIG): gemcut::@NAME@, the shared library if it is here, and
# gemcut::@NAME@_static, if that is.
cmake_path(GET CMAKE_CURRENT_LIST_FILE PARENT_PATH _gemcut_folder)
if(EXISTS ${_gemcut_folder}/lib@NAME@.a AND NOT TARGET gemcut::@NAME@_static)
  add_library(gemcut::@NAME@_static STATIC IMPORTED)
  set_target_properties(gemcut::@NAME@_static PROPERTIES
                        IMPORTED_LOCATION ${_gemcut_folder}/lib@NAME@.a
                        INTERFACE_LINK_LIBRARIES m
                        INTERFACE_INCLUDE_DIRECTORIES ${_gemcut_folder})
endif()
if(NOT TARGET gemcut::@NAME@)
  if(EXISTS ${_gemcut_folder}/lib@NAME@.so)
    add_library(gemcut::@NAME@ SHARED IMPORTED)
    set_target_properties(gemcut::@NAME@ PROPERTIES
                          IMPORTED_LOCATION ${_gemcut_folder}/lib@NAME@.so
                          IMPORTED_SONAME lib@NAME@.so
                          INTERFACE_INCLUDE_DIRECTORIES ${_gemcut_folder})
  elseif(TARGET gemcut::@NAME@_static)
    add_library(gemcut::@NAME@ ALIAS gemcut::@NAME@_static)
  else()
    set(@NAME@_FOUND FALSE)
    set(@NAME@_NOT_FOUND_MESSAGE
        "there is neither lib@NAME@.so nor lib@NAME@.a in ${_gemcut_folder}")
  endif()
endif()
unset(_gemcut_folder)
)";

static std::string fill(llvm::StringRef text, llvm::StringRef name,
                        llvm::StringRef description) {
  std::string filled;
  while (!text.empty()) {
    if (text.consume_front("@NAME@")) {
      filled += name;
    } else if (text.consume_front("@VERSION@")) {
      filled += GEMCUT_VERSION;
    } else if (text.consume_front("@DESCRIPTION@")) {
      filled += description;
    } else {
      filled += text.front();
      text = text.drop_front();
    }
  }
  return filled;
}

static llvm::Error addText(llvm::StringRef folder, const llvm::Twine &file,
                           llvm::StringRef text, LibraryFiles &files) {
  llvm::SmallString<256> path(folder);
  llvm::sys::path::append(path, file);
  auto output = OutputFile::create(path);
  if (!output)
    return output.takeError();
  files.push_back(std::move(*output));
  return nameOutput(
      path, writeAt(files.back()->descriptor(), text.data(), text.size(), 0));
}

llvm::Expected<LibraryFiles> gemcut::artifact::prepareLibraryFiles(
    llvm::StringRef folder, llvm::StringRef name, llvm::StringRef description) {
  LibraryFiles files;
  if (llvm::Error error = addText(folder, "gemcut.h", publicHeader(), files))
    return std::move(error);
  if (llvm::Error error = addText(folder, name + ".pc",
                                  fill(kPkgConfig, name, description), files))
    return std::move(error);
  if (llvm::Error error = addText(folder, name + "Config.cmake",
                                  fill(kCmakeConfig, name, description), files))
    return std::move(error);
  return files;
}
