// SPDX-License-Identifier: Apache-2.0
#include "apps/evaluate_steps.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <new>
#include <optional>

#include "apps/accel_options.h"
#include "apps/interrupt.h"
#include "apps/messages.h"
#include "apps/output_file.h"
#include "apps/program.h"
#include "apps/read_photos.h"
#include "datasets/dtu.h"
#include "datasets/fingerprint.h"
#include "src/base/device.h"
#include "src/base/error.h"
#include "src/eval/score.h"
#include "src/pipeline/reconstruct.h"

namespace vggt::apps {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;
using Json = nlohmann::ordered_json;
using datasets::Sequence;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

eval::FrameOrder order_of(const std::string& name) {
  if (name == "even") return eval::FrameOrder::kEven;
  if (name == "first") return eval::FrameOrder::kFirst;
  return eval::FrameOrder::kRandom;
}

eval::Compat compat_of(const std::string& name) {
  if (name == "fastvggt") return eval::Compat::kFastVggt;
  if (name == "cut3r") return eval::Compat::kCut3r;
  if (name == "cut3r-aligned") return eval::Compat::kCut3rAligned;
  return eval::Compat::kNone;
}

// The sequence with each of its lists; frames that are not there are its problem.
std::vector<Planned> with_lists(
    const Sequence& sequence,
    const std::map<std::string, std::vector<std::vector<int64_t>>>& lists,
    const std::string& path) {
  auto found = lists.find(sequence.name);
  if (found == lists.end()) found = lists.find(eval::name_in_category(sequence.name));
  std::vector<Planned> planned;
  if (found == lists.end()) {
    planned.push_back({sequence, {}});
    planned[0].sequence.problem = "is not in " + path;
    return planned;
  }
  const auto count = static_cast<int64_t>(sequence.frames.size());
  for (const std::vector<int64_t>& frames : found->second) {
    planned.push_back({sequence, frames});
    for (const int64_t index : frames) {
      if (index >= 0 && index < count) continue;
      planned.back().sequence.problem =
          path + " asks for frame " + std::to_string(index) + " of " + std::to_string(count);
    }
  }
  return planned;
}

std::string missing_photo(const Planned& planned) {
  std::error_code error;
  for (const int64_t i : planned.frames) {
    const std::string& image = planned.sequence.frames[static_cast<size_t>(i)].image;
    if (!fs::is_regular_file(image, error)) return image + " is missing";
  }
  return "";
}

std::string hash_of_weights(const std::string& weights) {
  std::error_code error;
  if (fs::is_regular_file(weights, error)) return file_hash(weights);
  if (!fs::is_directory(weights, error)) return weights;  // synthetic:SEED
  std::vector<std::string> files;
  for (const auto& entry : fs::directory_iterator(weights, error)) {
    if (entry.is_regular_file(error)) files.push_back(entry.path().string());
  }
  std::sort(files.begin(), files.end());
  std::string hashes;
  for (const std::string& file : files) hashes += file_hash(file);
  return hashes;
}

std::string fingerprint_of(const Planned& planned) {
  return datasets::fingerprint(planned.sequence, planned.frames);
}

// Depth of the chosen frames; nothing unless all of them have it.
std::vector<at::Tensor> true_depth(const Planned& planned) {
  std::vector<at::Tensor> depth;
  for (const int64_t i : planned.frames) {
    const datasets::DepthFile& file = planned.sequence.frames[static_cast<size_t>(i)].depth;
    if (file.path.empty()) return {};
    depth.push_back(datasets::read_depth(file));
  }
  return depth;
}

std::optional<eval::Scan> read_scan(const Sequence& sequence) {
  const datasets::ScanFile& file = sequence.scan;
  if (file.path.empty()) return std::nullopt;
  eval::Scan scan{.points = eval::read_ply_vertices(file.path),
                  .units_per_metre = sequence.units_per_metre > 0 ? sequence.units_per_metre : 1,
                  .f_distance = file.f_distance};
  if (!file.transform.empty()) scan.scan_from_world = eval::read_similarity(file.transform);
  if (!file.crop.empty()) scan.crop = eval::read_crop_volume(file.crop);
  if (!file.observed.empty()) scan.observed = datasets::read_observed(file);
  return scan;
}

// Photos that are parts of larger files, copied to files of their own, which go with it.
class CopiedPhotos {
 public:
  CopiedPhotos() = default;
  ~CopiedPhotos() {
    std::error_code error;
    if (!folder_.empty()) fs::remove_all(folder_, error);
  }
  CopiedPhotos(const CopiedPhotos&) = delete;
  CopiedPhotos& operator=(const CopiedPhotos&) = delete;

  // Where the frame's photo is a file of its own. Throws IoError.
  std::string path_of(const datasets::Frame& frame) {
    if (frame.image_bytes == 0) return frame.image;
    if (folder_.empty()) {
      std::string name = (fs::temp_directory_path() / "vggt-eval-XXXXXX").string();
      if (!mkdtemp(name.data())) throw IoError(name, "cannot be made");
      folder_ = name;
    }
    std::string bytes(frame.image_bytes, '\0');
    std::ifstream from(frame.image, std::ios::binary);
    from.seekg(static_cast<std::streamoff>(frame.image_at));
    if (!from.read(bytes.data(), static_cast<std::streamsize>(bytes.size()))) {
      throw IoError(frame.image, "ends within a photo");
    }
    const std::string path = folder_ + "/" + std::to_string(frame.image_at);
    std::ofstream to(path, std::ios::binary);
    to << bytes;
    to.close();
    if (!to) throw IoError(path, "cannot be written");
    return path;
  }

 private:
  std::string folder_;
};

// Within a sequence nothing is shown, for the sequences are what is shown.
const ProgressCallback kUninterrupted = [](const Progress&) { return interrupted_by() == 0; };

class Scorer {
 public:
  Scorer(const EvaluateCommand& command, const LoadedModel& loaded)
      : command_(command), loaded_(loaded) {
    // As the published scripts read photos: no EXIF orientation, the width to the target, the rest
    // of tall ones cut off.
    read_.like_original = true;
    read_.strict = true;
    read_.preprocess.target_px = loaded.model->config.img_size;
    read_.preprocess.patch_px = loaded.model->config.patch_size;
  }

  // Throws IoError where a photo or depth map cannot be read.
  eval::SequenceResult score(const Planned& planned) {
    eval::SequenceResult result{.sequence = planned.sequence.name,
                                .category = planned.sequence.category,
                                .trust = planned.sequence.trust,
                                .frames = planned.frames,
                                .fingerprint = fingerprint_of(planned)};
    eval::Truth truth{.units_per_metre = planned.sequence.units_per_metre};
    std::vector<Photo> photos;
    CopiedPhotos copied;
    std::vector<std::string> names;
    for (const int64_t i : planned.frames) {
      const datasets::Frame& frame = planned.sequence.frames[static_cast<size_t>(i)];
      truth.cameras.push_back(frame.camera);
      names.push_back(fs::path(frame.image).filename().string());
      photos.push_back({copied.path_of(frame), names.back()});
    }
    truth.depth = true_depth(planned);
    if (command_.points) truth.scan = read_scan(planned.sequence);
    Clock::time_point start = Clock::now();
    const NetworkInput input = read_photos(photos, read_, kUninterrupted).input;
    result.read_seconds = seconds_since(start);
    result.height_px = input.images.size(2);
    result.width_px = input.images.size(3);
    try {
      run_network(input, names, truth, result);
    } catch (const ModelError& error) {
      say(planned.sequence.name + ": the network failed: " + error.what());
      result.failure = error.what();
      const bool find = datasets::loader(command_.dataset).protocol.find_degenerate;
      result.pairs = eval::failed_pairs(truth.cameras, {.find_degenerate = find});
    }
    return result;
  }

 private:
  void run_network(const NetworkInput& input,
                   const std::vector<std::string>& names,
                   const eval::Truth& truth,
                   eval::SequenceResult& result) {
    const auto run = [&] {
      Reconstruction answer = predict(*loaded_.model,
                                      input,
                                      names,
                                      {.merge = loaded_.options.accel, .progress = kUninterrupted});
      synchronize(loaded_.device);
      return answer;
    };
    if (!warm_) run();
    warm_ = true;
    reset_peak_memory();
    std::vector<double> seconds;
    Reconstruction answer;
    for (int64_t i = 0; i < command_.repeat; ++i) {
      const Clock::time_point start = Clock::now();
      answer = run();
      seconds.push_back(seconds_since(start));
    }
    result.runs = command_.repeat;
    result.forward_seconds = eval::median(seconds);
    result.peak_memory_bytes = static_cast<double>(peak_memory_bytes());
    eval::score(answer,
                truth,
                {.find_degenerate = datasets::loader(command_.dataset).protocol.find_degenerate,
                 .most_points = command_.most_points,
                 .points = command_.points,
                 .compat = compat_of(command_.compat)},
                result);
  }

  const EvaluateCommand& command_;
  const LoadedModel& loaded_;
  ReadOptions read_;
  bool warm_ = false;
};

}  // namespace

Plan make_plan(const EvaluateCommand& command) {
  const datasets::Loader& loader = datasets::loader(command.dataset);
  const datasets::Protocol& protocol = loader.protocol;
  datasets::Dataset dataset =
      loader.load({command.root, datasets::split_of(loader, command.split)});
  for (const std::string& problem : dataset.problems) say("note: " + problem);
  const int64_t least = command.least_frames >= 0 ? command.least_frames : protocol.least_frames;

  std::vector<eval::Candidate> candidates;
  for (const Sequence& sequence : dataset.sequences) {
    const auto count = static_cast<int64_t>(sequence.frames.size());
    candidates.push_back({sequence.category,
                          sequence.name,
                          count,
                          count >= least && !sequence.left_out_by_protocol});
  }
  if (command.fast) {
    // The ten of a category are drawn before the short ones are left out.
    constexpr int64_t kOfEachCategory = 10;
    const std::vector<bool> kept = eval::draw_sequences(candidates, kOfEachCategory, command.seed);
    size_t next = 0;
    const auto dropped = [&](const auto&) { return !kept[next++]; };
    std::erase_if(dataset.sequences, dropped);
    next = 0;
    std::erase_if(candidates, dropped);
  }
  const auto chosen =
      eval::choose_frames(candidates,
                          {.frames = command.frames >= 0 ? command.frames : protocol.frames,
                           .stride = command.stride,
                           .order = order_of(command.order),
                           .seed = command.seed,
                           .one_stream = protocol.one_stream});
  const std::vector<bool> asked = eval::asked_for(candidates, command.only);
  std::map<std::string, std::vector<std::vector<int64_t>>> lists;
  if (!command.frame_list.empty()) {
    lists = eval::read_frame_lists(command.frame_list);
    for (const auto& [name, frames] : lists) {
      const auto is_it = [&name = name](const Sequence& sequence) {
        return sequence.name == name || eval::name_in_category(sequence.name) == name;
      };
      if (std::none_of(dataset.sequences.begin(), dataset.sequences.end(), is_it)) {
        dataset.problems.push_back(command.frame_list + ": " + name + " is no sequence of the set");
      }
    }
  }

  Plan plan{.problems = std::move(dataset.problems)};
  for (size_t i = 0; i < dataset.sequences.size(); ++i) {
    Sequence& all_frames = dataset.sequences[i];
    if (!asked[i]) continue;
    std::vector<Planned> all_planned;
    if (all_frames.problem.empty() && !command.frame_list.empty()) {
      all_planned = with_lists(all_frames, lists, command.frame_list);
    } else {
      all_planned.push_back({std::move(all_frames), chosen[i]});
    }
    for (Planned& planned : all_planned) {
      Sequence& sequence = planned.sequence;
      if (sequence.problem.empty() && !candidates[i].draws) {
        sequence.problem = "has " + std::to_string(sequence.frames.size()) +
                           " frames, fewer than " + std::to_string(least);
      }
      if (sequence.problem.empty() && planned.frames.size() < 2) {
        sequence.problem = "gives fewer than two frames";
      }
      if (sequence.problem.empty()) sequence.problem = missing_photo(planned);
      if (sequence.problem.empty()) {
        plan.sequences.push_back(std::move(planned));
      } else {
        plan.left_out.push_back({sequence.name, sequence.problem});
      }
    }
  }
  return plan;
}

Json frame_lists_of(std::span<const eval::SequenceResult> results) {
  std::map<std::string, int64_t> times;
  for (const eval::SequenceResult& result : results) ++times[result.sequence];
  Json lists = Json::object();
  for (const eval::SequenceResult& result : results) {
    Json& list = lists[result.sequence];
    if (times[result.sequence] == 1) {
      list = result.frames;
    } else {
      list.push_back(result.frames);
    }
  }
  return lists;
}

Json key_of(const EvaluateCommand& command, const LoadedModel& loaded) {
  Json key = {{"engine", version()},
              {"commit", commit()},
              {"weights", hash_of_weights(loaded.weights)},
              {"model", command.model.model},
              {"config", command.model.config.empty() ? "" : file_hash(command.model.config)},
              {"precision", describe_precision(command.model, loaded.device)},
              {"device", describe_device(loaded.device)},
              {"dataset", command.dataset},
              {"repeat", command.repeat},
              {"points", command.points ? command.most_points : -1},
              {"compat", command.compat}};
  if (command.model.accel.is_on()) key["accel"] = to_json(command.model.accel);
  return key;
}

std::vector<eval::SequenceResult> score_all(const EvaluateCommand& command,
                                            const LoadedModel& loaded,
                                            Plan& plan,
                                            eval::ResultLog& log,
                                            const ProgressCallback& progress) {
  Scorer scorer(command, loaded);
  StageProgress stage("sequences", static_cast<int64_t>(plan.sequences.size()), progress);
  std::vector<eval::SequenceResult> results;
  const auto leave_out = [&](const Planned& planned, const std::string& reason) {
    plan.left_out.push_back({planned.sequence.name, reason});
    say("left out: " + planned.sequence.name + ": " + reason);
  };
  for (const Planned& planned : plan.sequences) {
    const auto* done = log.find(planned.sequence.name, planned.frames, fingerprint_of(planned));
    if (done) {
      results.push_back(*done);
    } else {
      try {
        results.push_back(scorer.score(planned));
        log.append(results.back());
      } catch (const IoError& error) {
        leave_out(planned, error.what());
      } catch (const std::bad_alloc&) {
        leave_out(planned, "there is not enough memory for it; fewer --frames need less");
      } catch (const c10::Error& error) {
        leave_out(planned, error.what_without_backtrace());
      }
    }
    stage.advance();
  }
  return results;
}

void write_evaluation(const std::string& folder,
                      const eval::Evaluation& evaluation,
                      const Json& summary) {
  const auto text_of = [](const Json& json) {
    return json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
  };
  write_text_file(folder + "/frames.json", text_of(frame_lists_of(evaluation.results)));
  write_text_file(folder + "/sequences.csv", eval::sequences_csv(evaluation.results));
  write_text_file(folder + "/table.md", eval::markdown_table(summary));
  write_evaluation_pictures(folder, evaluation, summary);
  // The last one: what it tells of is there.
  write_text_file(folder + "/summary.json", text_of(summary));
}

}  // namespace vggt::apps
