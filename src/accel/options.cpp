// SPDX-License-Identifier: Apache-2.0
#include "src/accel/options.h"

namespace vggt::accel {

Setting first_frame_setting(FirstFrame& first_frame) {
  return choice<FirstFrame>("first_frame",
                            "plain (as the others), anchors (merges into nothing), protected",
                            first_frame,
                            {{"plain", FirstFrame::kPlain},
                             {"anchors", FirstFrame::kAnchors},
                             {"protected", FirstFrame::kProtected}});
}

Setting reach_setting(Reach& reach) {
  return choice<Reach>(
      "reach",
      "where anchors are sought: near (own frame, the first, the two most similar) "
      "or scene (all frames)",
      reach,
      {{"near", Reach::kNear}, {"scene", Reach::kScene}});
}

Setting manner_setting(Manner& manner) {
  return choice<Manner>(
      "manner",
      "clean, or compat: as released, faults included (cells of 2, reach scene, no bias)",
      manner,
      {{"clean", Manner::kClean}, {"compat", Manner::kCompat}});
}

}  // namespace vggt::accel
