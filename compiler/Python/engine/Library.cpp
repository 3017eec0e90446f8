//===- Library.cpp - A compiled model in this process ---------------------===//

#include "compiler/Python/engine/Library.h"

#include <cstring>
#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <unistd.h>

using namespace gemcut::python;

namespace {

/// What a file is, by its first bytes.
enum class FileKind { Other, Shared, Executable };

} // namespace

static FileKind findKind(const std::string &path) {
  int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    throw EngineFailure(GEMCUT_SYSTEM_ERROR,
                        path + ": cannot be opened: " + std::strerror(errno));
  Elf64_Ehdr header = {};
  ssize_t length = read(fd, &header, sizeof(header));
  close(fd);
  if (length != ssize_t(sizeof(header)) ||
      std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0)
    return FileKind::Other;
  return header.e_type == ET_DYN && header.e_entry == 0 ? FileKind::Shared
                                                        : FileKind::Executable;
}

Library::~Library() {
  if (engine)
    api.unload(engine);
  gemcut_executable_close(executable);
  if (handle)
    dlclose(handle);
}

void Library::check(gemcut_status status) const {
  if (status != GEMCUT_OK)
    throw EngineFailure(status, api.last_error());
}

/// What GEMCUT_DECLARE_BUNDLE declares for "folder/libNAME.so".
static std::string bundleFunction(const std::string &path) {
  std::string name = path.substr(path.rfind('/') + 1);
  if (name.compare(0, 3, "lib") == 0)
    name.erase(0, 3);
  name = "gemcut_bundle_" + name.substr(0, name.find(".so"));
  for (char &c : name)
    if (c == '-')
      c = '_';
  return name;
}

const gemcut_bundle *Library::openShared(const std::string &path) {
  // A name without a slash would be looked for in the system's folders.
  std::string file = path.find('/') == std::string::npos ? "./" + path : path;
  handle = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!handle)
    throw EngineFailure(GEMCUT_SYSTEM_ERROR, dlerror());
#define F(NAME)                                                                \
  api.NAME =                                                                   \
      reinterpret_cast<decltype(api.NAME)>(dlsym(handle, "gemcut_" #NAME));    \
  if (!api.NAME)                                                               \
    throw EngineFailure(GEMCUT_CORRUPT_ARTIFACT,                               \
                        path + ": has no function gemcut_" #NAME               \
                               "; compile it with this version of gemcut");
  GEMCUT_PYTHON_FUNCTIONS(F)
#undef F
  std::string name = bundleFunction(path);
  auto getBundle =
      reinterpret_cast<const gemcut_bundle *(*)()>(dlsym(handle, name.c_str()));
  if (!getBundle)
    throw EngineFailure(GEMCUT_CORRUPT_ARTIFACT,
                        path + ": has no function " + name +
                            "; a library keeps the name that it was compiled "
                            "with");
  return getBundle();
}

const gemcut_bundle *Library::openExecutable(const std::string &path) {
#define F(NAME) api.NAME = gemcut_##NAME;
  GEMCUT_PYTHON_FUNCTIONS(F)
#undef F
  check(gemcut_executable_open(path.c_str(), &executable));
  return gemcut_executable_bundle(executable);
}

std::shared_ptr<Library> Library::open(const std::string &path,
                                       const std::string &level,
                                       const std::string &weights) {
  auto library = std::make_shared<Library>();
  FileKind kind = findKind(path);
  if (kind == FileKind::Other)
    throw EngineFailure(GEMCUT_CORRUPT_ARTIFACT,
                        path + ": is no compiled model; expected what gemcut "
                               "compile wrote");
  const gemcut_bundle *bundle = kind == FileKind::Shared
                                    ? library->openShared(path)
                                    : library->openExecutable(path);
  gemcut_load_options options = GEMCUT_LOAD_OPTIONS;
  options.level = level.empty() ? nullptr : level.c_str();
  if (!weights.empty())
    options.weights_file = weights.c_str();
  else if (library->executable)
    options.weights_file = gemcut_executable_weights(library->executable);
  library->check(library->api.load(bundle, &options, &library->engine));
  return library;
}
