// SPDX-License-Identifier: Apache-2.0
#include "src/weights/torch_archive.h"

#include <ATen/ATen.h>
#include <caffe2/serialize/inline_container.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <random>

#include "src/base/error.h"
#include "tests/support/temporary_folder.h"

namespace vggt {
namespace {

using testing::HasSubstr;

std::string golden(const std::string& name) { return "tests/golden/torch_archive/" + name; }

// What make_torch_archives.py calls count().
at::Tensor count(at::IntArrayRef shape) {
  return at::arange(c10::multiply_integers(shape), at::kFloat).reshape(shape);
}

std::string error_of(const std::string& path) {
  try {
    read_torch_archive(path);
  } catch (const IoError& error) {
    EXPECT_THAT(error.what(), testing::StartsWith(path));
    return error.what();
  }
  ADD_FAILURE() << "no IoError";
  return "";
}

void expect_plain_weights(const WeightFile& file) {
  ASSERT_EQ(file.tensors.size(), 2u);
  EXPECT_TRUE(at::equal(file.tensors.at("a.weight"), count({2, 3})));
  EXPECT_TRUE(at::equal(file.tensors.at("a.bias"), count({2})));
  EXPECT_EQ(file.bytes, 32);
  EXPECT_EQ(file.format, "torch archive");
}

void expect_module_weights(const WeightFile& file) {
  ASSERT_EQ(file.tensors.size(), 4u);
  EXPECT_TRUE(at::equal(file.tensors.at("0.weight"), count({2, 3})));
  EXPECT_TRUE(at::equal(file.tensors.at("0.bias"), count({2})));
  EXPECT_TRUE(at::equal(file.tensors.at("1.weight"), count({2})));
  EXPECT_TRUE(at::equal(file.tensors.at("1.bias"), count({2})));
}

TEST(TorchArchive, PlainDictIsRead) {
  expect_plain_weights(read_torch_archive(golden("plain.pt")));
}

TEST(TorchArchive, ModuleStateDictIsRead) {
  expect_module_weights(read_torch_archive(golden("module_state_dict.pt")));
}

TEST(TorchArchive, ParametersAreRead) {
  expect_module_weights(read_torch_archive(golden("parameters.pt")));
}

TEST(TorchArchive, NestedStateDictsAreReadAndOtherLeavesSkipped) {
  expect_module_weights(read_torch_archive(golden("nested_model.pt")));
  expect_plain_weights(read_torch_archive(golden("nested_state_dict.pt")));
}

TEST(TorchArchive, NewerPickleProtocolIsRead) {
  expect_plain_weights(read_torch_archive(golden("protocol_4.pt")));
}

TEST(TorchArchive, CompressedEntriesAreUnpacked) {
  expect_plain_weights(read_torch_archive(golden("deflated.pt")));
}

TEST(TorchArchive, ViewsShareTheirStorage) {
  const WeightFile file = read_torch_archive(golden("views.pt"));
  const at::Tensor base = count({4, 6});
  EXPECT_TRUE(at::equal(file.tensors.at("base"), base));
  EXPECT_TRUE(at::equal(file.tensors.at("transposed"), base.t()));
  EXPECT_TRUE(at::equal(file.tensors.at("row"), base[2]));
  EXPECT_TRUE(at::equal(file.tensors.at("column"), base.slice(0, 1).select(1, 3)));
  EXPECT_TRUE(at::equal(file.tensors.at("scalar"), base[3][5]));
  EXPECT_EQ(file.tensors.at("empty").sizes(), at::IntArrayRef({0, 6}));
  file.tensors.at("row").fill_(-1);
  EXPECT_EQ(file.tensors.at("base")[2][0].item<float>(), -1.0f);
}

TEST(TorchArchive, EveryDtypeIsRead) {
  const WeightFile file = read_torch_archive(golden("dtypes.pt"));
  const std::map<std::string, at::ScalarType> dtypes = {{"float64", at::kDouble},
                                                        {"float32", at::kFloat},
                                                        {"float16", at::kHalf},
                                                        {"bfloat16", at::kBFloat16},
                                                        {"float8_e4m3fn", at::kFloat8_e4m3fn},
                                                        {"float8_e5m2", at::kFloat8_e5m2},
                                                        {"int64", at::kLong},
                                                        {"int32", at::kInt},
                                                        {"int16", at::kShort},
                                                        {"int8", at::kChar},
                                                        {"uint64", at::kUInt64},
                                                        {"uint32", at::kUInt32},
                                                        {"uint16", at::kUInt16},
                                                        {"uint8", at::kByte},
                                                        {"bool", at::kBool}};
  ASSERT_EQ(file.tensors.size(), dtypes.size());
  for (const auto& [name, dtype] : dtypes) {
    const at::Tensor& tensor = file.tensors.at(name);
    EXPECT_EQ(tensor.scalar_type(), dtype) << name;
    const at::Tensor expected = count({3}).to(dtype);
    EXPECT_EQ(std::memcmp(tensor.const_data_ptr(), expected.const_data_ptr(), expected.nbytes()), 0)
        << name;
  }
}

TEST(TorchArchive, TensorsAreViewsThatNeverWriteTheFile) {
  const TemporaryFolder folder;
  const std::string path = folder.file("x.pt");
  std::filesystem::copy(golden("plain.pt"), path);
  const std::string before = read_bytes(path);
  at::Tensor weight = read_torch_archive(path).tensors.at("a.weight");
  weight.fill_(7);
  EXPECT_EQ(read_bytes(path), before);
  EXPECT_EQ(weight.sum().item<float>(), 42.0f);
}

TEST(TorchArchive, WhatIsNotAStateDictIsRefused) {
  EXPECT_THAT(error_of(golden("before_1_6.pt")), HasSubstr("save it again"));
  EXPECT_THAT(error_of(golden("no_tensor.pt")), HasSubstr("no tensor"));
  EXPECT_THAT(error_of(golden("whole_module.pt")), HasSubstr("torch.nn.modules.linear Linear"));
  EXPECT_THAT(error_of(golden("expanded.pt")), HasSubstr(R"(tensor "a": repeats the elements)"));
  EXPECT_THAT(error_of(golden("make_torch_archives.py")), HasSubstr("cannot be opened"));
}

TEST(TorchArchive, APickleThatRunsCommandsIsRefusedAndNotRun) {
  std::filesystem::remove("executed_by_pickle");
  EXPECT_THAT(error_of(golden("os_system.pt")), HasSubstr("posix system"));
  EXPECT_FALSE(std::filesystem::exists("executed_by_pickle"));
}

// Opcodes of a pickle, for files that torch.save would not write.
template <typename T>
std::string raw(T value) {
  return {reinterpret_cast<const char*>(&value), sizeof(value)};
}

std::string integer(int64_t value) { return c10::str("\x8a\x08", raw(value)); }

std::string text(const std::string& value) {
  return c10::str("X", raw(static_cast<uint32_t>(value.size())), value);
}

std::string tuple(const std::vector<int64_t>& values) {
  std::string pickle = "(";
  for (const int64_t value : values) pickle += integer(value);
  return pickle + "t";
}

struct CraftedTensor {
  int64_t numel = 6;
  int64_t offset = 0;
  std::vector<int64_t> sizes = {2, 3};
  std::vector<int64_t> strides = {3, 1};
  std::string storage = "torch\nFloatStorage\n";
  std::string key = "0";
};

std::string pickled(const CraftedTensor& tensor) {
  return "ctorch._utils\n_rebuild_tensor_v2\n((" + text("storage") + "c" + tensor.storage +
         text(tensor.key) + text("cpu") + integer(tensor.numel) + "tQ" + integer(tensor.offset) +
         tuple(tensor.sizes) + tuple(tensor.strides) + "\x89" + "ccollections\nOrderedDict\n)RtR";
}

class CraftedArchive : public testing::Test {
 protected:
  std::string write(const std::string& pickle, const std::string& byte_order = "little") const {
    const std::string path = folder_.file("crafted.pt");
    caffe2::serialize::PyTorchStreamWriter writer(path);
    writer.writeRecord("data.pkl", pickle.data(), pickle.size());
    writer.writeRecord("byteorder", byte_order.data(), byte_order.size());
    const std::vector<float> values = {0, 1, 2, 3, 4, 5};
    writer.writeRecord("data/0", values.data(), values.size() * sizeof(float));
    writer.writeEndOfFile();
    return path;
  }

  std::string write(const CraftedTensor& tensor) const {
    return write("\x80\x02}" + text("w") + pickled(tensor) + "s.");
  }

  TemporaryFolder folder_;
};

TEST_F(CraftedArchive, TheCraftedTensorItselfIsFine) {
  EXPECT_TRUE(at::equal(read_torch_archive(write(CraftedTensor{})).tensors.at("w"), count({2, 3})));
}

TEST_F(CraftedArchive, TensorsOutsideTheirStorageAreRefused) {
  constexpr int64_t kHuge = std::numeric_limits<int64_t>::max();
  struct Case {
    CraftedTensor tensor;
    const char* message;
  };
  const std::vector<Case> cases = {
      {{.sizes = {2, 4}, .strides = {4, 1}}, "past the end of its storage"},
      {{.sizes = {2, 3}, .strides = {4, 1}}, "past the end of its storage"},
      {{.offset = 1}, "past the end of its storage"},
      {{.offset = -1}, "negative offset"},
      {{.offset = kHuge}, "overflow"},
      {{.offset = 5, .sizes = {2, 3}, .strides = {-3, 1}}, "negative size or stride"},
      {{.sizes = {-2, 3}}, "negative size or stride"},
      {{.sizes = {2}, .strides = {3, 1}}, "different length"},
      {{.sizes = {kHuge, kHuge}, .strides = {0, 0}}, "overflow"},
      {{.sizes = {kHuge}, .strides = {0}}, "overflow"},
      {{.sizes = {int64_t{1} << 40}, .strides = {0}}, "repeats the elements"},
      {{.sizes = {2}, .strides = {kHuge}}, "past the end of its storage"},
      {{.sizes = {0, kHuge, kHuge}, .strides = {0, 0, 0}}, "overflow"},
      {{.numel = 7, .sizes = {7}, .strides = {1}}, "larger than its bytes in the archive"},
      {{.numel = 7}, "larger than its bytes in the archive"},
      {{.numel = -1}, "out of range"},
      {{.numel = kHuge}, "out of range"},
      {{.numel = (int64_t{1} << 62) + 6}, "out of range"},
      {{.sizes = std::vector<int64_t>(65, 1), .strides = std::vector<int64_t>(65, 1)}, "64"},
      {{.storage = "torch\nDoubleStorage\n"}, "larger than its bytes in the archive"},
      {{.storage = "torch\nSize\n"}, "no element type"},
      {{.storage = "torch.storage\nUntypedStorage\n"}, "no element type"},
      {{.key = "1"}, R"(entry "data/1" is missing)"},
      {{.key = "../data.pkl"}, "is missing"},
      {{.key = std::string(100000, 'x')}, "data/xxx"},
  };
  for (size_t i = 0; i < cases.size(); ++i) {
    EXPECT_THAT(error_of(write(cases[i].tensor)), HasSubstr(cases[i].message)) << "case " << i;
  }
}

TEST_F(CraftedArchive, MalformedPicklesAreRefused) {
  const std::string good = "\x80\x02}" + text("w") + pickled({}) + "s.";
  const std::string start = "\x80\x02";
  struct Case {
    std::string pickle;
    const char* message;
  };
  const std::vector<Case> cases = {
      {"", ""},
      {".", "broken stack"},
      {start + "}", "truncated"},
      {start + "(}.", "broken stack"},
      {start + "}" + text("w") + pickled({}) + "us.", "lacks a mark"},
      {start + "}(" + text("w") + "u.", "a key without a value"},
      {start + "(" + text("w") + "d.", "a key without a value"},
      {start + "s.", "empty stack"},
      {start + "}(0.", "empty stack"},
      {start + "}(\x85.", "empty stack"},
      {start + "h\x05.", "never stored"},
      {start + std::string("j\xff\xff\xff\xff.", 6), "never stored"},
      {start + std::string("}r\xff\xff\xff\xff.", 7), "no tensor"},
      {start + std::string("X\xff\xff\xff\xff.", 6), "truncated"},
      {start + "c" + std::string(1000, 'a'), "truncated"},
      {start + "cos\nsystem\n(" + text("true") + "tR.", "os system"},
      {start + text("os") + text("system") + "\x93.", "os system"},
      {start + "ctorch\nFloatStorage\n)R.", "not a function"},
      {start + "ctorch._utils\n_rebuild_parameter\n)R.", "has no tensor"},
      {start + "ctorch._utils\n_rebuild_tensor_v2\n)R.", "malformed"},
      {start + "})R.", "not a function"},
      {start + ")Q.", "a storage is malformed"},
      {start + ")}b.", "not a dict"},
      {start + "]}a.", "does not hold a dict"},
      {start + "}" + integer(1) + pickled({}) + "s.", "not a string"},
      {start + "}" + text("w") + pickled({}) + "s" + text("w") + pickled({}) + "s.", "twice"},
      {"\x80\x09}.", "protocol"},
      {start + "i", "opcode 105"},
  };
  EXPECT_EQ(read_torch_archive(write(good)).tensors.size(), 1u);
  for (const Case& bad : cases) {
    EXPECT_THAT(error_of(write(bad.pickle)), HasSubstr(bad.message)) << bad.message;
  }
  EXPECT_THAT(error_of(write(good, "big")), HasSubstr("byte order"));
}

TEST_F(CraftedArchive, DeepNestingAndCyclesDoNotOverflowTheStack) {
  const std::string deep = "\x80\x02" + std::string(2'000'000, ']') + ".";
  EXPECT_THAT(error_of(write(deep)), HasSubstr("broken stack"));
  std::string tuples = "\x80\x02)" + std::string(2'000'000, '\x85');
  EXPECT_THAT(error_of(write(tuples + ".")), HasSubstr("does not hold a dict"));
  // A dict that holds itself.
  const std::string cycle =
      "\x80\x02}q" + std::string(1, '\0') + text("model") + "h" + std::string(1, '\0') + "s.";
  EXPECT_THAT(error_of(write(cycle)), HasSubstr("no tensor"));
}

class MutatedArchive : public testing::TestWithParam<const char*> {
 protected:
  // Whether it loads; uses every element, so that a sanitizer sees an over-read.
  bool loads(const std::string& bytes) const {
    try {
      const WeightFile file = read_torch_archive(folder_.write("x.pt", bytes));
      for (const auto& [name, tensor] : file.tensors) {
        if (tensor.scalar_type() != at::kBool) tensor.to(at::kDouble).sum();
      }
      return true;
    } catch (const IoError&) {
      return false;
    }
  }

  TemporaryFolder folder_;
};

TEST_P(MutatedArchive, TruncatedFilesThrowIoError) {
  const std::string good = read_bytes(golden(GetParam()));
  for (size_t size = 1; size < good.size(); size += 23) {
    EXPECT_FALSE(loads(good.substr(0, size))) << size;
  }
}

TEST_P(MutatedArchive, FlippedBytesLoadOrThrowIoError) {
  const std::string good = read_bytes(golden(GetParam()));
  std::mt19937 random(1);
  int loaded = 0;
  constexpr int kMutations = 300;
  for (int i = 0; i < kMutations; ++i) {
    std::string bytes = good;
    for (uint32_t flips = 1 + random() % 3; flips > 0; --flips) {
      bytes[random() % bytes.size()] = static_cast<char>(random());
    }
    loaded += loads(bytes) ? 1 : 0;
  }
  EXPECT_GT(loaded, 0);  // both outcomes occur, or the mutations miss the point
  EXPECT_LT(loaded, kMutations);
}

INSTANTIATE_TEST_SUITE_P(
    Goldens,
    MutatedArchive,
    testing::Values("plain.pt", "nested_model.pt", "dtypes.pt", "protocol_4.pt", "deflated.pt"));

}  // namespace
}  // namespace vggt
