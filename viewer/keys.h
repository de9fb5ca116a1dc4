// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "viewer/session.h"

namespace vggt::viewer {

/// What a key of Open3D does to the session, and what is to be drawn again for it. False: the key
/// changes nothing here.
bool press(int key, Session& session, Stale& stale);

/// All keys and what the mouse does, in a few lines.
const char* key_help();

}  // namespace vggt::viewer
