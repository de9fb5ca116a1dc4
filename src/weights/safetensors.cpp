// SPDX-License-Identifier: Apache-2.0
#include "src/weights/safetensors.h"

#include <ATen/ATen.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <limits>
#include <set>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>

#include "src/base/error.h"
#include "src/weights/mapped_file.h"

namespace vggt {
namespace {

using nlohmann::json;

constexpr uint64_t kMaxHeaderBytes = 100'000'000;  // the format's own limit
constexpr size_t kMaxRank = 64;
constexpr const char* kMetadataKey = "__metadata__";

struct DtypeName {
  const char* name;
  at::ScalarType type;
};

constexpr DtypeName kDtypes[] = {
    {"F64", at::kDouble},
    {"F32", at::kFloat},
    {"F16", at::kHalf},
    {"BF16", at::kBFloat16},
    {"F8_E4M3", at::kFloat8_e4m3fn},
    {"F8_E5M2", at::kFloat8_e5m2},
    {"I64", at::kLong},
    {"I32", at::kInt},
    {"I16", at::kShort},
    {"I8", at::kChar},
    {"U64", at::kUInt64},
    {"U32", at::kUInt32},
    {"U16", at::kUInt16},
    {"U8", at::kByte},
    {"BOOL", at::kBool},
};

// One tensor of a header; begin and end count from the first byte after the header.
struct Entry {
  std::string name;
  at::ScalarType dtype;
  std::vector<int64_t> shape;
  int64_t begin;
  int64_t end;
};

// What an error is about: a file, and in most cases a tensor of it.
struct Place {
  std::string path;
  std::string tensor;

  [[noreturn]] void fail(const std::string& field, const std::string& reason) const {
    const std::string where = tensor.empty() ? "" : "tensor " + quote(tensor) + ": ";
    throw IoError(path, where + field + ": " + reason);
  }
};

// nlohmann keeps the last of two equal keys without a word, and its values nest as deep as the
// text.
json parse_json(const std::string& path, const std::string& what, std::string_view text) {
  constexpr int kMaxDepth = 16;
  std::vector<std::set<std::string>> keys_of_open_objects;
  const auto check = [&](int depth, json::parse_event_t event, json& parsed) {
    if (depth > kMaxDepth) throw IoError(path, what + ": nested too deep");
    if (event == json::parse_event_t::object_start) {
      keys_of_open_objects.emplace_back();
    } else if (event == json::parse_event_t::object_end) {
      keys_of_open_objects.pop_back();
    } else if (event == json::parse_event_t::key) {
      const auto& key = parsed.get_ref<const std::string&>();
      if (!keys_of_open_objects.back().insert(key).second) {
        throw IoError(path, what + ": key " + quote(key) + " occurs twice");
      }
    }
    return true;
  };
  try {
    json root = json::parse(text.begin(), text.end(), check);
    if (!root.is_object()) throw IoError(path, what + ": is not a JSON object");
    return root;
  } catch (const json::exception& error) {
    throw IoError(path, what + ": is not valid JSON: " + error.what());
  }
}

const json& member(const json& object, const char* field, const Place& place) {
  const auto found = object.find(field);
  if (found == object.end()) place.fail(field, "is missing");
  return *found;
}

int64_t natural_number(const json& value, const char* field, const Place& place) {
  const bool fits = value.is_number_unsigned() &&
                    value.get<uint64_t>() <= uint64_t{std::numeric_limits<int64_t>::max()};
  if (!fits) place.fail(field, "must hold whole numbers from 0 to 2^63 - 1");
  return value.get<int64_t>();
}

at::ScalarType parse_dtype(const json& value, const Place& place) {
  if (!value.is_string()) place.fail("dtype", "must be a string");
  const auto& name = value.get_ref<const std::string&>();
  for (const DtypeName& known : kDtypes) {
    if (name == known.name) return known.type;
  }
  place.fail("dtype", quote(name) + " is not known");
}

std::vector<int64_t> parse_shape(const json& value, const Place& place) {
  if (!value.is_array()) place.fail("shape", "must be an array");
  if (value.size() > kMaxRank) place.fail("shape", "has more than 64 dimensions");
  std::vector<int64_t> shape;
  for (const json& size : value) shape.push_back(natural_number(size, "shape", place));
  return shape;
}

int64_t checked_bytes(const std::vector<int64_t>& shape, at::ScalarType dtype, const Place& place) {
  int64_t bytes = static_cast<int64_t>(c10::elementSize(dtype));
  bool empty = false;
  for (const int64_t size : shape) {
    empty = empty || size == 0;
    // LibTorch computes strides with 1 in place of 0, so an empty tensor may overflow as well.
    if (__builtin_mul_overflow(bytes, std::max<int64_t>(size, 1), &bytes)) {
      place.fail("shape", "the number of bytes overflows");
    }
  }
  return empty ? 0 : bytes;
}

Entry parse_entry(const std::string& name, const json& value, int64_t data_size, Place place) {
  place.tensor = name;
  if (!value.is_object()) place.fail("entry", "must be a JSON object");
  Entry entry{.name = name,
              .dtype = parse_dtype(member(value, "dtype", place), place),
              .shape = parse_shape(member(value, "shape", place), place),
              .begin = 0,
              .end = 0};
  const json& offsets = member(value, "data_offsets", place);
  if (!offsets.is_array() || offsets.size() != 2) {
    place.fail("data_offsets", "must be two whole numbers");
  }
  entry.begin = natural_number(offsets[0], "data_offsets", place);
  entry.end = natural_number(offsets[1], "data_offsets", place);
  const std::string range = c10::str("[", entry.begin, ", ", entry.end, "]");
  if (entry.begin > entry.end) place.fail("data_offsets", range + " ends before it begins");
  if (entry.end > data_size) {
    place.fail("data_offsets",
               range + " goes past the end of the file, which holds " + std::to_string(data_size) +
                   " bytes of data");
  }
  const int64_t bytes = checked_bytes(entry.shape, entry.dtype, place);
  if (entry.end - entry.begin != bytes) {
    place.fail("data_offsets",
               range + " does not span the " + std::to_string(bytes) + " bytes of the shape");
  }
  for (const auto& [field, unused] : value.items()) {
    if (field != "dtype" && field != "shape" && field != "data_offsets") {
      place.fail(quote(field), "is not a field of this format");
    }
  }
  return entry;
}

// The format wants the data to be covered exactly once: a hole may hide something, an overlap ties
// weights.
void check_coverage(std::vector<Entry>& entries, int64_t data_size, Place place) {
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
  });
  int64_t covered = 0;
  for (const Entry& entry : entries) {
    place.tensor = entry.name;
    if (entry.begin < covered) place.fail("data_offsets", "overlaps another tensor");
    if (entry.begin > covered) {
      place.fail("data_offsets", "leaves a gap after byte " + std::to_string(covered));
    }
    covered = entry.end;
  }
  place.tensor.clear();
  if (covered != data_size) {
    place.fail("data",
               "the file holds " + std::to_string(data_size) + " bytes of data, its tensors " +
                   std::to_string(covered));
  }
}

std::map<std::string, std::string> parse_metadata(const json& value, const Place& place) {
  if (!value.is_object()) place.fail(kMetadataKey, "must be a JSON object");
  std::map<std::string, std::string> metadata;
  for (const auto& [key, text] : value.items()) {
    if (!text.is_string()) place.fail(kMetadataKey, quote(key) + " must be a string");
    metadata[key] = text.get<std::string>();
  }
  return metadata;
}

at::Tensor view_of(const Entry& entry, const std::shared_ptr<MappedFile>& file, char* data) {
  const auto options = at::TensorOptions().dtype(entry.dtype);
  if (entry.begin == entry.end) return at::empty(entry.shape, options);
  char* const address = data + entry.begin;
  if (reinterpret_cast<uintptr_t>(address) % c10::elementSize(entry.dtype) != 0) {
    at::Tensor copy = at::empty(entry.shape, options);
    std::memcpy(copy.data_ptr(), address, static_cast<size_t>(entry.end - entry.begin));
    return copy;
  }
  // The deleter does nothing but hold the mapping as long as the tensor lives.
  return at::from_blob(
      address, entry.shape, [file](void*) {}, options);
}

// Only a plain name: an index must not reach out of its folder.
void check_shard_name(const std::string& shard, const Place& place) {
  const bool plain = !shard.empty() && shard != "." && shard != ".." &&
                     shard.find_first_of(std::string_view("/\\\0", 3)) == std::string::npos;
  if (!plain) place.fail("weight_map", quote(shard) + " must be a file name without a folder");
}

std::map<std::string, std::set<std::string>> parse_weight_map(const json& index, Place place) {
  const json& weight_map = member(index, "weight_map", place);
  if (!weight_map.is_object() || weight_map.empty()) {
    place.fail("weight_map", "must be a JSON object that is not empty");
  }
  std::map<std::string, std::set<std::string>> tensors_of_shard;
  for (const auto& [tensor, value] : weight_map.items()) {
    place.tensor = tensor;
    if (!value.is_string()) place.fail("weight_map", "must name a file");
    const auto& shard = value.get_ref<const std::string&>();
    check_shard_name(shard, place);
    tensors_of_shard[shard].insert(tensor);
  }
  return tensors_of_shard;
}

// A file under another name until it is complete.
class PendingFile {
 public:
  explicit PendingFile(std::string path)
      : path_(std::move(path)), pending_path_(path_ + ".XXXXXX") {
    file_ = mkostemp(pending_path_.data(), O_CLOEXEC);
    if (file_ < 0) fail("cannot be created");
    const mode_t mask = umask(0);
    umask(mask);
    fchmod(file_, 0666 & ~mask);  // mkostemp makes it private
  }
  ~PendingFile() {
    if (file_ >= 0) close(file_);
    if (!complete_) unlink(pending_path_.c_str());
  }
  PendingFile(const PendingFile&) = delete;
  PendingFile& operator=(const PendingFile&) = delete;

  void write(const void* data, size_t size) {
    const char* next = static_cast<const char*>(data);
    while (size > 0) {
      const ssize_t written = ::write(file_, next, size);
      if (written < 0) {
        if (errno == EINTR) continue;
        fail("cannot be written");
      }
      next += written;
      size -= static_cast<size_t>(written);
    }
  }

  void finish() {
    if (fsync(file_) != 0) fail("cannot be written");
    const int status = close(std::exchange(file_, -1));
    if (status != 0) fail("cannot be written");
    if (rename(pending_path_.c_str(), path_.c_str()) != 0) fail("cannot be replaced");
    complete_ = true;
  }

 private:
  [[noreturn]] void fail(const char* what) const {
    throw IoError(path_, std::string(what) + ": " + std::strerror(errno));
  }

  std::string path_;
  std::string pending_path_;
  int file_ = -1;
  bool complete_ = false;
};

const char* dtype_name(const at::Tensor& tensor, const Place& place) {
  for (const DtypeName& known : kDtypes) {
    if (tensor.scalar_type() == known.type) return known.name;
  }
  place.fail("dtype", std::string(c10::toString(tensor.scalar_type())) + " cannot be stored");
}

std::string make_header(const std::map<std::string, at::Tensor>& tensors,
                        const std::map<std::string, std::string>& metadata,
                        Place place) {
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!metadata.empty()) header[kMetadataKey] = metadata;
  int64_t offset = 0;
  for (const auto& [name, tensor] : tensors) {
    place.tensor = name;
    if (name == kMetadataKey) place.fail("name", "is reserved by the format");
    if (!tensor.defined() || tensor.layout() != at::kStrided) {
      place.fail("layout", "only dense tensors can be stored");
    }
    const char* const dtype = dtype_name(tensor, place);
    const int64_t end = offset + tensor.numel() * static_cast<int64_t>(tensor.element_size());
    header[name] = {
        {"dtype", dtype}, {"shape", tensor.sizes().vec()}, {"data_offsets", {offset, end}}};
    offset = end;
  }
  place.tensor.clear();
  std::string text;
  try {
    text = header.dump();
  } catch (const json::exception& error) {
    place.fail("header", std::string("a name or the metadata is not UTF-8: ") + error.what());
  }
  text.resize((text.size() + 7) / 8 * 8, ' ');  // so that the data is aligned
  if (text.size() > kMaxHeaderBytes) place.fail("header", "is longer than 100 MB");
  return text;
}

}  // namespace

WeightFile read_safetensors(const std::string& path) {
  const auto file = std::make_shared<MappedFile>(path);
  const Place place{.path = path, .tensor = ""};
  // Little-endian in the file, as on every machine that LibTorch has builds for.
  uint64_t header_size = 0;
  if (file->size() < sizeof(header_size)) {
    place.fail("header length", "the file is shorter than the 8 bytes of this field");
  }
  std::memcpy(&header_size, file->data(), sizeof(header_size));
  const uint64_t space = file->size() - sizeof(header_size);
  if (header_size > space || header_size > kMaxHeaderBytes) {
    place.fail("header length",
               std::to_string(header_size) + " bytes: the file has " + std::to_string(space) +
                   " bytes left, the format allows 100 MB");
  }
  const std::string_view text = file->bytes().substr(sizeof(header_size), header_size);
  if (text.empty() || text.front() != '{') place.fail("header", "does not begin with {");
  const json header = parse_json(path, "header", text);
  const auto data_size = static_cast<int64_t>(space - header_size);

  WeightFile result{.path = path, .format = "safetensors", .tensors = {}, .metadata = {}};
  std::vector<Entry> entries;
  for (const auto& [name, value] : header.items()) {
    if (name == kMetadataKey) {
      result.metadata = parse_metadata(value, place);
    } else {
      entries.push_back(parse_entry(name, value, data_size, place));
    }
  }
  check_coverage(entries, data_size, place);
  char* const data = file->data() + sizeof(header_size) + header_size;
  for (const Entry& entry : entries) result.tensors[entry.name] = view_of(entry, file, data);
  result.bytes = data_size;
  result.mappings.push_back(file);
  return result;
}

WeightFile read_sharded_safetensors(const std::string& index_path) {
  const MappedFile index_file(index_path);
  if (index_file.size() > kMaxHeaderBytes) throw IoError(index_path, "is longer than 100 MB");
  const json index = parse_json(index_path, "index", index_file.bytes());
  const Place place{.path = index_path, .tensor = ""};
  const auto tensors_of_shard = parse_weight_map(index, place);

  WeightFile result{.path = index_path, .format = "", .tensors = {}, .metadata = {}};
  const std::filesystem::path folder = std::filesystem::path(index_path).parent_path();
  for (const auto& [shard, listed] : tensors_of_shard) {
    const std::string where = "shard " + quote(shard) + ": ";
    WeightFile part;
    try {
      part = read_safetensors((folder / shard).string());
    } catch (const IoError& error) {
      throw IoError(index_path, where + error.what());
    }
    for (const std::string& name : listed) {
      if (!part.tensors.count(name)) {
        throw IoError(index_path, where + "tensor " + quote(name) + " is listed but missing");
      }
    }
    for (auto& [name, tensor] : part.tensors) {
      if (!listed.count(name)) {
        throw IoError(
            index_path,
            where + "holds tensor " + quote(name) + ", which the index does not list for it");
      }
      result.tensors[name] = std::move(tensor);
    }
    for (const auto& [key, value] : part.metadata) {
      const auto [known, is_new] = result.metadata.emplace(key, value);
      if (!is_new && known->second != value) {
        throw IoError(index_path, where + "metadata " + quote(key) + " differs between shards");
      }
    }
    result.bytes += part.bytes;
    result.mappings.insert(result.mappings.end(), part.mappings.begin(), part.mappings.end());
  }
  result.format = "safetensors (" + std::to_string(tensors_of_shard.size()) + " shards)";
  return result;
}

void write_safetensors(const std::string& path,
                       const std::map<std::string, at::Tensor>& tensors,
                       const std::map<std::string, std::string>& metadata) {
  const std::string header = make_header(tensors, metadata, {.path = path, .tensor = ""});
  PendingFile file(path);
  const uint64_t header_size = header.size();
  file.write(&header_size, sizeof(header_size));
  file.write(header.data(), header.size());
  for (const auto& [name, tensor] : tensors) {
    // One tensor at a time: a copy of all would double the memory.
    const at::Tensor dense = tensor.detach().to(at::kCPU).contiguous();
    file.write(dense.const_data_ptr(), static_cast<size_t>(dense.nbytes()));
  }
  file.finish();
}

}  // namespace vggt
