//===- library_folder.h - Where code was loaded from ------------*- C++ -*-===//
#ifndef GEMCUT_RUNTIME_API_LIBRARY_FOLDER_H
#define GEMCUT_RUNTIME_API_LIBRARY_FOLDER_H

#include <cstddef>

namespace gemcut::api {

/// The file that is mapped at `address`, by /proc/self/maps: the library or
/// program that it belongs to. False if it is none, or longer than `size`.
bool findMappedFile(const void *address, char *path, size_t size);

} // namespace gemcut::api

#endif // GEMCUT_RUNTIME_API_LIBRARY_FOLDER_H
