// SPDX-License-Identifier: Apache-2.0
#include "src/image/scene_view.h"

#include "src/base/percentile.h"

#include <ATen/ATen.h>

#include <opencv2/imgproc.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

namespace vggt {
namespace {

using Vector = cv::Vec3d;

const cv::Scalar kPanel(44, 38, 35);

Vector unit_or(const Vector& v, const Vector& otherwise) {
  const double length = cv::norm(v);
  return length > 1e-6 && std::isfinite(length) ? v / length : otherwise;
}

bool finite(const Vector& v) {
  return std::isfinite(v[0]) && std::isfinite(v[1]) && std::isfinite(v[2]);
}

// The rows of cam_from_world are the camera's axes in the world.
Vector axis(const Camera& camera, int row) {
  return {camera.rotation[3 * row], camera.rotation[3 * row + 1], camera.rotation[3 * row + 2]};
}

Vector centre(const Camera& camera) {
  const auto c = camera.centre_in_world();
  return {c[0], c[1], c[2]};
}

// Each at right angles to the others; right x forward = up.
struct Axes {
  Vector right{1, 0, 0};
  Vector forward{0, 0, 1};
  Vector up{0, -1, 0};
};

std::vector<const Camera*> usable_cameras(const Reconstruction& reconstruction) {
  std::vector<const Camera*> cameras;
  for (const View& view : reconstruction.views) {
    const Camera& camera = view.camera;
    const bool usable = finite(centre(camera)) && finite(axis(camera, 0)) &&
                        finite(axis(camera, 1)) && finite(axis(camera, 2));
    cameras.push_back(usable ? &camera : nullptr);
  }
  return cameras;
}

// Photos are mostly held level: "up" is then across every camera's x axis, however much they look
// down. Where the x axes are too much alike to tell, the second term makes it the mean of the
// cameras' up.
Vector guess_up(const std::vector<const Camera*>& cameras, const Vector& otherwise) {
  Vector sum(0, 0, 0);
  cv::Matx33d spread = cv::Matx33d::zeros();
  double count = 0;
  for (const Camera* camera : cameras) {
    if (!camera) continue;
    sum -= axis(*camera, 1);
    spread += axis(*camera, 0) * axis(*camera, 0).t();
    ++count;
  }
  const Vector mean = unit_or(sum, otherwise);
  constexpr double kMeanWeight = 0.005;  // x axes that differ by 5 degrees outweigh the mean
  spread += kMeanWeight * count * (cv::Matx33d::eye() - mean * mean.t());
  cv::Matx31d values;
  cv::Matx33d vectors;
  if (count == 0 || !cv::eigen(spread, values, vectors)) return mean;
  const Vector least(vectors(2, 0), vectors(2, 1), vectors(2, 2));  // values descend
  return least.dot(mean) < 0 ? -least : least;
}

Axes guess_axes(const std::vector<const Camera*>& cameras) {
  Vector forward(0, 0, 0);
  for (const Camera* camera : cameras) {
    if (camera) forward += axis(*camera, 2);
  }
  Axes axes;
  axes.up = guess_up(cameras, axes.up);
  // Cameras all around a thing have no mean direction; any direction across `up` serves then.
  const Vector across = std::abs(axes.up[2]) < 0.9 ? Vector(0, 0, 1) : Vector(0, 1, 0);
  const Vector level = unit_or(across - axes.up * axes.up.dot(across), across);
  forward = unit_or(forward, level);
  axes.forward = unit_or(forward - axes.up * axes.up.dot(forward), level);
  axes.right = axes.forward.cross(axes.up);
  return axes;
}

// Points in the scene's axes: (right, forward, up).
struct Points {
  std::vector<cv::Vec3f> position;
  std::vector<cv::Vec3b> colour;  // BGR
};

Points points_in(const Axes& axes, const PointCloud& cloud) {
  Points points;
  if (cloud.size() == 0) return points;
  const at::Tensor position = cloud.position.contiguous();
  const at::Tensor colour = cloud.colour.contiguous();
  const float* xyz = position.const_data_ptr<float>();
  const uint8_t* rgb = colour.const_data_ptr<uint8_t>();
  for (int64_t i = 0; i < cloud.size(); ++i) {
    const Vector p(xyz[3 * i], xyz[3 * i + 1], xyz[3 * i + 2]);
    if (!finite(p)) continue;
    points.position.emplace_back(static_cast<float>(axes.right.dot(p)),
                                 static_cast<float>(axes.forward.dot(p)),
                                 static_cast<float>(axes.up.dot(p)));
    points.colour.emplace_back(rgb[3 * i + 2], rgb[3 * i + 1], rgb[3 * i]);
  }
  return points;
}

struct Box {
  Vector low{0, 0, 0};
  Vector high{0, 0, 0};
};

// Most of the points and all cameras. Beyond the 2nd and 98th percentile lie the flying points.
Box bounds(const Points& points, const std::vector<Vector>& centres) {
  Box box;
  constexpr double kNothing = std::numeric_limits<double>::infinity();
  for (int k = 0; k < 3; ++k) {
    double low = kNothing;
    double high = -kNothing;
    std::vector<float> values;
    const size_t step = points.position.size() / 200000 + 1;
    for (size_t i = 0; i < points.position.size(); i += step)
      values.push_back(points.position[i][k]);
    if (!values.empty()) {
      low = percentile(values, 2);
      high = percentile(values, 98);
      // Where the tails are short they belong to the scene.
      const double slack = 0.15 * (high - low);
      const auto [least, most] = std::minmax_element(values.begin(), values.end());
      low = std::max<double>(*least, low - slack);
      high = std::min<double>(*most, high + slack);
    }
    for (const Vector& c : centres) {
      low = std::min(low, c[k]);
      high = std::max(high, c[k]);
    }
    box.low[k] = low <= high ? low : -1;
    box.high[k] = low <= high ? high : 1;
  }
  return box;
}

// An orthographic picture: `across` and `upward` are the scene axes along the picture's x and
// against its y, `towards` the axis that points to the viewer, times `sign`.
struct Projection {
  int across;
  int upward;
  int towards;
  Vector middle;
  double px_per_unit;
  cv::Size size;

  cv::Point2d operator()(const Vector& p) const {
    return {size.width / 2.0 + (p[across] - middle[across]) * px_per_unit,
            size.height / 2.0 - (p[upward] - middle[upward]) * px_per_unit};
  }
};

// Fits the box, with room for the title, the frusta and their numbers.
Projection fitted(int across, int upward, int towards, const Box& box, cv::Size size) {
  constexpr double kBorder = 52;
  const Vector extent = box.high - box.low;
  const double px_per_unit = std::min((size.width - 2 * kBorder) / std::max(extent[across], 1e-9),
                                      (size.height - 2 * kBorder) / std::max(extent[upward], 1e-9));
  return {across, upward, towards, (box.low + box.high) / 2, px_per_unit, size};
}

// Half-open range of heights.
struct Slab {
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
};

// The nearest point of each pixel, among those with a height in `slab`. Points are drawn larger
// where there are few. Returns where points were drawn.
cv::Mat draw_points(const Points& points,
                    const Projection& projection,
                    const Slab& slab,
                    cv::Mat& canvas) {
  cv::Mat nearest(canvas.size(), CV_32F, cv::Scalar(-std::numeric_limits<float>::infinity()));
  cv::Mat drawn(canvas.size(), CV_8U, cv::Scalar(0));
  const double per_pixel =
      static_cast<double>(points.position.size()) / static_cast<double>(canvas.total());
  const int reach = per_pixel > 5 ? 0 : per_pixel > 0.1 ? 1 : 2;  // splats of 1, 2 or 3 pixels
  for (size_t i = 0; i < points.position.size(); ++i) {
    const Vector p(points.position[i]);
    if (p[2] < slab.low || p[2] >= slab.high) continue;
    const cv::Point2d at = projection(p);
    if (!(at.x >= 0 && at.y >= 0 && at.x < canvas.cols && at.y < canvas.rows)) continue;
    const auto nearness = static_cast<float>(p[projection.towards]);
    const int x0 = static_cast<int>(at.x);
    const int y0 = static_cast<int>(at.y);
    for (int y = y0; y <= std::min(y0 + reach, canvas.rows - 1); ++y) {
      for (int x = x0; x <= std::min(x0 + reach, canvas.cols - 1); ++x) {
        if (nearness <= nearest.at<float>(y, x)) continue;
        nearest.at<float>(y, x) = nearness;
        drawn.at<uint8_t>(y, x) = 255;
        canvas.at<cv::Vec3b>(y, x) = points.colour[i];
      }
    }
  }
  return drawn;
}

// A ceiling would hide the room below it: what is higher than all cameras is drawn translucent
// where something lies below. Returns whether that was so.
bool draw_points_from_above(const Points& points,
                            const Projection& projection,
                            double ceiling,
                            cv::Mat& canvas) {
  cv::Mat upper = canvas.clone();
  const cv::Mat is_upper = draw_points(points, projection, {.low = ceiling}, upper);
  const cv::Mat is_lower = draw_points(points, projection, {.high = ceiling}, canvas);
  cv::Mat mixed;
  cv::addWeighted(canvas, 0.65, upper, 0.35, 0, mixed);
  upper.copyTo(canvas, is_upper & ~is_lower);
  const cv::Mat both = is_upper & is_lower;
  mixed.copyTo(canvas, both);
  return cv::countNonZero(both) * 50 > cv::countNonZero(is_lower);
}

// Lines are given in 16ths of a pixel; far outside the picture OpenCV's integers would overflow.
cv::Point fixed_point(const cv::Point2d& p) {
  constexpr double kFar = 100000;
  return {static_cast<int>(std::lround(16 * std::clamp(p.x, -kFar, kFar))),
          static_cast<int>(std::lround(16 * std::clamp(p.y, -kFar, kFar)))};
}

void draw_line(cv::Mat& canvas,
               const cv::Point2d& from,
               const cv::Point2d& to,
               const cv::Scalar& colour,
               int thickness) {
  cv::line(canvas, fixed_point(from), fixed_point(to), colour, thickness, cv::LINE_AA, 4);
}

Vector in_axes(const Axes& axes, const Vector& p) {
  return {axes.right.dot(p), axes.forward.dot(p), axes.up.dot(p)};
}

void draw_frustum(const Camera& camera,
                  const Axes& axes,
                  const Projection& projection,
                  double length,
                  const cv::Scalar& colour,
                  cv::Mat& canvas) {
  const double half_width =
      std::min(1.0, 0.5 * static_cast<double>(camera.width_px) / camera.fx_px);
  const double half_height =
      std::min(1.0, 0.5 * static_cast<double>(camera.height_px) / camera.fy_px);
  const Vector apex = centre(camera);
  std::array<cv::Point2d, 4> corners;
  constexpr double kSigns[4][2] = {{-1, -1}, {1, -1}, {1, 1}, {-1, 1}};
  for (int i = 0; i < 4; ++i) {
    const Vector corner =
        apex + length * (axis(camera, 2) + kSigns[i][0] * half_width * axis(camera, 0) +
                         kSigns[i][1] * half_height * axis(camera, 1));
    corners[i] = projection(in_axes(axes, corner));
  }
  const cv::Point2d tip = projection(in_axes(axes, apex));
  // Dark below, bright above: seen on points of any colour.
  for (const bool below : {true, false}) {
    const cv::Scalar ink = below ? cv::Scalar(0, 0, 0) : colour;
    const int thickness = below ? 4 : 2;
    for (int i = 0; i < 4; ++i) {
      draw_line(canvas, tip, corners[i], ink, thickness);
      draw_line(canvas, corners[i], corners[(i + 1) % 4], ink, thickness);
    }
  }
}

void draw_cameras(const std::vector<const Camera*>& cameras,
                  const Axes& axes,
                  const Projection& projection,
                  cv::Mat& canvas) {
  const auto count = static_cast<int64_t>(cameras.size());
  const double length_px = count <= 12 ? 34 : count <= 40 ? 24 : 14;
  const Camera* previous = nullptr;
  for (const Camera* camera : cameras) {
    if (camera && previous) {
      draw_line(canvas,
                projection(in_axes(axes, centre(*previous))),
                projection(in_axes(axes, centre(*camera))),
                kBright,
                1);
    }
    if (camera) previous = camera;
  }
  // The far ones first. Nearness in steps, so that cameras of about one height keep their order.
  std::vector<int64_t> order;
  for (int64_t s = 0; s < count; ++s) {
    if (cameras[s]) order.push_back(s);
  }
  const auto nearness = [&](int64_t s) {
    return std::round(in_axes(axes, centre(*cameras[s]))[projection.towards] *
                      projection.px_per_unit / length_px);
  };
  std::sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
    return nearness(a) != nearness(b) ? nearness(a) < nearness(b) : a > b;
  });
  for (const int64_t s : order) {
    draw_frustum(*cameras[s],
                 axes,
                 projection,
                 length_px / projection.px_per_unit,
                 camera_colour(s, count),
                 canvas);
  }
  // All numbers above all frusta; where they would cover each other the nearest stays.
  std::reverse(order.begin(), order.end());
  std::vector<cv::Point2d> taken;
  for (const int64_t s : order) {
    const Vector back = centre(*cameras[s]) - axis(*cameras[s], 2) * (14 / projection.px_per_unit);
    const cv::Point2d at = projection(in_axes(axes, back));
    constexpr double kApart_px = 26;
    if (std::any_of(taken.begin(), taken.end(), [&](const cv::Point2d& other) {
          return cv::norm(at - other) < kApart_px;
        })) {
      continue;
    }
    taken.push_back(at);
    const std::string number = std::to_string(s + 1);
    const cv::Point corner(
        static_cast<int>(std::clamp(at.x, -1e6, 1e6)) - text_width(number, 0.5) / 2,
        static_cast<int>(std::clamp(at.y, -1e6, 1e6)) + 5);
    cv::putText(canvas, number, corner, cv::FONT_HERSHEY_SIMPLEX, 0.5, {0, 0, 0}, 4, cv::LINE_AA);
    draw_text(canvas, corner, number, 0.5, kBright);
  }
}

void draw_title(cv::Mat& canvas, const std::string& title, const std::string& note) {
  const int width = text_width(title, 0.6);
  draw_text(canvas, {14, 28}, title, 0.6, kBright);
  draw_text(canvas, {14 + width + 14, 28}, note, 0.48, kDim);
}

}  // namespace

void draw_text(
    cv::Mat& canvas, cv::Point at, const std::string& text, double size, const cv::Scalar& colour) {
  cv::putText(canvas, text, at, cv::FONT_HERSHEY_SIMPLEX, size, colour, 1, cv::LINE_AA);
}

std::string ascii(const std::string& text) {
  std::string result;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte & 0xC0) == 0x80) continue;  // the rest of a UTF-8 character
    result += byte >= 32 && byte < 127 ? c : '?';
  }
  return result;
}

int text_width(const std::string& text, double size) {
  int base_line = 0;
  return cv::getTextSize(text, cv::FONT_HERSHEY_SIMPLEX, size, 1, &base_line).width;
}

cv::Scalar camera_colour(int64_t index, int64_t count) {
  // From red to violet and not around: the last camera must not look like the first.
  const double hue =
      count > 1 ? 145.0 * static_cast<double>(index) / static_cast<double>(count - 1) : 20;
  cv::Mat pixel(1, 1, CV_8UC3, cv::Scalar(hue, 170, 255));
  cv::cvtColor(pixel, pixel, cv::COLOR_HSV2BGR);
  const auto bgr = pixel.at<cv::Vec3b>(0, 0);
  return {static_cast<double>(bgr[0]), static_cast<double>(bgr[1]), static_cast<double>(bgr[2])};
}

cv::Vec3d scene_up(const Reconstruction& reconstruction) {
  return guess_up(usable_cameras(reconstruction), Axes().up);
}

void draw_scene(const Reconstruction& reconstruction, cv::Mat& from_above, cv::Mat& from_side) {
  from_above.setTo(kPanel);
  from_side.setTo(kPanel);
  const std::vector<const Camera*> cameras = usable_cameras(reconstruction);
  const Axes axes = guess_axes(cameras);
  const Points points = points_in(axes, reconstruction.points);
  std::vector<Vector> centres;
  for (const Camera* camera : cameras) {
    if (camera) centres.push_back(in_axes(axes, centre(*camera)));
  }
  const Box box = bounds(points, centres);

  const Projection above = fitted(0, 1, 2, box, from_above.size());
  const Projection side = fitted(1, 2, 0, box, from_side.size());
  double ceiling = -std::numeric_limits<double>::infinity();
  for (const Vector& c : centres) {
    ceiling = std::max(ceiling, c[2] + 0.05 * (box.high[2] - box.low[2]));
  }
  const bool mixed = draw_points_from_above(points, above, ceiling, from_above);
  draw_points(points, side, {}, from_side);
  draw_cameras(cameras, axes, above, from_above);
  draw_cameras(cameras, axes, side, from_side);
  draw_title(from_above, "from above", mixed ? "translucent: higher than the cameras" : "");
  draw_title(from_side, "from the side", points.position.empty() ? "no points" : "");
}

}  // namespace vggt
