# SPDX-License-Identifier: Apache-2.0
# Finds LibTorch and defines LibTorch::cpu, and LibTorch::cuda where the build has CUDA.
#
# find_package(Torch) is not used: with a CUDA build of LibTorch it needs a CUDA toolkit, probes the
# machine's GPU while configuring, and adds global flags and run paths. Two imported targets do.
#
# Order: -DVGGT_LIBTORCH=DIR, CMAKE_PREFIX_PATH, the torch of the python3 on the path, .deps/python.

function(vggt_find_libtorch out)
  set(candidates "${VGGT_LIBTORCH}")
  if(VGGT_LIBTORCH AND NOT EXISTS "${VGGT_LIBTORCH}/lib/libtorch_cpu.so")
    message(FATAL_ERROR "VGGT_LIBTORCH=${VGGT_LIBTORCH} holds no lib/libtorch_cpu.so")
  endif()
  string(REPLACE ":" ";" from_environment "$ENV{CMAKE_PREFIX_PATH}")
  list(APPEND candidates ${CMAKE_PREFIX_PATH} ${from_environment})
  find_program(VGGT_PYTHON python3)
  mark_as_advanced(VGGT_PYTHON)
  if(VGGT_PYTHON)
    execute_process(
      COMMAND "${VGGT_PYTHON}" -c
              "import importlib.util as u; s = u.find_spec('torch'); print(s.submodule_search_locations[0] if s else '')"
      OUTPUT_VARIABLE from_python OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
    list(APPEND candidates "${from_python}")
  endif()
  list(APPEND candidates "${PROJECT_SOURCE_DIR}/.deps/python/torch")
  set(refused "")
  foreach(dir IN LISTS candidates)
    if(dir AND EXISTS "${dir}/lib/libtorch_cpu.so")
      set(header "${dir}/include/torch/headeronly/version.h")
      set(version "unknown")
      if(EXISTS "${header}")
        file(STRINGS "${header}" lines REGEX "^#define TORCH_VERSION_(MAJOR|MINOR) ")
        string(REGEX MATCHALL "[0-9]+" numbers "${lines}")
        list(JOIN numbers "." version)
      endif()
      if(version STREQUAL "2.11")
        set(${out} "${dir}" PARENT_SCOPE)
        return()
      endif()
      string(APPEND refused "  ${dir}: version ${version}\n")
    endif()
  endforeach()
  message(FATAL_ERROR "LibTorch 2.11 not found. Run scripts/setup, or pass -DVGGT_LIBTORCH=DIR.\n${refused}")
endfunction()

vggt_find_libtorch(VGGT_LIBTORCH_DIR)
message(STATUS "LibTorch: ${VGGT_LIBTORCH_DIR}")

function(vggt_import_libtorch name)
  add_library(LibTorch::${name} INTERFACE IMPORTED GLOBAL)
  target_include_directories(
    LibTorch::${name} SYSTEM INTERFACE ${VGGT_LIBTORCH_DIR}/include
                                       ${VGGT_LIBTORCH_DIR}/include/torch/csrc/api/include)
  foreach(library IN LISTS ARGN)
    target_link_libraries(LibTorch::${name} INTERFACE ${VGGT_LIBTORCH_DIR}/lib/lib${library}.so)
  endforeach()
endfunction()

# What LibTorch itself links (cudart, cupti, ...) lies beside it or in a toolkit: the loader finds it
# through LibTorch's own run path, the linker need not.
vggt_import_libtorch(cpu torch_cpu c10)
# at::parallel_for is a template around an OpenMP region: without the flag it compiles to a serial loop. The library
# is LibTorch's own libgomp.so.1 at run time.
find_package(OpenMP REQUIRED COMPONENTS CXX)
target_compile_options(LibTorch::cpu INTERFACE $<$<COMPILE_LANGUAGE:CXX>:${OpenMP_CXX_FLAGS}>)
target_link_options(LibTorch::cpu INTERFACE ${OpenMP_CXX_FLAGS})
target_link_options(LibTorch::cpu INTERFACE -Wl,--unresolved-symbols=ignore-in-shared-libs)

# Only c10_cuda (streams, guards) is linked. libtorch_cuda, 1.5 GB with its libraries, is opened at run
# time when CUDA is asked for (src/base/device.cpp), so that a run on the CPU does not pay for it.
set(VGGT_LIBTORCH_HAS_CUDA FALSE)
if(EXISTS "${VGGT_LIBTORCH_DIR}/lib/libc10_cuda.so")
  set(VGGT_LIBTORCH_HAS_CUDA TRUE)
  vggt_import_libtorch(cuda c10_cuda)
  target_link_libraries(LibTorch::cuda INTERFACE LibTorch::cpu)
endif()
