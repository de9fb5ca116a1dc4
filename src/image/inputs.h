// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace vggt {

/// A photo or video that was asked for.
struct Photo {
  std::string path;
  /// What outputs call it, '/' between folders, never "..", different for every photo of a run.
  std::string name;
};

struct InputOptions {
  /// Folders, files and patterns (* ? [...]) in any mixture. Usually the shell has replaced the
  /// patterns; one that names no file is replaced here.
  std::vector<std::string> inputs;
  /// A text file of paths, one a line, relative to its own folder; empty: none. Empty lines and
  /// lines that begin with '#' are passed over; CRLF and a byte order mark are fine. A file that is
  /// gone is listed nevertheless: reading it fails like that of any other.
  std::string list_file;
  bool recursive = false;  ///< with the folders below the folders
};

/// The photos asked for: inputs in the order given, then the list in its order; folders and
/// patterns in natural order (2.jpg before 10.jpg). A path that comes twice counts once.
///
/// Of a folder those files are taken whose name ends like a picture's, in any case; names that
/// begin with a dot are left out (copies of systems' metadata), folders too. A folder that several
/// links lead to is read once, so links in a circle end. Folders that hold a report.json are
/// results of earlier runs and passed over. A file named by itself is taken whatever
/// it is called; so are videos (is_video), which of a folder are not.
///
/// Names are relative to the folder given, and the file name for files. Where two inputs would give
/// one name, folders above are put in front of both until they differ.
///
/// Throws IoError naming what is missing, cannot be read, or holds no picture.
std::vector<Photo> list_photos(const InputOptions& options);

/// At most `most` of the photos, evenly over the whole list, its first among them; all if `most` is
/// 0.
std::vector<Photo> even_spread(const std::vector<Photo>& photos, int64_t most);

/// Whether the name ends like a video's: .mp4, .mov, .avi, .mkv, .webm or .m4v, in any case.
bool is_video(const std::string& path);

/// Whether the name ends like a picture's that we read, in any case.
bool is_picture(const std::string& path);

/// The endings of is_picture, in lower case, with their dots.
const std::vector<std::string>& picture_extensions();

}  // namespace vggt
