// SPDX-License-Identifier: Apache-2.0
#include "src/image/picture_file.h"

#include "src/base/error.h"
#include "src/image/decode.h"
#include "tests/support/message_of.h"
#include "tests/support/temporary_folder.h"

#include <ATen/ATen.h>

#include <gmock/gmock.h>

#include <filesystem>

namespace vggt {
namespace {

using ::testing::HasSubstr;

// [1, 3, H, W]: a colour that changes slowly over the picture.
at::Tensor slope(int64_t height, int64_t width) {
  const at::Tensor x = at::linspace(0.2, 0.8, width).expand({height, width});
  const at::Tensor y = at::linspace(0.3, 0.7, height).unsqueeze(1).expand({height, width});
  return at::stack({x, y, 1 - x}).unsqueeze(0);
}

// [1, 3, H, W]: a chequered pattern of one colour, which JPEG's loss of colour washes out.
at::Tensor chequered(int64_t size) {
  const at::Tensor i = at::arange(size);
  const at::Tensor odd = (i + i.unsqueeze(1)).remainder(2).to(at::kFloat);
  return at::stack({odd, at::zeros_like(odd), 1 - odd}).unsqueeze(0);
}

TEST(WritePicture, PngKeepsEveryByteAndItsColours) {
  TemporaryFolder folder;
  const at::Tensor bytes = at::arange(3 * 5 * 7, at::kByte).view({5, 7, 3});
  write_picture(folder.file("a.png"), bytes.permute({2, 0, 1}).to(at::kFloat) / 255);
  EXPECT_TRUE(at::equal(decode_image(folder.file("a.png")).rgb, bytes));
}

TEST(WritePicture, JpegIsSmallerTheLowerItsQuality) {
  TemporaryFolder folder;
  const at::Tensor picture = slope(40, 60)[0];
  write_picture(folder.file("good.jpg"), picture, 95);
  write_picture(folder.file("poor.jpg"), picture, 20);
  EXPECT_LT(std::filesystem::file_size(folder.file("poor.jpg")),
            std::filesystem::file_size(folder.file("good.jpg")));
  const at::Tensor read = decode_image(folder.file("good.jpg")).rgb.permute({2, 0, 1});
  // A few levels of 255.
  EXPECT_LT((read.to(at::kFloat) / 255 - picture).abs().max().item<double>(), 6.0 / 255);
}

TEST(WritePicture, NamesWhatCannotBeWritten) {
  TemporaryFolder folder;
  EXPECT_THAT(
      message_of<IoError>([&] { write_picture(folder.file("no/such/a.png"), slope(4, 4)[0]); }),
      HasSubstr("no/such/a.png"));
}

TEST(ThroughJpeg, KeepsPicturesApartFromItsLoss) {
  const at::Tensor pictures = at::cat({slope(37, 53), slope(37, 53).flip(1)});
  const at::Tensor back = through_jpeg(pictures, 95);
  EXPECT_EQ(back.sizes(), pictures.sizes());
  EXPECT_LT((back - pictures).abs().max().item<double>(), 6.0 / 255);
  EXPECT_FALSE(at::equal(back, pictures));
}

TEST(ThroughJpeg, LosesMoreTheLowerItsQuality) {
  const at::Tensor pictures = chequered(32);
  const auto loss = [&](int quality) {
    return (through_jpeg(pictures, quality) - pictures).abs().mean().item<double>();
  };
  EXPECT_LT(loss(98), loss(60));
  EXPECT_LT(loss(60), loss(5));
}

// What a file holds and what comes back are the same.
TEST(ThroughJpeg, IsWhatAFileGives) {
  TemporaryFolder folder;
  const at::Tensor pictures = at::cat({slope(24, 31), slope(24, 31).flip(3)});
  const at::Tensor back = through_jpeg(pictures, 70);
  for (int64_t i = 0; i < 2; ++i) {
    write_picture(folder.file("a.jpg"), pictures[i], 70);
    const at::Tensor read = decode_image(folder.file("a.jpg")).rgb.permute({2, 0, 1});
    EXPECT_LT((read.to(at::kFloat) / 255 - back[i]).abs().max().item<double>(), 1e-6);
  }
}

TEST(ThroughJpeg, RefusesWhatDoesNotFit) {
  const auto message = [](const at::Tensor& pictures, int quality) {
    return message_of<c10::Error>([&] { through_jpeg(pictures, quality); });
  };
  EXPECT_THAT(message(slope(4, 4)[0], 80), HasSubstr("[S, 3, H, W] float"));
  EXPECT_THAT(message(slope(4, 4).to(at::kDouble), 80), HasSubstr("float"));
  EXPECT_THAT(message(slope(4, 4), 0), HasSubstr("from 1 to 100, got 0"));
  EXPECT_THAT(message(slope(4, 4), 101), HasSubstr("got 101"));
}

// [2, 3, 100, 150]: red, then blue; the left half of the depth is near, the right one far.
at::Tensor two_colours() {
  at::Tensor pictures = at::zeros({2, 3, 100, 150});
  pictures[0][0].fill_(1);
  pictures[1][2].fill_(1);
  return pictures;
}

at::Tensor two_depths() {
  at::Tensor depth = at::full({2, 100, 150}, 1.0);
  depth.slice(2, 75).fill_(9);
  depth.slice(1, 90).zero_();
  return depth;
}

std::vector<int> pixel(const at::Tensor& sheet, int64_t y, int64_t x) {
  return {sheet[y][x][0].item<int>(), sheet[y][x][1].item<int>(), sheet[y][x][2].item<int>()};
}

TEST(ContactSheet, ShowsPicturesAboveTheirDepth) {
  const at::Tensor rows = contact_rows(two_colours(), two_depths());
  // Cells are 300 x 200 px, 4 px apart.
  ASSERT_EQ(rows.sizes(), (std::vector<int64_t>{2 * 204, 2 * 304, 3}));
  EXPECT_EQ(pixel(rows, 100, 150), (std::vector<int>{255, 0, 0}));
  EXPECT_EQ(pixel(rows, 100, 304 + 150), (std::vector<int>{0, 0, 255}));
  const auto gap = pixel(rows, 100, 302);
  EXPECT_EQ(gap[0], gap[2]);
  // Near is warm, far is cold, no depth is grey.
  const auto near = pixel(rows, 204 + 50, 40);
  const auto far = pixel(rows, 204 + 50, 260);
  const auto none = pixel(rows, 204 + 195, 40);
  EXPECT_GT(near[0], near[2]);
  EXPECT_GE(far[2], far[0]);
  EXPECT_EQ(none[0], none[2]);
  EXPECT_NE(near, far);
}

TEST(ContactSheet, SpreadsManyPicturesOverItsWidth) {
  at::Tensor pictures = at::zeros({80, 3, 10, 10});
  for (int64_t i = 0; i < 80; ++i) pictures[i].fill_(static_cast<double>(i) / 79);
  const at::Tensor rows = contact_rows(pictures, at::ones({80, 10, 10}));
  EXPECT_LE(rows.size(1), 1600);
  const int64_t cell = rows.size(1) / 26;
  // The first is the first, the last one of the last, and between them it grows.
  EXPECT_EQ(pixel(rows, 5, 5)[0], 0);
  EXPECT_GT(pixel(rows, 5, 25 * cell + 5)[0], 240);
  for (int64_t i = 1; i < 26; ++i) {
    EXPECT_GT(pixel(rows, 5, i * cell + 5)[0], pixel(rows, 5, (i - 1) * cell + 5)[0]) << i;
  }
}

TEST(ContactSheet, TakesPicturesOfAnyShape) {
  for (const auto& [height, width] : {std::pair{1, 1}, std::pair{3000, 2}, std::pair{2, 3000}}) {
    const at::Tensor rows =
        contact_rows(at::zeros({1, 3, height, width}), at::zeros({1, height, width}));
    EXPECT_GT(rows.numel(), 0);
    EXPECT_LE(rows.size(1), 1604);
  }
}

TEST(ContactSheet, PutsScenesBelowEachOther) {
  TemporaryFolder folder;
  const at::Tensor wide = at::full({6, 40, 3}, 200, at::kByte);
  at::Tensor narrow = at::full({4, 10, 3}, 90, at::kByte);
  narrow.select(2, 1).fill_(7);
  write_contact_sheet(folder.file("a.png"), {wide, narrow});
  const at::Tensor sheet = decode_image(folder.file("a.png")).rgb;
  ASSERT_EQ(sheet.sizes(), (std::vector<int64_t>{10, 40, 3}));
  EXPECT_EQ(pixel(sheet, 5, 39), (std::vector<int>{200, 200, 200}));
  EXPECT_EQ(pixel(sheet, 6, 9), (std::vector<int>{90, 7, 90}));
  EXPECT_EQ(pixel(sheet, 9, 20)[0], pixel(sheet, 9, 20)[1]);  // nothing there
}

TEST(ContactSheet, RefusesWhatDoesNotFit) {
  EXPECT_THAT(message_of<c10::Error>([] {
                contact_rows(at::zeros({2, 3, 4, 4}), at::zeros({1, 4, 4}));
              }),
              HasSubstr("contact_rows"));
  EXPECT_THAT(message_of<c10::Error>([] { write_contact_sheet("a.png", {}); }),
              HasSubstr("nothing to show"));
}

}  // namespace
}  // namespace vggt
