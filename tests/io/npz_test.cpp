// SPDX-License-Identifier: Apache-2.0
#include "src/io/npz.h"

#include "src/base/error.h"
#include "tests/support/message_of.h"
#include "tests/support/temporary_folder.h"

#include <ATen/ATen.h>

#include <zip.h>

#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <string>

namespace vggt {
namespace {

NpzFile small_file() {
  NpzFile npz;
  npz.tensors["depth"] = at::arange(24, at::kFloat).view({2, 3, 4});
  npz.tensors["depth_t"] = at::arange(6, at::kDouble).view({2, 3}).t();
  npz.tensors["pixels"] = at::arange(6, at::kByte);
  npz.tensors["empty"] = at::zeros({0, 3}, at::kLong);
  npz.texts["names"] = {"a.jpg", "below/\xC3\xA9 \xF0\x9F\x93\xB7.png", "", "no utf-8 \xFF"};
  npz.texts["no_names"] = {};
  return npz;
}

// One entry, packed by libzip, whatever it holds.
void write_zip(const std::string& path, const char* name, const std::string& bytes, int method) {
  zip_t* archive = zip_open(path.c_str(), ZIP_CREATE | ZIP_TRUNCATE, nullptr);
  zip_source_t* source = zip_source_buffer(archive, bytes.data(), bytes.size(), 0);
  const zip_int64_t index = zip_file_add(archive, name, source, 0);
  zip_set_file_compression(archive, static_cast<zip_uint64_t>(index), method, 0);
  ASSERT_EQ(zip_close(archive), 0);
}

std::string npy_of_ones(int64_t count) {
  std::string header =
      "{'descr': '|u1', 'fortran_order': False, 'shape': (" + std::to_string(count) + ",), }";
  header.resize(117, ' ');
  return std::string("\x93NUMPY\x01\x00\x76\x00", 10) + header + "\n" +
         std::string(static_cast<size_t>(count), '\x01');
}

TEST(Npz, ReadsBackWhatItWrote) {
  TemporaryFolder folder;
  const NpzFile npz = small_file();
  write_npz(folder.file("a.npz"), npz);
  const NpzFile read = read_npz(folder.file("a.npz"));
  ASSERT_EQ(read.tensors.size(), npz.tensors.size());
  for (const auto& [name, tensor] : npz.tensors) {
    EXPECT_EQ(read.tensors.at(name).scalar_type(), tensor.scalar_type()) << name;
    EXPECT_TRUE(at::equal(read.tensors.at(name), tensor)) << name;
  }
  EXPECT_EQ(read.texts, npz.texts);
}

TEST(Npz, EqualArraysGiveEqualBytes) {
  TemporaryFolder folder;
  write_npz(folder.file("a.npz"), small_file());
  write_npz(folder.file("b.npz"), small_file());
  EXPECT_EQ(read_bytes(folder.file("a.npz")), read_bytes(folder.file("b.npz")));
}

// numpy.savez_compressed
TEST(Npz, ReadsCompressedArrays) {
  TemporaryFolder folder;
  write_zip(folder.file("a.npz"), "x.npy", npy_of_ones(100000), ZIP_CM_DEFLATE);
  EXPECT_LT(std::filesystem::file_size(folder.file("a.npz")), 2000u);
  EXPECT_TRUE(
      at::equal(read_npz(folder.file("a.npz")).tensors.at("x"), at::ones({100000}, at::kByte)));
}

TEST(Npz, EveryTruncationIsAnIoError) {
  TemporaryFolder folder;
  write_npz(folder.file("a.npz"), small_file());
  const std::string bytes = read_bytes(folder.file("a.npz"));
  for (size_t size = 0; size < bytes.size(); ++size) {
    folder.write("b.npz", bytes.substr(0, size));
    EXPECT_THROW(read_npz(folder.file("b.npz")), IoError) << size << " bytes";
  }
}

TEST(Npz, DamagedDataIsNoticed) {
  TemporaryFolder folder;
  write_npz(folder.file("a.npz"), small_file());
  std::string bytes = read_bytes(folder.file("a.npz"));
  const float five = 5;
  const size_t at = bytes.find(std::string(reinterpret_cast<const char*>(&five), 4));
  ASSERT_NE(at, std::string::npos);
  bytes[at] ^= 1;
  folder.write("b.npz", bytes);
  const std::string message = message_of<IoError>([&] { read_npz(folder.file("b.npz")); });
  EXPECT_NE(message.find("depth"), std::string::npos) << message;
}

// Whatever a single wrong byte does, it ends in an IoError or in arrays.
TEST(Npz, WrongBytesNeverDoMore) {
  TemporaryFolder folder;
  write_npz(folder.file("a.npz"), small_file());
  const std::string bytes = read_bytes(folder.file("a.npz"));
  for (size_t at = 0; at < bytes.size(); at += 3) {
    std::string wrong = bytes;
    wrong[at] = static_cast<char>(wrong[at] ^ (at % 2 ? 0xFF : 0x08));
    folder.write("b.npz", wrong);
    message_of<IoError>([&] { read_npz(folder.file("b.npz")); });
  }
}

TEST(Npz, HostileFilesAreNamedWithTheReason) {
  TemporaryFolder folder;
  const std::string path = folder.file("a.npz");
  const auto error = [&] { return message_of<IoError>([&] { read_npz(path); }); };
  const auto expect = [&](const char* part) {
    EXPECT_NE(error().find(part), std::string::npos) << error();
  };
  folder.write("a.npz", "no archive");
  expect("cannot be read");
  write_zip(path, "x.txt", "hello", ZIP_CM_STORE);
  expect("x.txt, which is no NumPy array");
  write_zip(path, "x.npy", "hello", ZIP_CM_STORE);
  expect("x.npy");
  write_zip(path, "x.npy", npy_of_ones(100) + "more", ZIP_CM_DEFLATE);
  expect("shape");
  std::string text = npy_of_ones(8);
  text.replace(text.find("'|u1'"), 5, "'<U1'");
  text.replace(text.find("(8,)"), 4, "(2,)");
  write_zip(path, "x.npy", text, ZIP_CM_STORE);  // 0x01010101 is no code point
  expect("no character");
  std::string square = npy_of_ones(8);
  square.replace(square.find("'|u1'"), 5, "'<U1'");
  square.replace(square.find("(8,), } "), 8, "(2, 1), }");
  write_zip(path, "x.npy", square, ZIP_CM_STORE);
  EXPECT_NE(error(), "");
  // An entry that promises 4 GB out of a few bytes.
  write_zip(path, "x.npy", npy_of_ones(1000), ZIP_CM_DEFLATE);
  std::string bytes = read_bytes(path);
  const uint32_t lie = 0xFFFFFF00u;
  const size_t local = bytes.find("PK\x03\x04");
  const size_t central = bytes.find("PK\x01\x02");
  std::memcpy(bytes.data() + local + 22, &lie, 4);
  std::memcpy(bytes.data() + central + 24, &lie, 4);
  folder.write("a.npz", bytes);
  expect("its size cannot be true");
}

TEST(Npz, UnwritableAndMissingFilesAreIoErrors) {
  TemporaryFolder folder;
  EXPECT_THROW(write_npz(folder.file("none/a.npz"), small_file()), IoError);
  EXPECT_THROW(read_npz(folder.file("none.npz")), IoError);
  EXPECT_THROW(read_npz(folder.path()), IoError);
}

TEST(Npz, RefusesNothingAndTwoOfOneName) {
  TemporaryFolder folder;
  EXPECT_THROW(write_npz(folder.file("a.npz"), {}), c10::Error);
  NpzFile npz = small_file();
  npz.texts["depth"] = {"x"};
  EXPECT_THROW(write_npz(folder.file("a.npz"), npz), c10::Error);
}

}  // namespace
}  // namespace vggt
