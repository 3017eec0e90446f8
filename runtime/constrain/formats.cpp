//===- formats.cpp - The formats of strings -------------------------------===//

#include "runtime/constrain/formats.h"

using namespace gemcut;

// RFC 3339, section 5.6.
#define DATE                                                                   \
  "(?:19|20)[0-9]{2}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|"        \
  "(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8]))"
#define TIME                                                                   \
  "(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\\.[0-9]{1,6})?"               \
  "(?:Z|[+-](?:0[0-9]|1[0-4]):[0-5][0-9])"
#define OCTET "(?:[0-9]|[1-9][0-9]|1[0-9]{2}|2[0-4][0-9]|25[0-5])"
#define LABEL "[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?"
#define UUID(VERSION)                                                          \
  "[0-9a-f]{8}-[0-9a-f]{4}-" VERSION "[0-9a-f]{3}-[89ab][0-9a-f]{3}-"          \
  "[0-9a-f]{12}"
#define HOST LABEL "(?:\\." LABEL "){0,4}\\.[a-z]{2,12}"

namespace {
struct Format {
  const char *name, *pattern;
};
} // namespace

static const Format kFormats[] = {
    {"date", DATE},
    {"date-time", DATE "T" TIME},
    {"time", TIME},
    {"duration", "P(?:[1-9][0-9]{0,3}W|[1-9][0-9]{0,3}D(?:T[1-9][0-9]?H)?|"
                 "T[1-9][0-9]{0,3}[HMS]|[1-9][0-9]{0,2}Y(?:[1-9][0-9]?M)?)"},
    {"email", "[A-Za-z0-9_+-]{1,24}(?:\\.[A-Za-z0-9_+-]{1,24}){0,3}@" HOST},
    {"hostname", HOST},
    {"ipv4", OCTET "(?:\\." OCTET "){3}"},
    {"ipv6", "[0-9a-f]{1,4}(?::[0-9a-f]{1,4}){7}"},
    {"uri",
     "https?://" HOST "(?::[1-9][0-9]{0,3})?"
     "(?:/[A-Za-z0-9_.~-]{1,64}){0,16}/?(?:\\?[A-Za-z0-9_.~=&-]{1,128})?"},
    {"uuid", UUID("[1-5]")},
    {"uuid1", UUID("1")},
    {"uuid3", UUID("3")},
    {"uuid4", UUID("4")},
    {"uuid5", UUID("5")},
    {"uuid7", UUID("7")},
    {"byte", "(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?"},
    // Hints for whoever shows or stores the text, which may be any.
    {"binary", "[^]*"},
    {"password", "[^]*"},
    {"path", "[^]*"},
    {"file-path", "[^]*"},
    {"directory-path", "[^]*"},
};

const char *constrain::findFormat(std::string_view name) {
  for (const Format &format : kFormats)
    if (name == format.name)
      return format.pattern;
  return nullptr;
}

std::string constrain::listFormats() {
  std::string result;
  for (const Format &format : kFormats)
    result += (result.empty() ? "" : ", ") + std::string(format.name);
  return result;
}
