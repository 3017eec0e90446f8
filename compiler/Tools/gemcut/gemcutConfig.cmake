# find_package(gemcut CONFIG): the tool as ${gemcut_EXECUTABLE}, and
#
#   gemcut_add_model(NAME MODEL path [TYPE exe|shared-lib|static-lib] [OPTIONS flags...]
#                    [DEPENDS files...])
#
# compiles a checkpoint when the build needs it and it has changed. TYPE exe (the
# default): the target NAME_compiled, part of `all`, makes the program NAME in the
# current binary folder (Ninja has no targets that are called like their files). A
# library: NAME is a library to link, with gemcut.h; GEMCUT_DECLARE_BUNDLE(NAME)
# declares the model. OPTIONS are those of `gemcut compile`; the files that they name,
# which DEPENDS repeats, are relative to the current source folder.
cmake_path(GET CMAKE_CURRENT_LIST_DIR PARENT_PATH _gemcut_lib)
cmake_path(GET _gemcut_lib PARENT_PATH _gemcut_lib)
# build/bin of a build tree; the scripts of the Python that has the package.
find_program(gemcut_EXECUTABLE gemcut HINTS ${_gemcut_lib}/../bin
             ${_gemcut_lib}/../../../../../bin)
if(NOT gemcut_EXECUTABLE)
  set(gemcut_FOUND FALSE)
  set(gemcut_NOT_FOUND_MESSAGE "there is no program gemcut")
endif()
unset(_gemcut_lib)

# The files of a checkpoint: of a folder, or of one file and what lies beside it.
function(_gemcut_find_inputs result model)
  if(IS_DIRECTORY ${model})
    set(patterns ${model}/*.json ${model}/*.safetensors ${model}/*.jinja)
  elseif(model MATCHES "\\.gguf$")
    string(REGEX REPLACE "-[0-9]+-of-" "-*-of-" patterns ${model})
  else()
    cmake_path(GET model PARENT_PATH folder)
    set(patterns ${model} ${folder}/*.json ${folder}/*.jinja)
  endif()
  file(GLOB inputs CONFIGURE_DEPENDS ${patterns})
  set(${result} ${inputs} PARENT_SCOPE)
endfunction()

function(gemcut_add_model name)
  cmake_parse_arguments(PARSE_ARGV 1 ARG "" "MODEL;TYPE" "OPTIONS;DEPENDS")
  if(NOT ARG_MODEL OR ARG_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "gemcut_add_model(${name}): expected MODEL path [TYPE type] "
                        "[OPTIONS flags...] [DEPENDS files...]; found '${ARG_UNPARSED_ARGUMENTS}'")
  endif()
  cmake_path(ABSOLUTE_PATH ARG_MODEL NORMALIZE OUTPUT_VARIABLE model)
  if(NOT ARG_TYPE)
    set(ARG_TYPE exe)
  endif()
  set(folder ${CMAKE_CURRENT_BINARY_DIR})
  if(ARG_TYPE STREQUAL "exe")
    set(output ${folder}/${name})
  elseif(ARG_TYPE STREQUAL "shared-lib")
    set(output ${folder}/lib${name}.so)
    set(kind SHARED)
  elseif(ARG_TYPE STREQUAL "static-lib")
    set(output ${folder}/lib${name}.a)
    set(kind STATIC)
  else()
    message(FATAL_ERROR "gemcut_add_model(${name}): found TYPE ${ARG_TYPE}, expected "
                        "exe, shared-lib or static-lib")
  endif()
  _gemcut_find_inputs(inputs ${model})
  add_custom_command(
    OUTPUT ${output}
    COMMAND ${gemcut_EXECUTABLE} compile ${model} -o ${output} --emit ${ARG_TYPE}
            ${ARG_OPTIONS}
    DEPENDS ${inputs} ${ARG_DEPENDS} ${gemcut_EXECUTABLE}
    WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR}
    COMMENT "Compiling the model ${name}" VERBATIM)
  if(NOT kind)
    add_custom_target(${name}_compiled ALL DEPENDS ${output})
    return()
  endif()
  add_custom_target(${name}_compiled DEPENDS ${output})
  add_library(${name} ${kind} IMPORTED GLOBAL)
  add_dependencies(${name} ${name}_compiled)
  set_target_properties(${name} PROPERTIES IMPORTED_LOCATION ${output}
                        INTERFACE_INCLUDE_DIRECTORIES ${folder}
                        INTERFACE_LINK_LIBRARIES m)
  if(kind STREQUAL "SHARED")
    set_target_properties(${name} PROPERTIES IMPORTED_SONAME lib${name}.so)
  endif()
endfunction()
