// SPDX-License-Identifier: Apache-2.0
#include "src/weights/weight_file.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "src/base/error.h"
#include "src/weights/safetensors.h"
#include "tests/support/temporary_folder.h"

namespace vggt {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

constexpr const char* kArchive = "tests/golden/torch_archive/plain.pt";

std::string error_of(const std::string& path) {
  try {
    open_weight_file(path);
  } catch (const IoError& error) {
    return error.what();
  }
  ADD_FAILURE() << "no IoError";
  return "";
}

class OpenWeightFile : public testing::Test {
 protected:
  std::string write(const std::string& name, const std::string& key = "x") const {
    write_safetensors(folder_.file(name), {{key, at::ones({2})}});
    return folder_.file(name);
  }

  std::string write_index() const {
    return folder_.write("model.safetensors.index.json",
                         R"( {"metadata":{},"weight_map":{"x":"shard.safetensors"}})");
  }

  TemporaryFolder folder_;
};

TEST_F(OpenWeightFile, ContentDecidesNotTheName) {
  fs::copy(kArchive, folder_.file("archive.safetensors"));
  EXPECT_EQ(open_weight_file(folder_.file("archive.safetensors")).format, "torch archive");
  EXPECT_EQ(open_weight_file(write("tensors.pt")).format, "safetensors");
  write("shard.safetensors");
  const std::string index = write_index();
  fs::rename(index, folder_.file("index.bin"));
  const WeightFile file = open_weight_file(folder_.file("index.bin"));
  EXPECT_EQ(file.format, "safetensors (1 shards)");
  EXPECT_EQ(file.path, folder_.file("index.bin"));
}

TEST_F(OpenWeightFile, AHeaderLengthThatLooksLikeTextIsStillSafetensors) {
  // 0x7b is '{' and 0x4b50 is "PK".
  for (const size_t header_size : {size_t{0x7b}, size_t{0x4b50}}) {
    std::string bytes(8, '\0');
    bytes[0] = static_cast<char>(header_size & 0xff);
    bytes[1] = static_cast<char>(header_size >> 8);
    bytes += "{}" + std::string(header_size - 2, ' ');
    EXPECT_EQ(open_weight_file(folder_.write("x", bytes)).format, "safetensors");
  }
}

TEST_F(OpenWeightFile, FolderPrefersTheIndexThenTheModelThenTheOnlyFile) {
  write("shard.safetensors");
  folder_.write("config.json", "{}");
  EXPECT_EQ(open_weight_file(folder_.path()).path, folder_.path());
  EXPECT_EQ(open_weight_file(folder_.path()).format, "safetensors");
  write("model.safetensors", "model");
  EXPECT_EQ(open_weight_file(folder_.path()).tensors.count("model"), 1u);
  write_index();
  EXPECT_EQ(open_weight_file(folder_.path()).format, "safetensors (1 shards)");
}

TEST_F(OpenWeightFile, FolderWithoutAClearChoiceListsWhatIsThere) {
  EXPECT_THAT(error_of(folder_.path()), HasSubstr("it holds nothing"));
  folder_.write("readme.txt", "x");
  EXPECT_THAT(error_of(folder_.path()), HasSubstr(R"(it holds "readme.txt")"));
  write("a.safetensors");
  write("b.safetensors");
  EXPECT_THAT(error_of(folder_.path()),
              HasSubstr(R"("a.safetensors", "b.safetensors", "readme.txt")"));
}

TEST_F(OpenWeightFile, OtherFilesAreRefusedByName) {
  EXPECT_THAT(error_of(folder_.file("none")), HasSubstr("/none: cannot be opened"));
  EXPECT_THAT(error_of(folder_.write("empty", "")), HasSubstr("is empty"));
  EXPECT_THAT(error_of(folder_.write("page.html", "\n<!DOCTYPE html><html></html>")),
              HasSubstr("page.html: is a web page"));
  EXPECT_THAT(error_of(folder_.write("x.pt", "\xff\xd8\xff\xe0")), HasSubstr("JPEG picture"));
  EXPECT_THAT(error_of(folder_.write("x.pt", "\x1f\x8b\x08")), HasSubstr("gzip; unpack it"));
  EXPECT_THAT(error_of(folder_.write("x.pt", "PK\x03\x04 photo.jpg")),
              HasSubstr("is a zip archive, but not one of torch.save"));
  EXPECT_THAT(error_of(folder_.write("x.pt", "hello, world")), HasSubstr("header length"));
  EXPECT_THAT(error_of(folder_.write("config.json", R"({"depth": 24})")),
              HasSubstr("weight_map: is missing"));
  EXPECT_THAT(error_of(folder_.write("x", "version https://git-lfs.github.com/spec/v1\n")),
              HasSubstr("git lfs pull"));
  EXPECT_THAT(error_of("tests/golden/torch_archive/before_1_6.pt"), HasSubstr("save it again"));
}

}  // namespace
}  // namespace vggt
