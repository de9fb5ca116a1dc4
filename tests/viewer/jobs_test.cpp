// SPDX-License-Identifier: Apache-2.0
#include "viewer/jobs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <thread>

#include "tests/support/temporary_folder.h"
#include "tests/viewer/result.h"
#include "viewer/scene/load.h"
#include "viewer/scene/ply_file.h"

namespace vggt::viewer {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

// Asks until there is an answer; long waits only where a test fails.
template <class Ask>
auto wait_for(Ask ask) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  auto answer = ask();
  while (!answer && std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    answer = ask();
  }
  return answer;
}

std::optional<JobResult> next(Jobs& jobs) {
  return wait_for([&] { return jobs.take(); });
}

std::string run_text(Jobs& jobs, const std::string& part) {
  const auto found = wait_for([&]() -> std::optional<std::string> {
    const auto run = jobs.run_text();
    if (run && run->text.find(part) != std::string::npos) return run->text;
    return std::nullopt;
  });
  return found.value_or("never said: " + part);
}

// A program that behaves as 'vggt reconstruct' does: `script` knows $out, $staging and $wall, a result
// that is ready, and waits at "gate NAME" until the file NAME is there.
std::string program(const TemporaryFolder& folder, const std::string& script) {
  write_wall(folder.file("wall"));
  const Scene wall = load_scene(folder.file("wall"));
  std::vector<uint32_t> all(wall.points.size());
  std::iota(all.begin(), all.end(), 0U);
  write_ply_points(folder.file("wall/points.ply"), wall.points, all);
  TransformsFile transforms = read_transforms(folder.file("wall/transforms.json"));
  transforms.ply_file_path = "points.ply";
  write_transforms(folder.file("wall/transforms.json"), transforms);
  const std::string path =
      folder.write("program",
                   "#!/bin/sh\n"
                   "while [ \"$1\" != --output ]; do shift; done\n"
                   "out=$2 wall=" +
                       folder.file("wall") +
                       "\n"
                       "staging=$(dirname \"$out\")/.$(basename \"$out\").vggt-partial-$$\n"
                       "gate() { while [ ! -e " +
                       folder.file("") +
                       "$1 ]; do sleep 0.02; done; }\n"
                       "say() { echo \"$1\" >&2; }\n" +
                       script);
  fs::permissions(path, fs::perms::owner_all);
  return path;
}

ViewOptions options(const TemporaryFolder& folder, const std::string& program) {
  ViewOptions options;
  options.paths = {folder.file("photos")};
  options.output = folder.file("out");
  options.program = program;
  return options;
}

TEST(Jobs, LoadsAResultAndSaysWhatIsBroken) {
  const TemporaryFolder folder;
  write_wall(folder.file("wall"));
  Jobs jobs;
  jobs.load(folder.file("wall"), true);
  std::optional<JobResult> last = next(jobs);
  while (last && !last->complete) last = next(jobs);
  ASSERT_TRUE(last && last->scene);
  EXPECT_TRUE(last->as_second);
  EXPECT_EQ(last->photos, 4U);

  fs::create_directories(folder.file("half"));
  folder.write("half/report.json", "{\"network_input\": {");
  jobs.load(folder.file("half"), false);
  const auto broken = next(jobs);
  ASSERT_TRUE(broken);
  EXPECT_FALSE(broken->scene);
  EXPECT_THAT(broken->text, HasSubstr("report.json"));
}

TEST(Jobs, RunSaysItsStageAndShowsCamerasAndPointsBeforeItEnds) {
  const TemporaryFolder folder;
  const std::string fake = program(
      folder,
      "say '{\"stage\": \"aggregator\", \"done\": 3, \"total\": 12, \"seconds_left\": 8.2}'\n"
      "gate network_done\n"
      "mkdir $staging; cp $wall/transforms.json $wall/points.ply $staging\n"
      "say '{\"stage\": \"writing\", \"done\": 2, \"total\": 9, \"seconds_left\": 1}'\n"
      "gate all_written\n"
      "cp -r $wall/* $staging; mv $staging $out\n");
  Jobs jobs;
  jobs.reconstruct(options(folder, fake));
  EXPECT_EQ(run_text(jobs, "aggregator"), "aggregator: 3 of 12, 9 s left");
  EXPECT_FALSE(jobs.take());

  folder.write("network_done", "");
  EXPECT_EQ(run_text(jobs, "writing"), "writing: 2 of 9, 1 s left");
  const auto preview = next(jobs);
  ASSERT_TRUE(preview && preview->scene);
  EXPECT_EQ(preview->scene->photos.size(), 4U);
  EXPECT_EQ(preview->scene->points.size(), 4U * 60 * 40);
  EXPECT_FALSE(preview->complete);
  EXPECT_TRUE(jobs.run_text()->runs);

  folder.write("all_written", "");
  EXPECT_THAT(run_text(jobs, "reconstructed"), HasSubstr("out"));
  std::optional<JobResult> result = next(jobs);
  while (result && !result->complete) result = next(jobs);
  ASSERT_TRUE(result && result->scene);
  EXPECT_EQ(result->scene->kind, SceneKind::kResult);
  EXPECT_FALSE(jobs.run_text()->runs);
}

TEST(Jobs, PreviewWaitsForWhatIsHalfWritten) {
  const TemporaryFolder folder;
  const std::string fake = program(folder,
                                   "mkdir $staging; cp $wall/transforms.json $staging\n"
                                   "head -c 500 $wall/points.ply >$staging/points.ply\n"
                                   "say '{\"stage\": \"writing\", \"done\": 1, \"total\": 9}'\n"
                                   "gate written\n"
                                   "cp $wall/points.ply $staging\n"
                                   "say '{\"stage\": \"writing\", \"done\": 2, \"total\": 9}'\n"
                                   "gate end\n");
  Jobs jobs;
  jobs.reconstruct(options(folder, fake));
  run_text(jobs, "writing: 1");
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_FALSE(jobs.take());
  folder.write("written", "");
  run_text(jobs, "writing: 2");
  const auto preview = next(jobs);
  ASSERT_TRUE(preview && preview->scene);
  EXPECT_EQ(preview->scene->points.size(), 4U * 60 * 40);
}

TEST(Jobs, RunThatFailsOrIsCancelledSaysSo) {
  const TemporaryFolder folder;
  const std::string fails =
      program(folder, "say '{\"result\": \"error\", \"message\": \"no photo\"}'; exit 1\n");
  {
    Jobs jobs;
    jobs.reconstruct(options(folder, fails));
    EXPECT_EQ(run_text(jobs, "failed"), "failed: no photo");
    EXPECT_FALSE(jobs.take());
  }
  const std::string waits = program(folder, "gate never\n");
  {
    Jobs jobs;
    jobs.reconstruct(options(folder, waits));
    run_text(jobs, "starting");
    jobs.cancel();
    EXPECT_EQ(run_text(jobs, "cancelled"), "cancelled; nothing was written");
  }
  Jobs jobs;  // and one that is left running when the window closes
  jobs.reconstruct(options(folder, waits));
  jobs.stop();
  EXPECT_FALSE(fs::exists(folder.file("out")));
}

TEST(Jobs, ProgramThatIsNotThereIsNamed) {
  const TemporaryFolder folder;
  Jobs jobs;
  jobs.reconstruct(options(folder, folder.file("no_such_vggt")));
  const auto said = next(jobs);
  ASSERT_TRUE(said);
  EXPECT_THAT(said->text, HasSubstr("no_such_vggt"));
}

TEST(Jobs, CompareAlignsTheSecondAndColoursBoth) {
  const TemporaryFolder folder;
  write_wall(folder.file("a"));
  write_wall(folder.file("b"), {.scale = 2, .depth_error = 0.1});
  Jobs jobs;
  jobs.compare(load_scene(folder.file("a")), load_scene(folder.file("b")));
  const auto done = next(jobs);
  ASSERT_TRUE(done && done->compared_first && done->compared_second);
  EXPECT_THAT(done->text, HasSubstr("aligned by 4 photos; median difference 0.05"));
  EXPECT_EQ(done->compared_second->points.error.size(), 4U * 60 * 40);
}

TEST(Jobs, VideoThatIsBrokenOffLeavesNoFile) {
  const TemporaryFolder folder;
  write_wall(folder.file("wall"));
  const std::string path = folder.file("a.avi");
  Jobs jobs;
  jobs.write_video(path, load_scene(folder.file("wall")), {.width = 320, .height = 240});
  ASSERT_TRUE(wait_for([&] { return fs::exists(path); }));
  jobs.stop();
  EXPECT_FALSE(fs::exists(path));
}

TEST(Jobs, ThumbnailsComeForThePhotosThatAreThere) {
  const TemporaryFolder folder;
  write_wall(folder.file("wall"));
  fs::remove(folder.file("wall/photos/p1.png"));
  folder.write("wall/photos/p2.png", "no picture");
  Jobs jobs;
  jobs.read_thumbnails(load_scene(folder.file("wall")).photos);
  EXPECT_TRUE(wait_for([&] { return jobs.thumbnail(3) != nullptr; }));
  EXPECT_EQ(jobs.thumbnail_count(), 2U);
  EXPECT_EQ(jobs.thumbnail(0)->width, 160);
  EXPECT_EQ(jobs.thumbnail(1), nullptr);
}

}  // namespace
}  // namespace vggt::viewer
