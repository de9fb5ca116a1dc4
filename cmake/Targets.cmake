# SPDX-License-Identifier: Apache-2.0
# The three kinds of targets: vggt_library(name sources...), vggt_program(name sources...),
# vggt_test(file libraries... [LABELS labels...] [TIMEOUT seconds]).

# LibTorch's headers are most of the compiler's work: one library compiles them once, all others use that.
function(vggt_precompile_headers target)
  if(target STREQUAL "vggt_base")
    target_precompile_headers(
      vggt_base PRIVATE
      $<$<COMPILE_LANGUAGE:CXX>:<ATen/ATen.h$<ANGLE-R>>
      $<$<COMPILE_LANGUAGE:CXX>:<torch/nn/modules/container/modulelist.h$<ANGLE-R>>)
  else()
    target_precompile_headers(${target} REUSE_FROM vggt_base)
  endif()
endfunction()

function(vggt_settings target)
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR})
  vggt_precompile_headers(${target})
  # GCC 12 raises -Wrestrict, -Warray-bounds and -Wstringop-overflow falsely for std::string.
  # Missing field initializers: options are structs with defaults, passed by name.
  target_compile_options(
    ${target} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra -Wno-unused-parameter
                      -Wno-restrict -Wno-array-bounds -Wno-stringop-overflow -Wno-missing-field-initializers>)
  if(VGGT_WERROR)
    target_compile_options(${target} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:-Werror>)
  endif()
  if(VGGT_SANITIZE)
    target_compile_options(
      ${target} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:-fsanitize=${VGGT_SANITIZE}
                        -fno-sanitize-recover=all -fno-omit-frame-pointer>)
    target_link_options(${target} PUBLIC -fsanitize=${VGGT_SANITIZE})
  endif()
endfunction()

function(vggt_library name)
  add_library(${name} STATIC ${ARGN})
  vggt_settings(${name})
endfunction()

# A C++ source, whose path `result` gets, with the text of `file` as NAME and NAME_size (EmbedText.cmake).
function(vggt_embed_text result name file)
  set(source ${CMAKE_CURRENT_BINARY_DIR}/${name}.cpp)
  add_custom_command(
    OUTPUT ${source}
    COMMAND ${CMAKE_COMMAND} -DINPUT=${CMAKE_CURRENT_SOURCE_DIR}/${file} -DOUTPUT=${source} -DNAME=${name} -P
            ${PROJECT_SOURCE_DIR}/cmake/EmbedText.cmake
    DEPENDS ${file} ${PROJECT_SOURCE_DIR}/cmake/EmbedText.cmake
    VERBATIM)
  set(${result} ${source} PARENT_SCOPE)
endfunction()

function(vggt_program name)
  add_executable(${name} ${ARGN})
  vggt_settings(${name})
endfunction()

# <folder>/<file>_test.cpp, below tests or below the root, becomes one program; each of its cases is one test of
# ctest.
function(vggt_test file)
  cmake_parse_arguments(test "" "TIMEOUT" "LABELS" ${ARGN})
  if(NOT test_TIMEOUT)
    set(test_TIMEOUT 300)
  endif()
  if(NOT test_LABELS)
    set(test_LABELS cpu)
  endif()
  string(REPLACE "/" "_" name "${file}_test")
  set(source ${CMAKE_CURRENT_SOURCE_DIR}/${file}_test.cpp)
  if(NOT EXISTS ${source})
    set(source ${PROJECT_SOURCE_DIR}/${file}_test.cpp)
  endif()
  vggt_program(${name} ${source})
  target_link_libraries(${name} PRIVATE ${test_UNPARSED_ARGUMENTS} vggt_test_support GTest::gtest_main)
  gtest_discover_tests(${name} WORKING_DIRECTORY ${PROJECT_SOURCE_DIR}
                       TEST_PREFIX "${file}/" DISCOVERY_TIMEOUT 60
                       PROPERTIES LABELS "${test_LABELS}" TIMEOUT ${test_TIMEOUT})
endfunction()
