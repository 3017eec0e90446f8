/* Models inside executables that gemcut compiled, in the process of another program:
 * for programs that link runtime/api themselves, as the Python package does.
 */
#ifndef GEMCUT_RUNTIME_ABI_EXECUTABLE_H
#define GEMCUT_RUNTIME_ABI_EXECUTABLE_H

#include "runtime/abi/gemcut.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct gemcut_executable gemcut_executable;

/* Copies the image of the executable `path` to fresh addresses, applies its relative
 * relocations, directs its generated code to the runtime of this program and maps its
 * sections. Nothing of the image runs before an entry point is called: no
 * initializers and no C library, of which generated code needs none.
 * GEMCUT_SYSTEM_ERROR, GEMCUT_OUT_OF_MEMORY. GEMCUT_CORRUPT_ARTIFACT: it is no
 * executable of gemcut for this architecture, is damaged, or of another version. */
gemcut_status gemcut_executable_open(const char *path, gemcut_executable **result);

/* For gemcut_load; valid until gemcut_executable_close. */
const gemcut_bundle *gemcut_executable_bundle(const gemcut_executable *executable);

/* For gemcut_load_options.weights_file: the sidecar file beside the executable that
 * it would use itself, or null if it holds its weights. */
const char *gemcut_executable_weights(const gemcut_executable *executable);

/* After gemcut_unload. Null is allowed. */
void gemcut_executable_close(gemcut_executable *executable);

#ifdef __cplusplus
}
#endif
#endif
