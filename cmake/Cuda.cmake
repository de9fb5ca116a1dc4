# SPDX-License-Identifier: Apache-2.0
# Switches CUDA on when nvcc and a LibTorch built for the same CUDA major version are both there:
# VGGT_WITH_CUDA says so. (The nvcc that Debian and Ubuntu package is older than LibTorch's.)
# CMake 3.25 knows no CUDA C++20, so .cu files are C++17; they include no LibTorch header.

set(VGGT_CUDA_ARCHITECTURES "75-real;80-real;89-real;90" CACHE STRING "Architectures of our kernels")
set(VGGT_WITH_CUDA FALSE)

# What stands against CUDA; empty if nothing does.
function(vggt_find_cuda_obstacle out)
  find_program(VGGT_NVCC nvcc PATHS /usr/local/cuda/bin)
  mark_as_advanced(VGGT_NVCC)
  if(NOT VGGT_NVCC)
    set(${out} "no nvcc" PARENT_SCOPE)
    return()
  endif()
  if(NOT VGGT_LIBTORCH_HAS_CUDA)
    set(${out} "this LibTorch is a CPU build" PARENT_SCOPE)
    return()
  endif()
  execute_process(COMMAND "${VGGT_NVCC}" --version OUTPUT_VARIABLE text)
  string(REGEX REPLACE ".*release ([0-9]+).*" "\\1" of_nvcc "${text}")
  # The library's needs: libcudart.so.13 in a wheel, libcudart-<hash>.so.13 in LibTorch's own archive.
  file(STRINGS "${VGGT_LIBTORCH_DIR}/lib/libc10_cuda.so" needs REGEX "^libcudart[^ ]*\\.so\\.[0-9]+$")
  string(REGEX REPLACE "^.*\\.so\\.([0-9]+)$" "\\1" of_libtorch "${needs}")
  if(NOT of_nvcc STREQUAL of_libtorch)
    set(${out} "${VGGT_NVCC} is CUDA ${of_nvcc}, LibTorch is built for ${of_libtorch}" PARENT_SCOPE)
  endif()
endfunction()

if(VGGT_CUDA)
  vggt_find_cuda_obstacle(obstacle)
  if(obstacle)
    message(STATUS "CUDA: off, ${obstacle}")
  else()
    set(CMAKE_CUDA_COMPILER "${VGGT_NVCC}")
    set(CMAKE_CUDA_ARCHITECTURES "${VGGT_CUDA_ARCHITECTURES}")
    enable_language(CUDA)
    set(CMAKE_CUDA_STANDARD 17)
    find_package(CUDAToolkit REQUIRED)
    set(VGGT_WITH_CUDA TRUE)
    message(STATUS "CUDA: ${CMAKE_CUDA_COMPILER_VERSION}, architectures ${VGGT_CUDA_ARCHITECTURES}")
  endif()
endif()
