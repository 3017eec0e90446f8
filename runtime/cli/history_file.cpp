//===- history_file.cpp - Turns of earlier conversations ------------------===//

#include "runtime/cli/history_file.h"

#include "runtime/cli/ids.h"

#include <cstdlib>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace gemcut::cli;

static std::string escape(std::string_view text) {
  std::string out;
  for (char c : text)
    if (c == '\n' || c == '\\')
      out += c == '\n' ? "\\n" : "\\\\";
    else
      out += c;
  return out + "\n";
}

static std::string unescape(std::string_view line) {
  std::string out;
  for (size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '\\' && i + 1 < line.size())
      out += line[++i] == 'n' ? '\n' : line[i];
    else
      out += line[i];
  }
  return out;
}

/// Makes the folders of a path, as mkdir -p does.
static void makeFolders(const std::string &path) {
  for (size_t at = path.find('/', 1); at != std::string::npos;
       at = path.find('/', at + 1))
    mkdir(path.substr(0, at).c_str(), 0700);
}

static bool writeAll(const std::string &path, int flags,
                     const std::string &bytes) {
  int file = open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0600);
  if (file < 0)
    return false;
  bool isWritten = write(file, bytes.data(), bytes.size()) ==
                   static_cast<ssize_t>(bytes.size());
  return close(file) == 0 && isWritten;
}

std::string HistoryFile::findPath() {
  const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
  if (state && state[0] == '/')
    return std::string(state) + "/gemcut/history";
  // A home that is not there, as users of services have, is not to be made.
  struct stat status;
  bool hasHome = home && home[0] == '/' && stat(home, &status) == 0;
  return hasHome ? std::string(home) + "/.local/state/gemcut/history" : "";
}

void HistoryFile::open(const std::string &name, size_t most,
                       std::vector<std::string> &texts) {
  path = name;
  struct stat status;
  std::string bytes;
  // A name that is a device, say, would be read without end.
  if (path.empty() || stat(path.c_str(), &status) != 0 ||
      !S_ISREG(status.st_mode) || readFile(path.c_str(), bytes))
    return;
  std::vector<std::string> all;
  for (size_t begin = 0; begin < bytes.size();) {
    size_t end = bytes.find('\n', begin);
    if (end == std::string::npos)
      break; // another program is writing it
    all.push_back(unescape({bytes.data() + begin, end - begin}));
    begin = end + 1;
  }
  size_t first = all.size() > most ? all.size() - most : 0;
  texts.insert(texts.end(), all.begin() + long(first), all.end());
  if (first < most)
    return;
  std::string kept;
  for (size_t i = first; i < all.size(); ++i)
    kept += escape(all[i]);
  if (writeAll(path + ".part", O_TRUNC, kept))
    rename((path + ".part").c_str(), path.c_str());
}

void HistoryFile::append(std::string_view text) const {
  if (path.empty())
    return;
  makeFolders(path);
  writeAll(path, O_APPEND, escape(text));
}
