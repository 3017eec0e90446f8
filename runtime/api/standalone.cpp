//===- standalone.cpp - What libraries need of the C++ library ------------===//
//
// Produced libraries link no libstdc++, so that C programs need none and C++
// programs may use another one. This is what the runtime takes from it: memory,
// strings, and the functions that containers call instead of throwing. All of
// it is local to the library.
//
//===----------------------------------------------------------------------===//

#include <cstdlib>
#include <new>
#include <string>

static void *allocate(size_t size) {
  void *memory = malloc(size ? size : 1);
  if (!memory)
    abort();
  return memory;
}

void *operator new(size_t size) { return allocate(size); }

void *operator new(size_t size, std::align_val_t alignment) {
  size_t to = size_t(alignment);
  void *memory = aligned_alloc(to, (size + to - 1) / to * to);
  if (!memory)
    abort();
  return memory;
}

void operator delete(void *memory) noexcept { free(memory); }
void operator delete(void *memory, size_t) noexcept { free(memory); }
void operator delete(void *memory, size_t, std::align_val_t) noexcept {
  free(memory);
}
void operator delete(void *memory, std::align_val_t) noexcept { free(memory); }

namespace std {
// Our own code keeps lengths and indices in range; these are never reached.
void __throw_length_error(const char *) { abort(); }
void __throw_logic_error(const char *) { abort(); }
void __throw_bad_alloc() { abort(); }
void __throw_bad_array_new_length() { abort(); }
void __throw_out_of_range_fmt(const char *, ...) { abort(); }
} // namespace std

template class std::basic_string<char>;
