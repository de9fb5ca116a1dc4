# SPDX-License-Identifier: Apache-2.0
# Makes a C++ source of a file: NAME and NAME_size in namespace vggt. Called by the build:
#   cmake -DINPUT=file -DOUTPUT=source.cpp -DNAME=name -P EmbedText.cmake

file(READ "${INPUT}" bytes HEX)
string(LENGTH "${bytes}" digits)
math(EXPR size "${digits} / 2")
# Numbers, not a string literal: those have a length limit, and delimiters that the text may hold.
string(REGEX REPLACE "(................................)" "\\1\n" bytes "${bytes}")
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
file(
  WRITE "${OUTPUT}"
  "#include <cstddef>
namespace vggt {
extern const unsigned char ${NAME}[] = {
${bytes}};
extern const std::size_t ${NAME}_size = ${size};
}  // namespace vggt
")
