// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <c10/core/ScalarType.h>

namespace vggt {

/// Why a torch.save archive cannot be read; its caller adds the file's name.
struct ArchiveError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Throws ArchiveError(reason) unless `condition` holds.
void require(bool condition, const char* reason);

/// A value of the pickle. Only what leads to tensors is kept, the rest is kOther. Values refer to
/// each other by plain pointers into one arena, so that neither cycles nor deep nesting matter when
/// they are freed.
struct PickleValue {
  enum class Kind { kOther, kInteger, kString, kTuple, kList, kDict, kGlobal, kStorage, kTensor };
  Kind kind = Kind::kOther;
  int64_t integer = 0;  // kInteger; kStorage: bytes; kTensor: offset in elements
  std::string text;     // kString; kGlobal: "module name"; kStorage, kTensor: the archive's key
  std::vector<PickleValue*> items;  // kTuple, kList; kDict: key, value, key, value ...
  std::optional<at::ScalarType>
      dtype;                  // kTensor; kStorage unless untyped; kGlobal: a dtype or typed storage
  int64_t storage_bytes = 0;  // kTensor, as are the next
  std::vector<int64_t> sizes;
  std::vector<int64_t> strides;
};

/// The value of the pickle of a torch.save file, and all that it refers to. Whatever the pickle
/// asks for beyond plain data and tensors is an ArchiveError; nothing in it is executed.
///
/// LibTorch's own torch::jit::Unpickler is not used: it refuses every OrderedDict with items, which
/// is what module.state_dict() is, and it trusts the pickle in places (counts, storage sizes, memo
/// numbers).
struct Pickle {
  std::deque<PickleValue> values;
  const PickleValue* root = nullptr;
};

Pickle read_pickle(std::string_view bytes);

}  // namespace vggt
