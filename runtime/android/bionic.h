/* bionic.h - What differs between the C library's headers and Android's library
 *
 * Included in front of every file of the runtime for aarch64-android, which is
 * compiled with glibc's headers: the few values and names below are all that
 * the runtime takes from them and that bionic has otherwise. Types that it only
 * passes on must not be smaller than bionic's; the functions it may call at all
 * are those of functions.txt.
 *
 * Source: bionic's bits/sysconf.h, bits/pthread_types.h, errno.h for LP64. */
#ifndef GEMCUT_RUNTIME_ANDROID_BIONIC_H
#define GEMCUT_RUNTIME_ANDROID_BIONIC_H

/* bionic has no __assert_fail. */
#undef NDEBUG
#define NDEBUG

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <pthread.h>
#include <sys/single_threaded.h>
#include <unistd.h>

extern "C" int *__errno();
#undef errno
#define errno (*__errno())

/* glibc's headers rename it. */
extern "C" int gemcut_bionic_sscanf(const char *, const char *,
                                    ...) __asm__("sscanf");
#define sscanf gemcut_bionic_sscanf

/* bionic never says that there is one thread. */
inline constexpr char gemcut_bionic_single_threaded = 0;
#define __libc_single_threaded gemcut_bionic_single_threaded

#undef _SC_PAGESIZE
#define _SC_PAGESIZE 0x27
#undef _SC_PHYS_PAGES
#define _SC_PHYS_PAGES 0x62

static_assert(sizeof(pthread_attr_t) >= 56 && sizeof(sigset_t) >= 8 &&
                  sizeof(pthread_t) == 8 && sizeof(pthread_mutex_t) >= 40,
              "smaller than bionic's");

#endif
