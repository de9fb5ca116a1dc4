// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace vggt {

/// OpenCV, and FFmpeg under it, print what they dislike in a file; the library never prints. Call
/// before either is used; the first call does it for the whole process.
void silence_opencv();

}  // namespace vggt
