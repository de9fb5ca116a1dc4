// SPDX-License-Identifier: Apache-2.0
#include "src/base/error.h"
#include "src/image/decode.h"
#include "tests/support/temporary_folder.h"

#include <gtest/gtest.h>

#include <filesystem>

namespace vggt {
namespace {

std::vector<std::string> names_in(const TemporaryFolder& folder) {
  std::vector<std::string> names;
  for (const std::string& path : list_images(folder.path())) {
    EXPECT_TRUE(std::filesystem::exists(path)) << path;
    names.push_back(std::filesystem::path(path).filename().string());
  }
  return names;
}

std::string reason_of_failure(const std::string& folder) {
  try {
    list_images(folder);
  } catch (const IoError& error) {
    return error.what();
  }
  return "";
}

TEST(ListImages, SortsAsPeopleCount) {
  const TemporaryFolder folder;
  const std::vector<std::string> sorted = {"1.png",
                                           "2.jpg",
                                           "10.jpg",
                                           "a.png",
                                           "IMG2.jpg",
                                           "img2b.jpg",
                                           "img010.png",
                                           "IMG10a.JPG",
                                           "img11.jpeg",
                                           "z.PNG"};
  for (auto name = sorted.rbegin(); name != sorted.rend(); ++name) folder.write(*name, "x");
  EXPECT_EQ(names_in(folder), sorted);
}

TEST(ListImages, OrdersNamesThatCountTheSame) {
  const TemporaryFolder folder;
  for (const std::string name : {"a1.png", "a01.png", "A1.png", "a001.png"})
    folder.write(name, "x");
  EXPECT_EQ(names_in(folder),
            (std::vector<std::string>{"A1.png", "a001.png", "a01.png", "a1.png"}));
}

TEST(ListImages, ComparesNumbersOfAnyLength) {
  const TemporaryFolder folder;
  const std::vector<std::string> sorted = {
      "99999999999999999999.png", "100000000000000000000.png", "100000000000000000001.png"};
  for (auto name = sorted.rbegin(); name != sorted.rend(); ++name) folder.write(*name, "x");
  EXPECT_EQ(names_in(folder), sorted);
}

TEST(ListImages, TakesOnlyPicturesDirectlyInTheFolder) {
  const TemporaryFolder folder;
  for (const std::string name :
       {"a.jpg", "b.JPEG", "c.PnG", "d.txt", "e.gif", "jpg", "f.jpg.bak", "._a.jpg"}) {
    folder.write(name, "x");
  }
  std::filesystem::create_directories(folder.file("sub.jpg"));
  folder.write("sub.jpg/inside.jpg", "x");
  std::filesystem::create_symlink("gone.jpg", folder.file("dead_link.jpg"));
  std::filesystem::create_symlink("a.jpg", folder.file("link.jpg"));
  EXPECT_EQ(names_in(folder), (std::vector<std::string>{"a.jpg", "b.JPEG", "c.PnG", "link.jpg"}));
}

TEST(ListImages, SaysWhyThereAreNone) {
  const TemporaryFolder folder;
  EXPECT_NE(reason_of_failure(folder.file("none")).find("no such folder"), std::string::npos);
  EXPECT_NE(reason_of_failure(folder.write("a.txt", "x")).find("is not a folder"),
            std::string::npos);
  folder.write("b.heic", "x");
  const std::string reason = reason_of_failure(folder.path());
  EXPECT_NE(reason.find("2 files"), std::string::npos) << reason;
  EXPECT_NE(reason.find(".jpg, .jpeg and .png"), std::string::npos) << reason;
}

}  // namespace
}  // namespace vggt
