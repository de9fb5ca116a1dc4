// SPDX-License-Identifier: Apache-2.0
#include "src/weights/torch_archive.h"

#include <ATen/ATen.h>
#include <caffe2/serialize/inline_container.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "src/base/error.h"
#include "src/weights/mapped_file.h"
#include "src/weights/pickle.h"

namespace vggt {
namespace {

using Value = PickleValue;
using Kind = Value::Kind;

constexpr size_t kMaxPickleBytes = size_t{16}
                                   << 20;  // VGGT-1B's is 0.3 MB; bounds the memory for values

// Throws unless every element lies in the storage, and there are at most as many as it holds.
void check_geometry(const Value& tensor) {
  const auto item_size = static_cast<int64_t>(c10::elementSize(*tensor.dtype));
  const int64_t capacity = tensor.storage_bytes / item_size;
  require(tensor.sizes.size() == tensor.strides.size(),
          "has sizes and strides of different length");
  require(tensor.integer >= 0, "has a negative offset");
  int64_t last = tensor.integer;
  int64_t numel = 1;
  bool empty = false;
  for (size_t i = 0; i < tensor.sizes.size(); ++i) {
    const int64_t size = tensor.sizes[i];
    require(size >= 0 && tensor.strides[i] >= 0, "has a negative size or stride");
    empty = empty || size == 0;
    const int64_t steps = std::max<int64_t>(size, 1) - 1;
    int64_t span = 0;
    require(!__builtin_mul_overflow(numel, steps + 1, &numel) &&
                !__builtin_mul_overflow(steps, tensor.strides[i], &span) &&
                !__builtin_add_overflow(last, span, &last),
            "has sizes or strides that overflow");
  }
  int64_t bytes = 0;
  require(!__builtin_mul_overflow(numel, item_size, &bytes), "has sizes that overflow");
  if (empty) return;
  require(last < capacity, "reaches past the end of its storage");
  require(numel <= capacity, "repeats the elements of its storage (stride 0); save a copy of it");
}

// The archive's bytes for LibTorch's zip reader.
class MappedBytes : public caffe2::serialize::ReadAdapterInterface {
 public:
  explicit MappedBytes(std::shared_ptr<MappedFile> file) : file_(std::move(file)) {}
  size_t size() const override { return file_->size(); }
  size_t read(uint64_t position, void* buffer, size_t size, const char*) const override {
    if (position >= file_->size()) return 0;
    const size_t count = std::min<uint64_t>(size, file_->size() - position);
    std::memcpy(buffer, file_->data() + position, count);
    return count;
  }

 private:
  std::shared_ptr<MappedFile> file_;
};

// One entry of the archive: in the mapping, or unpacked.
struct Record {
  char* data = nullptr;
  size_t size = 0;
  std::shared_ptr<void> owner;
};

class Archive {
 public:
  explicit Archive(std::shared_ptr<MappedFile> file)
      : file_(std::move(file)), reader_(std::make_shared<MappedBytes>(file_)) {
    if (reader_.hasRecord("byteorder")) {
      const Record order = record("byteorder");
      require(std::string_view(order.data, order.size) == "little", "its byte order is not little");
    }
  }

  Record record(const std::string& name) {
    if (!reader_.hasRecord(name)) {
      throw ArchiveError("entry " + quote(name) + " is missing in the archive");
    }
    const size_t size = reader_.getRecordSize(name);
    const size_t header = reader_.getRecordHeaderOffset(name);
    constexpr size_t kMethodOffset = 8;  // of a zip entry's header; 0: stored as it is
    require(header <= file_->size() && file_->size() - header >= kMethodOffset + 2,
            "lies past the end of the file");
    if (file_->data()[header + kMethodOffset] != 0 ||
        file_->data()[header + kMethodOffset + 1] != 0) {
      return unpack(name, size);
    }
    const size_t offset = reader_.getRecordOffset(name);
    require(offset <= file_->size() && size <= file_->size() - offset,
            "lies past the end of the file");
    return {.data = file_->data() + offset, .size = size, .owner = file_};
  }

  at::Tensor tensor(const Value& value) {
    check_geometry(value);
    const auto options = at::TensorOptions().dtype(*value.dtype);
    if (std::find(value.sizes.begin(), value.sizes.end(), 0) != value.sizes.end()) {
      return at::empty(value.sizes, options);
    }
    const Record storage = storage_of(value.text);
    require(static_cast<uint64_t>(value.storage_bytes) <= storage.size,
            "has a storage that is larger than its bytes in the archive");
    char* const address =
        storage.data + value.integer * static_cast<int64_t>(c10::elementSize(*value.dtype));
    return at::from_blob(
        address, value.sizes, value.strides, [owner = storage.owner](void*) {}, options);
  }

 private:
  Record unpack(const std::string& name, size_t size) {
    constexpr size_t kMaxRatio = 1032;  // of the zip format: more is a lie about the size
    require(size / kMaxRatio <= file_->size(), "claims more bytes than zip can pack");
    auto [data, unpacked_size] = reader_.getRecord(name);
    const auto owner = std::make_shared<at::DataPtr>(std::move(data));
    return {.data = static_cast<char*>(owner->get()), .size = unpacked_size, .owner = owner};
  }

  // Tensors that share a storage share its unpacked bytes.
  const Record& storage_of(const std::string& key) {
    const auto [known, is_new] = storages_.try_emplace(key);
    if (is_new) {
      Record storage = record("data/" + key);
      constexpr size_t kAlignment = alignof(std::max_align_t);
      if (reinterpret_cast<uintptr_t>(storage.data) % kAlignment != 0) storage = copy_of(storage);
      known->second = storage;
    }
    return known->second;
  }

  static Record copy_of(const Record& record) {
    const at::Tensor copy = at::empty({static_cast<int64_t>(record.size)}, at::kByte);
    char* const data = static_cast<char*>(copy.data_ptr());
    std::memcpy(data, record.data, record.size);
    return {.data = data, .size = record.size, .owner = std::make_shared<at::Tensor>(copy)};
  }

  std::shared_ptr<MappedFile> file_;
  caffe2::serialize::PyTorchStreamReader reader_;
  std::map<std::string, Record> storages_;
};

const Value* find(const Value& dict, std::string_view key) {
  for (size_t i = 0; i < dict.items.size(); i += 2) {
    const bool equal = dict.items[i]->kind == Kind::kString && dict.items[i]->text == key;
    if (equal) return dict.items[i + 1];
  }
  return nullptr;
}

bool holds_tensors(const Value& dict) {
  for (size_t i = 1; i < dict.items.size(); i += 2) {
    if (dict.items[i]->kind == Kind::kTensor) return true;
  }
  return false;
}

const Value& find_state_dict(const Value& root) {
  require(root.kind == Kind::kDict, "it does not hold a dict");
  for (const char* key : {"model", "state_dict"}) {
    const Value* const nested = find(root, key);
    if (nested && nested->kind == Kind::kDict && holds_tensors(*nested)) return *nested;
  }
  require(holds_tensors(root), "it holds no tensor, also not under 'model' or 'state_dict'");
  return root;
}

WeightFile read_zip(const std::string& path, const std::shared_ptr<MappedFile>& file) {
  Archive archive(file);
  const Record pickle = archive.record("data.pkl");
  require(pickle.size <= kMaxPickleBytes, "its pickle is longer than 16 MB");
  const Pickle values = read_pickle(std::string_view(pickle.data, pickle.size));
  const Value& state_dict = find_state_dict(*values.root);

  WeightFile result{.path = path, .format = "torch archive", .tensors = {}, .metadata = {}};
  for (size_t i = 0; i < state_dict.items.size(); i += 2) {
    const Value& key = *state_dict.items[i];
    const Value& value = *state_dict.items[i + 1];
    if (value.kind != Kind::kTensor) continue;
    require(key.kind == Kind::kString, "a tensor's key is not a string");
    try {
      const at::Tensor tensor = archive.tensor(value);
      require(result.tensors.emplace(key.text, tensor).second, "occurs twice");
      const auto bytes = static_cast<int64_t>(tensor.nbytes());
      require(!__builtin_add_overflow(result.bytes, bytes, &result.bytes), "is one too many");
    } catch (const ArchiveError& error) {
      throw ArchiveError("tensor " + quote(key.text) + ": " + error.what());
    }
  }
  result.mappings.push_back(file);
  return result;
}

}  // namespace

WeightFile read_torch_archive(const std::string& path) {
  const auto file = std::make_shared<MappedFile>(path);
  if (file->bytes().starts_with("\x80\x02")) {
    throw IoError(path,
                  "was written by torch.save before PyTorch 1.6: load it with a recent PyTorch and "
                  "save it again");
  }
  if (!file->bytes().starts_with("PK")) throw IoError(path, "is not an archive of torch.save");
  // From the back, where the archive lists what it holds.
  if (file->bytes().rfind("data.pkl") == std::string_view::npos) {
    throw IoError(path,
                  "is a zip archive, but not one of torch.save (no data.pkl in it); if the weights "
                  "are inside, unpack it");
  }
  try {
    return read_zip(path, file);
  } catch (const c10::Error& error) {
    throw IoError(path, std::string("torch archive: ") + error.what_without_backtrace());
  } catch (const std::exception& error) {
    throw IoError(path, std::string("torch archive: ") + error.what());
  }
}

}  // namespace vggt
