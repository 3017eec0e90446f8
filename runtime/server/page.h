//===- page.h - The chat page -----------------------------------*- C++ -*-===//
#ifndef GEMCUT_RUNTIME_SERVER_PAGE_H
#define GEMCUT_RUNTIME_SERVER_PAGE_H

#include <string_view>

namespace gemcut::server {

/// page/index.html, which needs nothing but this server.
std::string_view getPage();

/// Header lines that keep the page from loading or running anything else, and
/// others from showing it inside of theirs.
extern const char *const kPageHeaders;

} // namespace gemcut::server

#endif // GEMCUT_RUNTIME_SERVER_PAGE_H
