//===- standalone.cpp - What libraries need of the C++ library ------------===//
//
// Produced libraries link no libstdc++, so that C programs need none and C++
// programs may use another one. This is what the runtime takes from it: memory,
// strings, the sizes of hash tables, the exceptions that nlohmann-json makes
// and does not throw, and the functions that containers call instead of
// throwing. All of it is local to the library.
//
//===----------------------------------------------------------------------===//

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <unordered_map>

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
void __throw_bad_function_call() { abort(); }
void __throw_system_error(int) { abort(); }

exception::~exception() noexcept = default;
const char *exception::what() const noexcept { return ""; }
__cow_string::__cow_string() : _M_p("") {}
__cow_string::~__cow_string() {}
// The sentence is not kept: nobody asks for it.
runtime_error::runtime_error(const char *) {}
runtime_error::~runtime_error() noexcept = default;
const char *runtime_error::what() const noexcept { return ""; }

/// FNV-1a.
size_t _Hash_bytes(const void *bytes, size_t length, size_t seed) {
  uint64_t hash = 0xcbf29ce484222325 ^ seed;
  for (size_t i = 0; i < length; ++i)
    hash = (hash ^ static_cast<const uint8_t *>(bytes)[i]) * 0x100000001b3;
  return hash;
}

// Without RTTI, tags are recognised by their address alone.
bool _Sp_make_shared_tag::_S_eq(const type_info &) noexcept { return false; }

namespace __detail {
/// The first prime from `least` on, as a number of buckets.
size_t _Prime_rehash_policy::_M_next_bkt(size_t least) const {
  auto isPrime = [](size_t number) {
    for (size_t divisor = 3; divisor * divisor <= number; divisor += 2)
      if (number % divisor == 0)
        return false;
    return true;
  };
  size_t buckets = std::max(least | 1, size_t(3));
  while (!isPrime(buckets))
    buckets += 2;
  _M_next_resize = size_t(double(buckets) * double(_M_max_load_factor));
  return buckets;
}

pair<bool, size_t> _Prime_rehash_policy::_M_need_rehash(size_t buckets,
                                                        size_t elements,
                                                        size_t added) const {
  size_t total = elements + added;
  if (total <= _M_next_resize)
    return {false, 0};
  size_t needed = size_t(double(total) / double(_M_max_load_factor)) + 1;
  return {true, _M_next_bkt(std::max(needed, 2 * buckets))};
}
} // namespace __detail
} // namespace std

template class std::basic_string<char>;
