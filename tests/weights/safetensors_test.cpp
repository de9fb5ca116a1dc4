// SPDX-License-Identifier: Apache-2.0
#include "src/weights/safetensors.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <random>

#include "src/base/error.h"
#include "tests/support/temporary_folder.h"

namespace vggt {
namespace {

using testing::HasSubstr;

std::string with_length(const std::string& header) {
  const uint64_t size = header.size();
  return std::string(reinterpret_cast<const char*>(&size), sizeof(size)) + header;
}

std::string bytes_of(const std::string& header, size_t data_size) {
  return with_length(header) + std::string(data_size, '\0');
}

std::string entry(const std::string& dtype, const std::string& shape, const std::string& offsets) {
  return R"({"dtype":")" + dtype + R"(","shape":)" + shape + R"(,"data_offsets":)" + offsets + "}";
}

// "[1,1,...]" with `count` ones.
std::string ones(int count) {
  std::string text = "[1";
  for (int i = 1; i < count; ++i) text += ",1";
  return text + "]";
}

// The message of the IoError that reading throws; fails the test if it throws none.
template <typename Read>
std::string error_of(const Read& read) {
  try {
    read();
  } catch (const IoError& error) {
    return error.what();
  }
  ADD_FAILURE() << "no IoError";
  return "";
}

class Safetensors : public testing::Test {
 protected:
  std::string error_of_bytes(const std::string& bytes) const {
    const std::string path = folder_.write("bad.safetensors", bytes);
    return error_of([&] { read_safetensors(path); });
  }

  std::string error_of_header(const std::string& header, size_t data_size) const {
    return error_of_bytes(bytes_of(header, data_size));
  }

  WeightFile read(const std::string& bytes) const {
    return read_safetensors(folder_.write("good.safetensors", bytes));
  }

  TemporaryFolder folder_;
};

std::map<std::string, at::Tensor> tensors_of_all_dtypes() {
  std::map<std::string, at::Tensor> tensors;
  for (const at::ScalarType type : {at::kDouble,
                                    at::kFloat,
                                    at::kHalf,
                                    at::kBFloat16,
                                    at::kFloat8_e4m3fn,
                                    at::kFloat8_e5m2,
                                    at::kLong,
                                    at::kInt,
                                    at::kShort,
                                    at::kChar,
                                    at::kUInt64,
                                    at::kUInt32,
                                    at::kUInt16,
                                    at::kByte,
                                    at::kBool}) {
    tensors[c10::toString(type)] = at::arange(6).reshape({2, 3}).to(type);
  }
  return tensors;
}

TEST_F(Safetensors, RoundTripKeepsEveryDtype) {
  const auto tensors = tensors_of_all_dtypes();
  const std::string path = folder_.file("all.safetensors");
  write_safetensors(path, tensors, {{"format", "pt"}, {"note", "ü"}});
  const WeightFile file = read_safetensors(path);
  EXPECT_EQ(file.path, path);
  EXPECT_EQ(file.format, "safetensors");
  EXPECT_EQ(file.metadata.at("note"), "ü");
  ASSERT_EQ(file.tensors.size(), tensors.size());
  int64_t bytes = 0;
  for (const auto& [name, expected] : tensors) {
    const at::Tensor& actual = file.tensors.at(name);
    EXPECT_EQ(actual.scalar_type(), expected.scalar_type()) << name;
    ASSERT_EQ(actual.sizes(), expected.sizes()) << name;
    EXPECT_EQ(std::memcmp(actual.const_data_ptr(), expected.const_data_ptr(), expected.nbytes()), 0)
        << name;
    bytes += static_cast<int64_t>(expected.nbytes());
  }
  EXPECT_EQ(file.bytes, bytes);
}

TEST_F(Safetensors, RoundTripKeepsViewsScalarsAndEmptyTensors) {
  const at::Tensor base = at::arange(12, at::kFloat).reshape({3, 4});
  const std::map<std::string, at::Tensor> tensors = {
      {"a.transposed", base.t()},
      {"b.column", base.select(1, 2)},
      {"c.expanded", at::ones({1}).expand({3})},
      {"d.scalar", at::scalar_tensor(2.5)},
      {"e.empty", at::empty({0, 5})},
  };
  const std::string path = folder_.file("views.safetensors");
  write_safetensors(path, tensors);
  const WeightFile file = read_safetensors(path);
  for (const auto& [name, expected] : tensors) {
    EXPECT_EQ(file.tensors.at(name).sizes(), expected.sizes()) << name;
    EXPECT_TRUE(at::equal(file.tensors.at(name), expected)) << name;
  }
  EXPECT_TRUE(file.metadata.empty());
}

TEST_F(Safetensors, WrittenDataIsAligned) {
  const std::string path = folder_.file("aligned.safetensors");
  write_safetensors(path, {{"x", at::ones({3}, at::kDouble)}});
  uint64_t header_size = 1;
  std::memcpy(&header_size, read_bytes(path).data(), sizeof(header_size));
  EXPECT_EQ(header_size % 8, 0u);
}

TEST_F(Safetensors, WritingToATensorLeavesTheFileAlone) {
  const std::string path = folder_.file("x.safetensors");
  write_safetensors(path, {{"x", at::ones({3})}});
  const std::string before = read_bytes(path);
  read_safetensors(path).tensors.at("x").fill_(7);
  EXPECT_EQ(read_bytes(path), before);
}

TEST_F(Safetensors, ATensorOutlivesTheWeightFileAndTheFilesName) {
  const std::string path = folder_.file("x.safetensors");
  write_safetensors(path, {{"x", at::arange(1000)}});
  const at::Tensor x = read_safetensors(path).tensors.at("x");
  std::filesystem::remove(path);
  EXPECT_TRUE(at::equal(x, at::arange(1000)));
}

TEST_F(Safetensors, MisalignedDataIsCopied) {
  std::string header =
      R"({"a":)" + entry("U8", "[1]", "[0,1]") + R"(,"b":)" + entry("F32", "[1]", "[1,5]") + "}";
  const float value = 1.5f;
  const WeightFile file = read(with_length(header) + '\x09' +
                               std::string(reinterpret_cast<const char*>(&value), sizeof(value)));
  EXPECT_EQ(file.tensors.at("a").item<int>(), 9);
  EXPECT_EQ(file.tensors.at("b").item<float>(), 1.5f);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(file.tensors.at("b").const_data_ptr()) % 4, 0u);
}

TEST_F(Safetensors, AFileWithoutTensorsIsReadable) {
  EXPECT_TRUE(read(bytes_of("{}      ", 0)).tensors.empty());
}

TEST_F(Safetensors, FailedWriteLeavesNoFileBehind) {
  const std::string path = folder_.file("x.safetensors");
  EXPECT_THAT(error_of([&] {
                write_safetensors(path, {{"c", at::ones({1}, at::kComplexFloat)}});
              }),
              HasSubstr("dtype"));
  EXPECT_THAT(error_of([&] {
                write_safetensors(path, {{"__metadata__", at::ones({1})}});
              }),
              HasSubstr("reserved"));
  EXPECT_THAT(error_of([&] {
                write_safetensors(path, {{"\xff", at::ones({1})}});
              }),
              HasSubstr("UTF-8"));
  // The new file is written, then cannot replace a folder.
  std::filesystem::create_directory(path);
  EXPECT_THAT(error_of([&] {
                write_safetensors(path, {{"x", at::ones({1})}});
              }),
              HasSubstr("cannot be replaced"));
  std::filesystem::remove(path);
  EXPECT_TRUE(std::filesystem::is_empty(folder_.path()));
  EXPECT_THAT(error_of([&] {
                write_safetensors(folder_.file("no/x"), {{"x", at::ones({1})}});
              }),
              HasSubstr("cannot be created"));
}

TEST_F(Safetensors, FilesThatCannotBeMappedAreNamed) {
  EXPECT_THAT(error_of([&] { read_safetensors(folder_.file("none")); }),
              HasSubstr("/none: cannot"));
  EXPECT_THAT(error_of([&] { read_safetensors(folder_.path()); }), HasSubstr("is a folder"));
  EXPECT_THAT(error_of_bytes(""), HasSubstr("is empty"));
  const std::string pipe = folder_.file("pipe");
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_THAT(error_of([&] { read_safetensors(pipe); }), HasSubstr("not a regular file"));
  if (geteuid() != 0) {  // root may read everything
    const std::string locked = folder_.write("locked", "x");
    chmod(locked.c_str(), 0);
    EXPECT_THAT(error_of([&] { read_safetensors(locked); }), HasSubstr("Permission denied"));
  }
}

TEST_F(Safetensors, HostileHeaderLengthIsRefused) {
  EXPECT_THAT(error_of_bytes("1234567"), HasSubstr("header length"));
  EXPECT_THAT(error_of_bytes(std::string("\x03\0\0\0\0\0\0\0{}", 10)), HasSubstr("header length"));
  EXPECT_THAT(error_of_bytes(std::string(8, '\xff') + "{}"), HasSubstr("header length"));
  EXPECT_THAT(error_of_bytes(std::string(8, '\0')), HasSubstr("header"));
  // 100 000 001 bytes of header in a file that holds them.
  const std::string path = folder_.write("long", std::string("\x01\xe1\xf5\x05\0\0\0\0", 8));
  std::filesystem::resize_file(path, 200'000'000);
  EXPECT_THAT(error_of([&] { read_safetensors(path); }), HasSubstr("100 MB"));
}

TEST_F(Safetensors, HostileJsonIsRefused) {
  EXPECT_THAT(error_of_header("{", 0), HasSubstr("header: is not valid JSON"));
  EXPECT_THAT(error_of_header("[]", 0), HasSubstr("header"));
  EXPECT_THAT(error_of_header(R"({"a)" + std::string("\xff") + R"(":1})", 0), HasSubstr("UTF-8"));
  EXPECT_THAT(error_of_header("{} x", 0), HasSubstr("header: is not valid JSON"));
  const std::string x = entry("U8", "[1]", "[0,1]");
  EXPECT_THAT(error_of_header(R"({"a":)" + x + R"(,"a":)" + x + "}", 1),
              HasSubstr(R"(key "a" occurs twice)"));
  EXPECT_THAT(error_of_header(R"({"a":{"dtype":"U8","dtype":"U8"}})", 1),
              HasSubstr(R"(key "dtype" occurs twice)"));
  EXPECT_THAT(error_of_header(R"({"a":)" + std::string(1'000'000, '[') + "}", 0),
              HasSubstr("nested too deep"));
  EXPECT_THAT(error_of_header(R"({"__metadata__":[]})", 0), HasSubstr("__metadata__"));
  EXPECT_THAT(error_of_header(R"({"__metadata__":{"k":1}})", 0), HasSubstr(R"("k" must be)"));
}

TEST_F(Safetensors, HostileEntriesAreRefusedByField) {
  struct Case {
    std::string entry;
    std::string message;
  };
  const std::vector<Case> cases = {
      {"1", "must be a JSON object"},
      {R"({"shape":[1],"data_offsets":[0,4]})", "dtype: is missing"},
      {R"({"dtype":"F32","data_offsets":[0,4]})", "shape: is missing"},
      {R"({"dtype":"F32","shape":[1]})", "data_offsets: is missing"},
      {R"({"dtype":1,"shape":[1],"data_offsets":[0,4]})", "dtype: must be a string"},
      {R"({"dtype":"F32","shape":[1],"data_offsets":[0,4],"x":1})", R"("x": is not a field)"},
      {entry("F33", "[1]", "[0,4]"), R"(dtype: "F33" is not known)"},
      {entry("F32", "1", "[0,4]"), "shape: must be an array"},
      {entry("F32", "[-1]", "[0,4]"), "shape: must hold whole numbers"},
      {entry("F32", "[1.0]", "[0,4]"), "shape: must hold whole numbers"},
      {entry("F32", "[\"1\"]", "[0,4]"), "shape: must hold whole numbers"},
      {entry("F32", "[9223372036854775808]", "[0,4]"), "shape: must hold whole numbers"},
      {entry("F32", "[99999999999999999999]", "[0,4]"), "shape: must hold whole numbers"},
      {entry("F32", "[4611686018427387905]", "[0,4]"), "shape: the number of bytes overflows"},
      {entry("F32", "[4294967296,4294967296]", "[0,0]"), "shape: the number of bytes overflows"},
      {entry("F32", "[0,4294967296,4294967296]", "[0,0]"), "shape: the number of bytes overflows"},
      {entry("F32", ones(65), "[0,4]"), "shape: has more than 64 dimensions"},
      {entry("F32", "[1]", "4"), "data_offsets: must be two"},
      {entry("F32", "[1]", "[0]"), "data_offsets: must be two"},
      {entry("F32", "[1]", "[0,4,4]"), "data_offsets: must be two"},
      {entry("F32", "[1]", "[-4,0]"), "data_offsets: must hold whole numbers"},
      {entry("F32", "[1]", "[0,4.0]"), "data_offsets: must hold whole numbers"},
      {entry("F32", "[1]", "[4,0]"), "ends before it begins"},
      {entry("F32", "[2]", "[0,8]"), "goes past the end of the file"},
      {entry("F32", "[1]", "[9223372036854775804,9223372036854775807]"), "goes past the end"},
      {entry("F32", "[2]", "[0,4]"), "does not span the 8 bytes"},
      {entry("F16", "[1]", "[0,4]"), "does not span the 2 bytes"},
  };
  for (const Case& bad : cases) {
    const std::string message = error_of_header(R"({"a.b":)" + bad.entry + "}", 4);
    EXPECT_THAT(message, HasSubstr(bad.message)) << bad.entry;
    EXPECT_THAT(message, HasSubstr(R"(bad.safetensors: tensor "a.b": )")) << bad.entry;
  }
}

TEST_F(Safetensors, OverlapsGapsAndLeftOversAreRefused) {
  const auto two = [](const std::string& a, const std::string& b) {
    return R"({"a":)" + entry("U8", "[4]", a) + R"(,"b":)" + entry("U8", "[4]", b) + "}";
  };
  EXPECT_EQ(read(bytes_of(two("[4,8]", "[0,4]"), 8)).tensors.size(), 2u);
  EXPECT_THAT(error_of_header(two("[0,4]", "[3,7]"), 7),
              HasSubstr(R"("b": data_offsets: overlaps)"));
  EXPECT_THAT(error_of_header(two("[0,4]", "[0,4]"), 4), HasSubstr("overlaps"));
  EXPECT_THAT(error_of_header(two("[0,4]", "[5,9]"), 9), HasSubstr("gap after byte 4"));
  EXPECT_THAT(error_of_header(two("[1,5]", "[5,9]"), 9), HasSubstr("gap after byte 0"));
  EXPECT_THAT(error_of_header(two("[0,4]", "[4,8]"), 9), HasSubstr("holds 9 bytes of data"));
  EXPECT_THAT(error_of_header("{}", 1), HasSubstr("holds 1 bytes of data"));
}

TEST_F(Safetensors, HostileNamesAreEscapedAndCutInMessages) {
  const std::string name = R"(a\u0007\n)" + std::string(5000, 'x');
  const std::string message = error_of_header("{\"" + name + "\":1}", 0);
  EXPECT_THAT(message, HasSubstr(R"("a\u0007\nxxx)"));
  EXPECT_LT(message.size(), 400u);
}

TEST_F(Safetensors, MutatedFilesLoadOrThrowIoError) {
  const std::string path = folder_.file("x.safetensors");
  write_safetensors(
      path, {{"a", at::ones({2, 3})}, {"b", at::ones({5}, at::kByte)}, {"c", at::ones({1})}});
  const std::string good = read_bytes(path);
  const auto sum_or_error = [&](const std::string& bytes) {
    try {
      const WeightFile file = read(bytes);
      for (const auto& [name, tensor] : file.tensors) {
        if (tensor.scalar_type() != at::kBool) tensor.to(at::kDouble).sum();
      }
      return true;
    } catch (const IoError&) {
      return false;
    }
  };
  for (size_t size = 1; size < good.size(); ++size) {
    EXPECT_FALSE(sum_or_error(good.substr(0, size))) << size;
  }
  std::mt19937 random(1);
  int loaded = 0;
  constexpr int kMutations = 1000;
  for (int i = 0; i < kMutations; ++i) {
    std::string bytes = good;
    for (uint32_t flips = 1 + random() % 3; flips > 0; --flips) {
      bytes[random() % bytes.size()] = static_cast<char>(random());
    }
    loaded += sum_or_error(bytes) ? 1 : 0;
  }
  EXPECT_GT(loaded, 0);  // both outcomes occur, or the mutations miss the point
  EXPECT_LT(loaded, kMutations);
}

int64_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  int64_t size = 0;
  int64_t resident = 0;
  statm >> size >> resident;
  return resident * sysconf(_SC_PAGESIZE);
}

TEST_F(Safetensors, LoadingDoesNotReadTheData) {
  constexpr int64_t kBytes = int64_t{3} << 30;
  const std::string count = std::to_string(kBytes / 4);
  const std::string header =
      R"({"big":)" + entry("F32", "[" + count + "]", "[0," + std::to_string(kBytes) + "]") + "}";
  std::string head = header;
  head.resize((head.size() + 7) / 8 * 8, ' ');
  const std::string path = folder_.write("big.safetensors", with_length(head));
  std::filesystem::resize_file(path, 8 + head.size() + kBytes);  // sparse: takes no disk space
  const int64_t before = resident_bytes();
  const auto start = std::chrono::steady_clock::now();
  const WeightFile file = read_safetensors(path);
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  EXPECT_LT(resident_bytes() - before, 50 << 20);
  EXPECT_LT(seconds.count(), 1.0);  // reading 3 GB would take longer, even of zeros
  EXPECT_EQ(file.bytes, kBytes);
  EXPECT_EQ(file.tensors.at("big").slice(0, kBytes / 4 - 1).item<float>(), 0.0f);
}

// VGGT_TEST_PYTHON names a Python with the safetensors and numpy packages.
TEST_F(Safetensors, PythonReadsWhatIsWritten) {
  const char* const python = std::getenv("VGGT_TEST_PYTHON");
  if (!python || !*python) GTEST_SKIP() << "VGGT_TEST_PYTHON is not set";
  const std::string path = folder_.file("x.safetensors");
  write_safetensors(path,
                    {{"b", at::arange(6).reshape({2, 3}).t()}, {"a", at::ones({3}, at::kHalf)}},
                    {{"format", "pt"}});
  const std::string script = folder_.write("read.py", R"(
import sys
from safetensors import safe_open
with safe_open(sys.argv[1], "numpy") as f:
    assert f.metadata() == {"format": "pt"}, f.metadata()
    assert sorted(f.keys()) == ["a", "b"], f.keys()
    assert f.get_tensor("b").tolist() == [[0, 3], [1, 4], [2, 5]], f.get_tensor("b")
    assert f.get_tensor("a").dtype == "float16"
)");
  EXPECT_EQ(std::system((std::string(python) + " " + script + " " + path).c_str()), 0);
}

class ShardedSafetensors : public Safetensors {
 protected:
  ShardedSafetensors() {
    write_safetensors(folder_.file("1.safetensors"),
                      {{"a", at::ones({2})}, {"b", at::ones({1})}},
                      {{"format", "pt"}});
    write_safetensors(
        folder_.file("2.safetensors"), {{"c", at::full({3}, 2.0)}}, {{"format", "pt"}});
  }

  std::string index(const std::string& weight_map) const {
    return folder_.write("model.safetensors.index.json",
                         R"({"metadata":{"total_size":24},"weight_map":)" + weight_map + "}");
  }

  std::string error_of_index(const std::string& weight_map) const {
    const std::string path = index(weight_map);
    const std::string message = error_of([&] { read_sharded_safetensors(path); });
    EXPECT_THAT(message, HasSubstr("model.safetensors.index.json: "));
    return message;
  }
};

TEST_F(ShardedSafetensors, AllShardsAreRead) {
  const WeightFile file = read_sharded_safetensors(
      index(R"({"a":"1.safetensors","b":"1.safetensors","c":"2.safetensors"})"));
  EXPECT_EQ(file.format, "safetensors (2 shards)");
  EXPECT_EQ(file.tensors.size(), 3u);
  EXPECT_EQ(file.bytes, 24);
  EXPECT_EQ(file.metadata.at("format"), "pt");
  EXPECT_TRUE(at::equal(file.tensors.at("c"), at::full({3}, 2.0)));
}

TEST_F(ShardedSafetensors, IndexAndShardsMustAgree) {
  EXPECT_THAT(error_of_index(R"({"a":"1.safetensors","b":"1.safetensors","x":"2.safetensors"})"),
              HasSubstr(R"(shard "2.safetensors": tensor "x" is listed but missing)"));
  EXPECT_THAT(error_of_index(R"({"a":"1.safetensors","c":"2.safetensors"})"),
              HasSubstr(R"(shard "1.safetensors": holds tensor "b")"));
  EXPECT_THAT(error_of_index(R"({"a":"1.safetensors","b":"1.safetensors","c":"3.safetensors"})"),
              HasSubstr("3.safetensors: cannot be opened"));
  write_safetensors(folder_.file("2.safetensors"), {{"a", at::ones({2})}, {"c", at::ones({3})}});
  EXPECT_THAT(error_of_index(R"({"a":"1.safetensors","b":"1.safetensors","c":"2.safetensors"})"),
              HasSubstr(R"(shard "2.safetensors": holds tensor "a")"));
  write_safetensors(folder_.file("2.safetensors"), {{"c", at::ones({3})}}, {{"format", "np"}});
  EXPECT_THAT(error_of_index(R"({"a":"1.safetensors","b":"1.safetensors","c":"2.safetensors"})"),
              HasSubstr(R"(metadata "format" differs)"));
}

TEST_F(ShardedSafetensors, HostileIndexIsRefused) {
  for (const char* shard : {"../1.safetensors",
                            "/etc/passwd",
                            "x/../1.safetensors",
                            "..",
                            ".",
                            "",
                            R"(a\\b)",
                            R"(1.safetensors\u0000)"}) {
    EXPECT_THAT(error_of_index(R"({"a":")" + std::string(shard) + "\"}"),
                HasSubstr("must be a file name without a folder"))
        << shard;
  }
  EXPECT_THAT(error_of_index(R"({"a":1})"),
              HasSubstr(R"(tensor "a": weight_map: must name a file)"));
  EXPECT_THAT(error_of_index("{}"), HasSubstr("weight_map"));
  EXPECT_THAT(error_of_index("[]"), HasSubstr("weight_map"));
  EXPECT_THAT(error_of_index(R"({"a":"1.safetensors","a":"2.safetensors"})"),
              HasSubstr("occurs twice"));
  const std::string path = folder_.write("model.safetensors.index.json", "{}");
  EXPECT_THAT(error_of([&] { read_sharded_safetensors(path); }),
              HasSubstr("weight_map: is missing"));
}

}  // namespace
}  // namespace vggt
