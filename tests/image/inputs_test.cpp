// SPDX-License-Identifier: Apache-2.0
#include "src/image/inputs.h"

#include "src/base/error.h"
#include "tests/support/message_of.h"
#include "tests/support/temporary_folder.h"

#include <gmock/gmock.h>

#include <filesystem>

namespace vggt {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using Names = std::vector<std::string>;

/// A folder of files that hold one letter.
class Tree : public TemporaryFolder {
 public:
  explicit Tree(const Names& files) {
    for (const std::string& name : files) {
      fs::create_directories(fs::path(file(name)).parent_path());
      write(name, "x");
    }
  }
};

Names names_of(const InputOptions& options) {
  Names names;
  for (const Photo& photo : list_photos(options)) {
    EXPECT_TRUE(fs::is_regular_file(photo.path)) << photo.path;
    EXPECT_EQ(fs::path(photo.path).filename(), fs::path(photo.name).filename());
    names.push_back(photo.name);
  }
  return names;
}

Names names_in(const Tree& folder) { return names_of({.inputs = {folder.path()}}); }

std::string failure(const InputOptions& options) {
  return message_of<IoError>([&] { list_photos(options); });
}

TEST(Inputs, SortsFoldersAsPeopleCount) {
  const Names sorted = {"1.png",
                        "2.jpg",
                        "10.jpg",
                        "a.png",
                        "IMG2.jpg",
                        "img2b.jpg",
                        "img010.png",
                        "IMG10a.JPG",
                        "img11.jpeg",
                        "z.PNG"};
  EXPECT_THAT(names_in(Tree(Names(sorted.rbegin(), sorted.rend()))), ElementsAreArray(sorted));
}

TEST(Inputs, OrdersNamesThatCountTheSame) {
  EXPECT_THAT(names_in(Tree({"a1.png", "a01.png", "A1.png", "a001.png"})),
              ElementsAre("A1.png", "a001.png", "a01.png", "a1.png"));
}

TEST(Inputs, ComparesNumbersOfAnyLength) {
  const Names sorted = {
      "99999999999999999999.png", "100000000000000000000.png", "100000000000000000001.png"};
  EXPECT_THAT(names_in(Tree(Names(sorted.rbegin(), sorted.rend()))), ElementsAreArray(sorted));
}

TEST(Inputs, TakesOfAFolderOnlyThePicturesDirectlyInIt) {
  const Tree folder({"a.jpg",
                     "b.JPEG",
                     "c.PnG",
                     "d.webp",
                     "e.tif",
                     "f.TIFF",
                     "g.bmp",
                     "h.HEIC",
                     "i.heif",
                     "j.avif",
                     "n.txt",
                     "n.gif",
                     "n.mp4",
                     "jpg",
                     "n.jpg.bak",
                     "._a.jpg",
                     "sub.jpg/inside.jpg"});
  fs::create_symlink("a.jpg", folder.file("link.jpg"));
  EXPECT_THAT(names_in(folder),
              ElementsAre("a.jpg",
                          "b.JPEG",
                          "c.PnG",
                          "d.webp",
                          "e.tif",
                          "f.TIFF",
                          "g.bmp",
                          "h.HEIC",
                          "i.heif",
                          "j.avif",
                          "link.jpg"));
}

TEST(Inputs, ReadsSubfoldersOnRequestAndKeepsTheFilesOfEachTogether) {
  const Tree folder({"b/10.jpg", "b/2.jpg", "b c/1.jpg", "a/x/1.jpg", "3.jpg", ".hidden/1.jpg"});
  EXPECT_THAT(names_in(folder), ElementsAre("3.jpg"));
  EXPECT_THAT(names_of({.inputs = {folder.path()}, .recursive = true}),
              ElementsAre("3.jpg", "a/x/1.jpg", "b/2.jpg", "b/10.jpg", "b c/1.jpg"));
}

TEST(Inputs, ReadsEachFolderOnceHoweverManyLinksLeadToIt) {
  // Several pairs, so that the system lists some link before its folder: true names win.
  const Tree folder({"1/1.jpg", "2/1.jpg", "3/1.jpg", "4/1.jpg", "5/in/1.jpg"});
  for (const std::string name : {"1", "2", "3", "4", "5"}) {
    fs::create_directory_symlink(name, folder.file("link" + name));
  }
  const Tree elsewhere({"1.jpg"});
  fs::create_directory_symlink("..", folder.file("5/in/around"));
  fs::create_directory_symlink(elsewhere.path(), folder.file("out"));
  fs::create_directory_symlink(folder.path(), elsewhere.file("back"));
  EXPECT_THAT(names_of({.inputs = {folder.path()}, .recursive = true}),
              ElementsAre("1/1.jpg", "2/1.jpg", "3/1.jpg", "4/1.jpg", "5/in/1.jpg", "out/1.jpg"));
}

TEST(Inputs, KeepsAnyNameThatAFileCanHave) {
  const Names names = {"a b.jpg", "new\nline.png", "straße 大.jpg", "[1].jpg", "x*.jpg"};
  const Tree folder(names);
  EXPECT_THAT(names_in(folder), ::testing::UnorderedElementsAreArray(names));
  // Literal names go before patterns.
  EXPECT_THAT(names_of({.inputs = {folder.file("[1].jpg"), folder.file("x*.jpg")}}),
              ElementsAre("[1].jpg", "x*.jpg"));
}

TEST(Inputs, TakesFilesInTheOrderGivenWhateverTheyAreCalled) {
  const Tree folder({"10.jpg", "2.jpg", "photo", "clip.mp4"});
  EXPECT_THAT(names_of({.inputs = {folder.file("photo"),
                                   folder.file("10.jpg"),
                                   folder.file("clip.mp4"),
                                   folder.file("2.jpg")}}),
              ElementsAre("photo", "10.jpg", "clip.mp4", "2.jpg"));
}

TEST(Inputs, ReplacesPatternsThatTheShellDidNot) {
  const Tree folder({"a/10.jpg", "a/2.jpg", "b/1.jpg", "a/2.png", "a/.3.jpg"});
  EXPECT_THAT(names_of({.inputs = {folder.file("a/*.jpg")}}), ElementsAre("2.jpg", "10.jpg"));
  EXPECT_THAT(names_of({.inputs = {folder.file("[ab]")}}),
              ElementsAre("2.jpg", "2.png", "10.jpg", "1.jpg"));
  EXPECT_THAT(failure({.inputs = {folder.file("c*.jpg")}}), HasSubstr("no file is called like"));
}

TEST(Inputs, PutsFoldersInFrontOfNamesThatWouldBeEqual) {
  const Tree folder({"x/a/1.jpg", "x/a/2.jpg", "y/a/1.jpg", "y/b/3.jpg"});
  // One folder's photos are named alike, also those that no other has.
  EXPECT_THAT(names_of({.inputs = {folder.file("x/a"), folder.file("y/a"), folder.file("y/b")}}),
              ElementsAre("x/a/1.jpg", "x/a/2.jpg", "y/a/1.jpg", "3.jpg"));
  EXPECT_THAT(names_of({.inputs = {folder.file("x/a/1.jpg"),
                                   folder.file("y/a/1.jpg"),
                                   folder.file("x/a/2.jpg")}}),
              ElementsAre("x/a/1.jpg", "y/a/1.jpg", "2.jpg"));
  EXPECT_THAT(names_of({.inputs = {folder.file("x"), folder.file("y")}, .recursive = true}),
              ElementsAre("x/a/1.jpg", "x/a/2.jpg", "y/a/1.jpg", "y/b/3.jpg"));
}

TEST(Inputs, TakesAPathThatComesTwiceOnce) {
  const Tree folder({"a/1.jpg", "a/2.jpg"});
  EXPECT_THAT(names_of({.inputs = {folder.file("a/2.jpg"),
                                   folder.file("a"),
                                   folder.file("a/../a/./1.jpg"),
                                   folder.file("a/")}}),
              ElementsAre("2.jpg", "1.jpg"));
}

TEST(Inputs, ReadsAListInItsOrder) {
  const Tree folder({"a/10.jpg", "a/2.jpg", "b c.jpg", "other.jpg"});
  const std::string list = folder.write(
      "list.txt",
      "\xef\xbb\xbf# best first\r\na/10.jpg\r\n\n  \nb c.jpg\n" + folder.file("a/2.jpg"));
  EXPECT_THAT(names_of({.list_file = list}), ElementsAre("10.jpg", "b c.jpg", "2.jpg"));
  EXPECT_THAT(names_of({.inputs = {folder.file("other.jpg")}, .list_file = list}),
              ElementsAre("other.jpg", "10.jpg", "b c.jpg", "2.jpg"));
}

TEST(Inputs, KeepsAFileThatIsGoneInItsPlace) {
  const Tree folder({"1.jpg", "3.jpg"});
  const auto photos = list_photos({.list_file = folder.write("list.txt", "1.jpg\n2.jpg\n3.jpg\n")});
  ASSERT_EQ(photos.size(), 3u);
  EXPECT_EQ(photos[1].name, "2.jpg");
  EXPECT_EQ(photos[1].path, folder.file("2.jpg"));

  fs::create_symlink("2.jpg", folder.file("link.jpg"));
  const auto of_folder = list_photos({.inputs = {folder.path()}});
  ASSERT_EQ(of_folder.size(), 3u);
  EXPECT_EQ(of_folder[2].name, "link.jpg");
}

TEST(Inputs, SaysWhatIsWrongWithAList) {
  const Tree folder({"1.jpg"});
  const auto failure_of = [&](const std::string& text) {
    return failure({.list_file = folder.write("list.txt", text)});
  };
  EXPECT_THAT(failure_of("# nothing\n"), HasSubstr("lists no photo"));
  EXPECT_THAT(failure({.list_file = folder.file("none.txt")}), HasSubstr("cannot be opened"));
  EXPECT_THAT(failure({.list_file = folder.path()}), HasSubstr("is a folder"));
}

TEST(Inputs, SaysWhyThereAreNone) {
  EXPECT_THROW(list_photos({}), ConfigError);
  const Tree folder({"texts/a.txt", "texts/b.gif", "deep/x/y/1.jpg", "films/a.MOV", "films/a.txt"});
  EXPECT_THAT(failure({.inputs = {folder.file("none")}}),
              HasSubstr("none: no such file or folder"));
  const std::string texts = failure({.inputs = {folder.file("texts")}});
  EXPECT_THAT(texts, HasSubstr("no picture among its 2 files"));
  EXPECT_THAT(texts, HasSubstr(".jpg .jpeg .png .webp .tif .tiff .bmp .heic .heif .avif"));
  EXPECT_THAT(texts, Not(HasSubstr("--recursive")));
  EXPECT_THAT(failure({.inputs = {folder.file("deep")}}), HasSubstr("which --recursive reads"));
  EXPECT_THAT(failure({.inputs = {folder.file("films")}}),
              HasSubstr("among its 1 file; these are read: .jpg"));
  EXPECT_THAT(failure({.inputs = {folder.file("films")}}), HasSubstr("frames of its 1 video"));
  EXPECT_THAT(failure({.inputs = {folder.file("deep")}, .recursive = true}), IsEmpty());
}

TEST(Inputs, TellsVideosByTheirEnding) {
  for (const std::string name : {"a.mp4", "a.MOV", "b/a.avi", "a.mkv", "a.webm", "a.M4V"}) {
    EXPECT_TRUE(is_video(name)) << name;
    EXPECT_FALSE(is_picture(name)) << name;
  }
  for (const std::string name : {"a.jpg", "mp4", "a.mp4.txt", ""}) EXPECT_FALSE(is_video(name));
}

TEST(EvenSpread, TakesTheFirstAndEvenSteps) {
  std::vector<Photo> photos;
  for (int i = 0; i < 10; ++i) photos.push_back({"", std::to_string(i)});
  const auto names = [&](int64_t most) {
    Names names;
    for (const Photo& photo : even_spread(photos, most)) names.push_back(photo.name);
    return names;
  };
  EXPECT_THAT(names(1), ElementsAre("0"));
  EXPECT_THAT(names(3), ElementsAre("0", "3", "6"));
  EXPECT_THAT(names(4), ElementsAre("0", "2", "5", "7"));
  EXPECT_EQ(names(10).size(), 10u);
  EXPECT_EQ(names(11).size(), 10u);
  EXPECT_EQ(names(0).size(), 10u);
}

}  // namespace
}  // namespace vggt
