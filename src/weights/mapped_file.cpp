// SPDX-License-Identifier: Apache-2.0
#include "src/weights/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>

#include <nlohmann/json.hpp>

#include "src/base/error.h"

namespace vggt {

MappedFile::MappedFile(const std::string& path) {
  // Without O_NONBLOCK opening a pipe would wait for its writer.
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0) throw IoError(path, std::string("cannot be opened: ") + std::strerror(errno));
  std::string problem;
  struct stat info {};
  if (fstat(file, &info) != 0) {
    problem = std::string("cannot be examined: ") + std::strerror(errno);
  } else if (S_ISDIR(info.st_mode)) {
    problem = "is a folder, a file is needed";
  } else if (!S_ISREG(info.st_mode)) {
    problem = "is not a regular file";
  } else if (info.st_size == 0) {
    problem = "is empty";
  } else {
    size_ = static_cast<size_t>(info.st_size);
    // Not reserved: a private writable mapping would otherwise count against the machine's memory
    // at once.
    void* const address =
        mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, file, 0);
    if (address == MAP_FAILED) {
      problem = std::string("cannot be mapped: ") + std::strerror(errno);
    } else {
      data_ = static_cast<char*>(address);
    }
  }
  close(file);
  if (!problem.empty()) throw IoError(path, problem);
}

MappedFile::~MappedFile() { munmap(data_, size_); }

bool MappedFile::drop_pages(const void* begin, size_t size) const {
  const auto first = reinterpret_cast<uintptr_t>(data_);
  const auto address = reinterpret_cast<uintptr_t>(begin);
  if (address < first || address - first > size_ || size > size_ - (address - first)) return false;
  const auto page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  const uintptr_t inner_begin = (address + page - 1) / page * page;
  const uintptr_t inner_end = (address + size) / page * page;
  // Advice only: if it fails, memory stays in use and nothing else changes.
  if (inner_end > inner_begin) {
    madvise(reinterpret_cast<void*>(inner_begin), inner_end - inner_begin, MADV_DONTNEED);
  }
  return true;
}

std::string quote(std::string_view name) {
  constexpr size_t kMaxLength = 120;
  std::string shown(name.substr(0, kMaxLength));
  if (name.size() > kMaxLength) shown += "...";
  return nlohmann::json(shown).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace vggt
