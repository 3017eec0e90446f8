//===- npy.cpp - Streamed float32 matrices in NumPy's format --------------===//

#include "runtime/cli/npy.h"

#include "runtime/core/error.h"

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <sys/stat.h>

using namespace gemcut;
using namespace gemcut::cli;

static const char kMagic[] = "\x93NUMPY";

/// True for a pipe or a device, which a rename must not replace: as root it
/// would turn /dev/null into a file.
static bool isPipeOrDevice(const char *path) {
  struct stat info;
  return stat(path, &info) == 0 && !S_ISREG(info.st_mode) &&
         !S_ISDIR(info.st_mode);
}

NpyWriter::~NpyWriter() {
  if (file && isDirect)
    fclose(file);
}

/// The rights that fopen gives.
static mode_t getUsualMode() {
  mode_t mask = umask(0);
  umask(mask);
  return 0666 & ~mask;
}

gemcut_status NpyWriter::open(const char *target, size_t rows, size_t width) {
  path = target;
  isDirect = isPipeOrDevice(target);
  if (!isDirect)
    if (gemcut_status status = checkReplaceable(target))
      return status;
  if (isDirect)
    file = fopen(target, "wbe");
  else if (replacement.open(target, getUsualMode()))
    file = replacement.stream();
  if (!file)
    return fail(GEMCUT_SYSTEM_ERROR, "cannot create %s: %s", target,
                strerror(errno));
  rowsLeft = rows;
  columns = width;
  // Magic, version, length and dictionary fill 128 bytes, a multiple of 64.
  char header[128];
  std::memset(header, ' ', sizeof(header));
  std::memcpy(header, kMagic, 6);
  header[6] = 1;
  header[7] = 0;
  header[8] = sizeof(header) - 10;
  header[9] = 0;
  char text[118];
  int length = snprintf(
      text, sizeof(text),
      "{'descr': '<f4', 'fortran_order': False, 'shape': (%zu, %zu), }", rows,
      columns);
  std::memcpy(header + 10, text, size_t(length));
  header[sizeof(header) - 1] = '\n';
  if (fwrite(header, sizeof(header), 1, file) != 1)
    return fail(GEMCUT_SYSTEM_ERROR, "cannot write %s: %s", path.c_str(),
                strerror(errno));
  return GEMCUT_OK;
}

gemcut_status NpyWriter::writeRow(const float *row) {
  if (rowsLeft == 0)
    return fail(GEMCUT_INVALID_ARGUMENT,
                "%s gets more rows than were announced", path.c_str());
  --rowsLeft;
  if (fwrite(row, sizeof(float), columns, file) != columns)
    return fail(GEMCUT_SYSTEM_ERROR, "cannot write %s: %s", path.c_str(),
                strerror(errno));
  return GEMCUT_OK;
}

gemcut_status NpyWriter::close() {
  if (rowsLeft != 0)
    return fail(GEMCUT_INVALID_ARGUMENT, "%s lacks %zu rows", path.c_str(),
                rowsLeft);
  FILE *done = file;
  file = nullptr;
  if (isDirect ? fclose(done) != 0 : !replacement.commit(/*isDurable=*/false))
    return fail(GEMCUT_SYSTEM_ERROR, "cannot write %s: %s", path.c_str(),
                strerror(errno));
  return GEMCUT_OK;
}

NpyReader::~NpyReader() {
  if (file)
    fclose(file);
}

/// The beginning of a header, in one line.
static std::string showHeader(std::string text) {
  constexpr size_t kShown = 60;
  text.erase(text.find_last_not_of(" \n") + 1);
  const bool isCut = text.size() > kShown;
  if (isCut)
    text.resize(kShown);
  for (char &c : text)
    if (c < 0x20 || c > 0x7E)
      c = '?';
  return isCut ? text + "..." : text;
}

gemcut_status NpyReader::parseHeader(const char *path) {
  uint8_t head[12];
  if (fread(head, 10, 1, file) != 1 || std::memcmp(head, kMagic, 6) != 0)
    return fail(GEMCUT_INVALID_ARGUMENT, "%s is no NumPy array file", path);
  size_t length = size_t(head[8]) | size_t(head[9]) << 8;
  if (head[6] == 2 || head[6] == 3) {
    if (fread(head + 10, 2, 1, file) != 1)
      return fail(GEMCUT_INVALID_ARGUMENT, "%s ends inside its header", path);
    length |= size_t(head[10]) << 16 | size_t(head[11]) << 24;
  } else if (head[6] != 1) {
    return fail(GEMCUT_INVALID_ARGUMENT,
                "%s has format version %d, but versions 1 to 3 can be read",
                path, head[6]);
  }
  char text[1024];
  if (length >= sizeof(text))
    return fail(GEMCUT_INVALID_ARGUMENT,
                "%s has a header of %zu bytes; a matrix needs fewer than %zu",
                path, length, sizeof(text));
  if (fread(text, 1, length, file) != length)
    return fail(GEMCUT_INVALID_ARGUMENT, "%s ends inside its header", path);
  text[length] = 0;
  if (!strstr(text, "'descr': '<f4'") ||
      !strstr(text, "'fortran_order': False"))
    return fail(GEMCUT_INVALID_ARGUMENT,
                "%s must hold little-endian float32 in C order, but its header "
                "is %s",
                path, showHeader({text, length}).c_str());
  const char *shape = strstr(text, "'shape': (");
  char *end = nullptr;
  errno = 0;
  if (shape)
    rows = strtoull(shape + strlen("'shape': ("), &end, 10);
  bool isMatrix = end && *end == ',';
  if (isMatrix) {
    columns = strtoull(end + 1, &end, 10);
    end += *end == ','; // some writers end every size with a comma
    isMatrix = *end == ')' && errno == 0 && rows > 0 && columns > 0;
  }
  if (!isMatrix)
    return fail(GEMCUT_INVALID_ARGUMENT,
                "%s must hold a matrix (tokens, vocabulary), but its header is "
                "%s",
                path, showHeader({text, length}).c_str());
  return GEMCUT_OK;
}

gemcut_status NpyReader::open(const char *path) {
  file = fopen(path, "rbe");
  if (!file)
    return fail(GEMCUT_SYSTEM_ERROR, "cannot open %s: %s", path,
                strerror(errno));
  if (gemcut_status status = parseHeader(path))
    return status;
  struct stat info;
  if (fstat(fileno(file), &info) == 0 && S_ISFIFO(info.st_mode))
    return GEMCUT_OK;
  uint64_t bytes;
  bool fits =
      fstat(fileno(file), &info) == 0 &&
      !__builtin_mul_overflow(uint64_t(rows), uint64_t(columns), &bytes) &&
      !__builtin_mul_overflow(bytes, uint64_t(sizeof(float)), &bytes) &&
      uint64_t(info.st_size) == uint64_t(ftell(file)) + bytes;
  if (!fits)
    return fail(GEMCUT_INVALID_ARGUMENT,
                "the length of %s does not fit its shape of (%zu, %zu)", path,
                rows, columns);
  return GEMCUT_OK;
}

gemcut_status NpyReader::readRow(float *row) {
  if (fread(row, sizeof(float), columns, file) != columns)
    return fail(GEMCUT_INVALID_ARGUMENT, "the logits file has too few rows");
  return GEMCUT_OK;
}
