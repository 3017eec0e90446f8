//===- ids.cpp - Lists of token ids on the command line -------------------===//

#include "runtime/cli/ids.h"

#include "runtime/core/error.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

using namespace gemcut;

gemcut_status cli::readFile(const char *path, std::string &text) {
  bool isStdin = strcmp(path, "-") == 0;
  FILE *file = isStdin ? stdin : fopen(path, "rbe");
  if (!file)
    return fail(GEMCUT_SYSTEM_ERROR, "cannot open %s: %s", path,
                strerror(errno));
  text.clear();
  char buffer[1 << 14];
  while (size_t n = fread(buffer, 1, sizeof(buffer), file))
    text.append(buffer, n);
  bool failed = ferror(file);
  int error = errno;
  if (!isStdin)
    fclose(file);
  if (failed)
    return fail(GEMCUT_SYSTEM_ERROR, "cannot read %s: %s", path,
                strerror(error));
  return GEMCUT_OK;
}

gemcut_status cli::parseIds(const std::string &text,
                            std::vector<int32_t> &ids) {
  static const char kSpaces[] = " \t\r\n", kSeparators[] = ", \t\r\n";
  ids.clear();
  size_t at = 0;
  bool hasComma = false; // since the last id
  while ((at = text.find_first_not_of(kSpaces, at)) != std::string::npos) {
    if (text[at] == ',') {
      if (hasComma || ids.empty())
        return fail(GEMCUT_INVALID_ARGUMENT,
                    "there is no token id in front of the comma at byte %zu of "
                    "the list",
                    at);
      hasComma = true;
      ++at;
      continue;
    }
    hasComma = false;
    size_t end = std::min(text.find_first_of(kSeparators, at), text.size());
    int64_t value = 0;
    bool valid = true;
    for (size_t i = at; i < end && valid; ++i) {
      valid = text[i] >= '0' && text[i] <= '9';
      value = value * 10 + (text[i] - '0');
      valid &= value <= INT32_MAX;
    }
    if (!valid)
      return fail(
          GEMCUT_INVALID_ARGUMENT,
          "'%.40s' at byte %zu of the list is no token id; ids are whole "
          "numbers from 0 on, separated by commas or white space",
          text.substr(at, end - at).c_str(), at);
    ids.push_back(int32_t(value));
    at = end;
  }
  if (ids.empty())
    return fail(GEMCUT_INVALID_ARGUMENT, "the list of token ids is empty");
  return GEMCUT_OK;
}

gemcut_status cli::readIds(const char *argument, std::vector<int32_t> &ids) {
  if (argument[0] != '@')
    return parseIds(argument, ids);
  std::string text;
  if (gemcut_status status = readFile(argument + 1, text))
    return status;
  return parseIds(text, ids);
}

gemcut_status cli::checkIds(const std::vector<int32_t> &ids, int32_t limit) {
  for (size_t i = 0; i < ids.size(); ++i)
    if (ids[i] < 0 || ids[i] >= limit)
      return fail(GEMCUT_INVALID_ARGUMENT,
                  "token %zu is %d, but the vocabulary has ids 0 to %d", i,
                  ids[i], limit - 1);
  return GEMCUT_OK;
}
