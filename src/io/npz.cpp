// SPDX-License-Identifier: Apache-2.0
#include "src/io/npz.h"

#include "src/base/error.h"
#include "src/io/binary_file.h"
#include "src/io/npy.h"
#include "src/io/utf8.h"

#include <ATen/ATen.h>

#include <zip.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <list>
#include <memory>

namespace vggt {
namespace {

constexpr const char* kExtension = ".npy";

std::string last_error(zip_t* archive) { return zip_error_strerror(zip_get_error(archive)); }

std::string reason(int code) {
  zip_error_t error;
  zip_error_init_with_code(&error, code);
  std::string text = zip_error_strerror(&error);
  zip_error_fini(&error);
  return text;
}

// One array on its way into the archive, which reads it only when it is closed.
struct Pending {
  std::string header;
  at::Tensor data;
  std::u32string text;
  std::array<zip_buffer_fragment_t, 2> fragments{};
};

NpyHeader text_header(const std::vector<std::string>& texts, std::u32string& packed) {
  std::vector<std::u32string> decoded;
  size_t longest = 1;  // NumPy has no text of length 0
  for (const std::string& text : texts) {
    decoded.push_back(code_points(text));
    longest = std::max(longest, decoded.back().size());
  }
  for (std::u32string& text : decoded) {
    text.resize(longest, U'\0');
    packed += text;
  }
  return {"<U" + std::to_string(longest), {static_cast<int64_t>(texts.size())}};
}

void add(zip_t* archive, const std::string& path, const std::string& name, Pending& pending) {
  const bool is_text = !pending.data.defined();
  const void* data =
      is_text ? static_cast<const void*>(pending.text.data()) : pending.data.const_data_ptr();
  const uint64_t size =
      is_text ? pending.text.size() * sizeof(char32_t) : uint64_t{pending.data.nbytes()};
  // libzip's fragments are not const, but are only read.
  pending.fragments = {
      {{reinterpret_cast<zip_uint8_t*>(pending.header.data()), pending.header.size()},
       {static_cast<zip_uint8_t*>(const_cast<void*>(data)), size}}};
  zip_source_t* source =
      zip_source_buffer_fragment(archive, pending.fragments.data(), size > 0 ? 2 : 1, 0);
  const zip_int64_t index =
      source ? zip_file_add(archive, (name + kExtension).c_str(), source, ZIP_FL_ENC_UTF_8) : -1;
  if (index < 0) {
    if (source) zip_source_free(source);
    throw IoError(path, "array " + name + " cannot be added: " + last_error(archive));
  }
  // 1980-01-01, zip's first day: the same arrays give the same bytes.
  constexpr zip_uint16_t kFirstDay = 1 << 5 | 1;
  zip_set_file_compression(archive, static_cast<zip_uint64_t>(index), ZIP_CM_STORE, 0);
  zip_file_set_dostime(archive, static_cast<zip_uint64_t>(index), 0, kFirstDay, 0);
}

std::string read_entry(zip_t* archive,
                       const std::string& path,
                       zip_uint64_t index,
                       uint64_t file_size) {
  zip_stat_t stat;
  if (zip_stat_index(archive, index, 0, &stat) != 0) throw IoError(path, last_error(archive));
  const std::string where = std::string("array ") + stat.name + ": ";
  // Deflate packs at most about 1032 to 1: what promises more is a lie that would cost memory.
  constexpr uint64_t kMostPacked = 1100;
  constexpr zip_uint64_t kNeeded = ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE;
  if ((stat.valid & kNeeded) != kNeeded || stat.comp_size > file_size ||
      stat.size / kMostPacked > stat.comp_size) {
    throw IoError(path, where + "its size cannot be true");
  }
  const std::unique_ptr<zip_file_t, int (*)(zip_file_t*)> file(zip_fopen_index(archive, index, 0),
                                                               zip_fclose);
  if (!file) throw IoError(path, where + last_error(archive));
  std::string bytes(stat.size, '\0');
  uint64_t done = 0;
  // One read beyond the end: there the checksum is compared.
  while (true) {
    char beyond = 0;
    char* const to = done < bytes.size() ? bytes.data() + done : &beyond;
    const zip_int64_t got = zip_fread(file.get(), to, std::max(bytes.size() - done, uint64_t{1}));
    if (got < 0) {
      throw IoError(path, where + zip_error_strerror(zip_file_get_error(file.get())));
    }
    if (got == 0) break;
    done += static_cast<uint64_t>(got);
    if (done > bytes.size()) break;
  }
  if (done != bytes.size()) throw IoError(path, where + "its size is not what the archive says");
  return bytes;
}

std::vector<std::string> read_texts(BinaryReader& file, const NpyHeader& header) {
  if (header.shape.size() != 1) throw IoError(file.path(), "shape: texts must be a list");
  std::vector<std::string> texts;
  const auto count = static_cast<uint64_t>(header.shape[0]);
  if (count == 0) return texts;
  std::u32string text(file.remaining() / count / sizeof(char32_t), U'\0');
  for (uint64_t i = 0; i < count; ++i) {
    file.bytes(text.data(), text.size() * sizeof(char32_t), "the text");
    const std::u32string_view all(text);
    const size_t end = all.find_last_not_of(U'\0');
    try {
      texts.push_back(bytes_of(all.substr(0, end == all.npos ? 0 : end + 1)));
    } catch (const std::invalid_argument&) {
      throw IoError(file.path(), "text " + std::to_string(i) + " holds what is no character");
    }
  }
  return texts;
}

}  // namespace

void write_npz(const std::string& path, const NpzFile& npz) {
  TORCH_CHECK(!npz.tensors.empty() || !npz.texts.empty(), "write_npz: no arrays");
  std::list<Pending> arrays;
  std::map<std::string, Pending*> by_name;
  for (const auto& [name, tensor] : npz.tensors) {
    Pending& array = arrays.emplace_back();
    array.data = tensor.detach().cpu().contiguous();
    array.header = npy_header_bytes(npy_header(array.data));
    by_name[name] = &array;
  }
  for (const auto& [name, texts] : npz.texts) {
    TORCH_CHECK(!by_name.contains(name), "write_npz: two arrays are called ", name);
    Pending& array = arrays.emplace_back();
    array.header = npy_header_bytes(text_header(texts, array.text));
    by_name[name] = &array;
  }
  int code = 0;
  zip_t* const archive = zip_open(path.c_str(), ZIP_CREATE | ZIP_TRUNCATE, &code);
  if (!archive) throw IoError(path, "cannot be created: " + reason(code));
  try {
    for (const auto& [name, array] : by_name) add(archive, path, name, *array);
    if (zip_close(archive) != 0) throw IoError(path, "cannot be written: " + last_error(archive));
  } catch (...) {
    zip_discard(archive);
    throw;
  }
}

NpzFile read_npz(const std::string& path) {
  int code = 0;
  const std::unique_ptr<zip_t, void (*)(zip_t*)> archive(
      zip_open(path.c_str(), ZIP_RDONLY | ZIP_CHECKCONS, &code), zip_discard);
  if (!archive) throw IoError(path, "cannot be read: " + reason(code));
  std::error_code error;
  const uint64_t file_size = std::filesystem::file_size(path, error);
  if (error) throw IoError(path, "cannot be read: " + error.message());
  NpzFile npz;
  for (zip_int64_t i = 0; i < zip_get_num_entries(archive.get(), 0); ++i) {
    const auto index = static_cast<zip_uint64_t>(i);
    const std::string file_name = zip_get_name(archive.get(), index, 0);
    if (!file_name.ends_with(kExtension)) {
      throw IoError(path, "holds " + file_name + ", which is no NumPy array");
    }
    const std::string bytes = read_entry(archive.get(), path, index, file_size);
    BinaryReader file(path + ": " + file_name, bytes);
    const NpyHeader header = read_npy_header(file);
    const std::string name = file_name.substr(0, file_name.size() - std::strlen(kExtension));
    if (npz.tensors.contains(name) || npz.texts.contains(name)) {
      throw IoError(path, "array " + name + " occurs twice");
    }
    if (header.descr.starts_with("<U")) {
      npz.texts[name] = read_texts(file, header);
    } else {
      npz.tensors[name] = read_npy_data(file, header);
    }
  }
  return npz;
}

}  // namespace vggt
