// SPDX-License-Identifier: Apache-2.0
// What the loaders have in common.
#pragma once

#include <array>
#include <functional>
#include <string>
#include <vector>

#include "datasets/dataset.h"
#include "src/geometry/rigid.h"

namespace vggt::datasets {

/// The names of the folders, or of the files with one of the extensions (".png", in lower case), in
/// `folder`, in natural order (2 before 10). Empty if there is no such folder.
std::vector<std::string> folders_in(const std::string& folder);
std::vector<std::string> files_in(const std::string& folder,
                                  const std::vector<std::string>& extensions);

bool is_file(const std::string& path);
bool is_folder(const std::string& path);

/// Throws ConfigError("root") naming what is missing unless it is a folder.
void check_root(const std::string& root);

/// The folders of `root` for which `holds` is true, or, if `root` itself is one, that alone as ".".
/// Throws ConfigError("root") if there is none: `what` says what was looked for.
std::vector<std::string> sequence_folders(const std::string& root,
                                          const std::string& what,
                                          const std::function<bool(const std::string&)>& holds);

/// What a sequence is called that sequence_folders() gave: "." takes the root's own name.
std::string sequence_name(const std::string& root, const std::string& folder);

/// Has `fill` read the frames of a sequence; an IoError that it throws becomes the sequence's
/// problem, as does no frame at all. Whether the photos are there is asked of the chosen ones only,
/// later.
Sequence read_sequence(Sequence sequence, const std::function<void(Sequence&)>& fill);

/// The numbers of a text file, which may stand in any lines; "nan" and "inf" are allowed. A last
/// line without its end is fine. Throws IoError naming what is no number, or if their count is no
/// multiple of `multiple_of`, or 0.
std::vector<double> read_numbers(const std::string& path, size_t multiple_of);

/// The pose of a row-major 4 x 4 or 3 x 4 matrix.
Rigid rigid_from(const double* matrix, size_t row_length = 4);

/// All twelve numbers finite, and the rotation orthonormal to 1e-2: files give few digits.
bool is_pose(const Rigid& pose);

/// `pose` with the camera's y and z axes turned: between OpenGL's axes and ours.
Rigid opengl_turned(Rigid world_from_cam);

}  // namespace vggt::datasets
