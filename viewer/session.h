// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "viewer/scene/cameras.h"
#include "viewer/scene/colours.h"
#include "viewer/scene/scene.h"
#include "viewer/scene/selection.h"
#include "viewer/scene/settings.h"

namespace vggt::viewer {

/// How two scenes are shown.
enum class Arrangement { kFirst, kSecond, kOver, kSideBySide };

/// One open scene with what belongs to it.
struct OpenScene {
  Scene scene;
  ConfidenceTable confidences;
  ViewSettings view;
  Bounds bounds;
  double frustum_size = 0;
  size_t loaded_photos = 0;  ///< so many of its photos have their points
  bool complete = false;     ///< all was read
  Selection selection;       ///< what is drawn

  /// Takes a scene that was loaded so far.
  void take(Scene loaded, size_t photos);
  /// What it is, or what is wrong with it, in a line.
  std::string summary() const;
};

/// The state of the window, without the window: what its keys and controls change.
struct Session {
  std::optional<OpenScene> first;
  std::optional<OpenScene> second;
  UserSettings user;
  Arrangement arrangement = Arrangement::kFirst;
  int selected = -1;           ///< photo of the first scene; -1: none
  bool looks_through = false;  ///< the selected photo over the points
  double photo_opacity = 0.5;
  bool shows_cameras = true;
  bool shows_photos = true;  ///< in the cameras' planes
  bool shows_axes = false;
  bool plays = false;
  bool measures = false;
  std::vector<Eigen::Vector3d> measured;  ///< no, one or both ends

  Eigen::Vector3d up() const;
  /// Steps to another photo, around the ends. Nothing without photos.
  void step(int by);
  /// One photo more of the trajectory; begins anew after the last.
  void play_step();
  /// Takes an end of a measure: a third one begins the next.
  void measure(const Eigen::Vector3d& point);
  /// The distance in scene units; none before both ends are there.
  std::optional<double> distance() const;
  /// Makes the distance `metres` long. Throws ConfigError where there is none, or not positive.
  void set_length(double metres);
  std::string distance_text() const;
  /// Aligns the second scene to the first and colours both by their difference. Returns what to
  /// say.
  std::string compare_scenes();
};

/// What was changed and is not drawn yet.
struct Stale {
  bool points = false;
  bool lines = false;        ///< cameras, axes, measures, background
  bool photo = false;        ///< the selected photo, or how it is looked through
  bool second_look = false;  ///< the second pane has to follow the first
};

/// What a photo shows under a pixel of it: its maps there, and the point of the world.
struct PixelFacts {
  double depth = 0;
  double confidence = 0;
  Eigen::Vector3d point = Eigen::Vector3d::Zero();
};

/// A photo with all that the side panel shows of it. What is missing is empty.
struct PhotoFacts {
  Picture photo;  ///< with the tracks drawn in
  Picture depth_picture;
  Picture confidence_picture;
  std::string problem;
  double mean_error_px = 0;  ///< of the tracks

  std::optional<PixelFacts> at(const Photo& of, double x_share, double y_share) const;

 private:
  friend PhotoFacts read_photo_facts(const Photo& photo);
  struct Maps;
  std::shared_ptr<const Maps> maps_;
};

/// Reads its files; never throws for what is broken, but says it in `problem`.
PhotoFacts read_photo_facts(const Photo& photo);

}  // namespace vggt::viewer
