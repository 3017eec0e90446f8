//===- stop_strings.cpp - Texts that end an answer ------------------------===//

#include "runtime/text/stop_strings.h"

#include <algorithm>

using namespace gemcut::text;

/// Length of the longest end of `text` with which `stop` begins.
static size_t countBegun(std::string_view text, std::string_view stop) {
  for (size_t length = std::min(text.size(), stop.size() - 1); length > 0;
       --length)
    if (text.substr(text.size() - length) == stop.substr(0, length))
      return length;
  return 0;
}

bool StopStrings::feed(std::string_view text, std::string &out) {
  if (wasFound)
    return true;
  held += text;
  size_t found = std::string::npos, begun = 0;
  for (const std::string &stop : stops) {
    found = std::min(found, held.find(stop));
    begun = std::max(begun, countBegun(held, stop));
  }
  wasFound = found != std::string::npos;
  size_t ready = wasFound ? found : held.size() - begun;
  out.append(held, 0, ready);
  held.erase(0, wasFound ? held.size() : ready);
  return wasFound;
}

void StopStrings::finish(std::string &out) {
  out += held;
  held.clear();
}
