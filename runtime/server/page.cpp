//===- page.cpp - The chat page -------------------------------------------===//

#include "runtime/server/page.h"

using namespace gemcut;

static const unsigned char kPage[] = {
#include "runtime/server/page_bytes.inc"
};

std::string_view server::getPage() {
  return {reinterpret_cast<const char *>(kPage), sizeof(kPage)};
}

const char *const server::kPageHeaders =
    "Content-Security-Policy: default-src 'none'; script-src 'unsafe-inline'; "
    "style-src 'unsafe-inline'; img-src data:; connect-src 'self'; base-uri "
    "'none'; form-action 'none'; frame-ancestors 'none'\r\n"
    "Referrer-Policy: no-referrer\r\n"
    "Cache-Control: no-cache\r\n";
