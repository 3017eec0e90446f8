# Libraries for Android are linked with the API's archive and with stubs of bionic's
# libraries, which hold the names of functions.txt and no code. No file of the NDK is
# needed: bionic.h says where the headers of the cross package differ.
set(platform aarch64-linux-android29)
set(output ${CMAKE_BINARY_DIR}/lib/runtime/aarch64-android)
execute_process(
  COMMAND ${CMAKE_CXX_COMPILER} --target=aarch64-linux-gnu -E -v -x c++ /dev/null
  OUTPUT_QUIET ERROR_VARIABLE headers)
string(REGEX MATCHALL "\n /[^\n]*aarch64-linux-gnu/include[^\n]*" headers
       "${headers}")
list(TRANSFORM headers REPLACE "\n " -isystem)
if(GEMCUT_SANITIZE OR NOT headers)
  return()
endif()

add_library(gemcut_api_android STATIC ${api_sources})
target_compile_options(gemcut_api_android PRIVATE
  --target=${platform} ${GEMCUT_RT_COMMON} ${headers}
  -fno-c++-static-destructors # __dso_handle is in the NDK's crtbegin_so.o
  "SHELL:-include ${CMAKE_CURRENT_LIST_DIR}/bionic.h")
set_target_properties(gemcut_api_android PROPERTIES OUTPUT_NAME gemcut_api
                      ARCHIVE_OUTPUT_DIRECTORY ${output})
add_dependencies(gemcut_api gemcut_api_android)

set(functions ${CMAKE_CURRENT_LIST_DIR}/functions.txt)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${functions})
foreach(library libc libm)
  file(STRINGS ${functions} names REGEX "^${library}:")
  string(REGEX REPLACE "${library}:|;" " " names "${names}")
  string(REGEX REPLACE " +([a-z_]+)"
         ".globl \\1\n.type \\1, %function\n\\1:\n" names "${names}")
  set(stub ${CMAKE_CURRENT_BINARY_DIR}/android-${library}.s)
  file(CONFIGURE OUTPUT ${stub} CONTENT "${names}")
  add_custom_command(
    OUTPUT ${output}/${library}.so
    COMMAND ${CMAKE_C_COMPILER} --target=${platform} -B/usr/lib/llvm-22/bin
            -fuse-ld=lld -nostdlib -shared -Wl,-soname,${library}.so ${stub} -o
            ${output}/${library}.so
    DEPENDS ${stub})
  list(APPEND stubs ${output}/${library}.so)
endforeach()
add_custom_target(gemcut_android_stubs DEPENDS ${stubs})
add_dependencies(gemcut_api gemcut_android_stubs)
