// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "src/synthetic/scene_builder.h"

namespace vggt::synthetic {

// Things that scenes are furnished with, each in drawn sizes, shapes and surfaces. The frame is the
// middle of where the thing stands; its front looks along -y.

void add_table(SceneBuilder& builder, const Frame& frame);  ///< with things on it
void add_chair(SceneBuilder& builder, const Frame& frame);
void add_sofa(SceneBuilder& builder, const Frame& frame);
void add_shelf(SceneBuilder& builder, const Frame& frame);  ///< with books and things
void add_cupboard(SceneBuilder& builder, const Frame& frame);
void add_lamp(SceneBuilder& builder, const Frame& frame);
void add_plant(SceneBuilder& builder, const Frame& frame);
void add_box_pile(SceneBuilder& builder, const Frame& frame);
/// Something up to `size` large: a box, books, a bottle, a bowl, a ball, a figure.
void add_small_thing(SceneBuilder& builder, const Frame& frame, double size);
/// A picture, poster, window or door on a wall whose face is the frame's xz plane.
void add_wall_piece(SceneBuilder& builder, const Frame& frame, double wall_height);

void add_tree(SceneBuilder& builder, const Frame& frame);
void add_car(SceneBuilder& builder, const Frame& frame);
void add_street_lamp(SceneBuilder& builder, const Frame& frame);
void add_rocks(SceneBuilder& builder, const Frame& frame, double size);
/// A house `width` wide with windows, door, ledges and balconies; its front is the frame's xz
/// plane.
void add_house(
    SceneBuilder& builder, const Frame& frame, double width, double depth, double height);

/// An object of many parts, about `size` large: stacked, turned on a lathe, or mirrored.
void add_sculpture(SceneBuilder& builder, const Frame& frame, double size);

}  // namespace vggt::synthetic
