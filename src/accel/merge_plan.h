// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

namespace vggt::accel {

/// How the rows (tokens) of one scene lie: frame after frame; in a frame the special tokens, then
/// the patches row by row.
struct TokenLayout {
  int64_t frames = 0;
  int64_t grid_h = 0, grid_w = 0;  ///< patches
  int64_t special = 5;             ///< camera and registers, first in each frame
  int64_t rows = 0;                ///< R: frames * tokens(), or the slots of a plan in force
  std::vector<int64_t> frame_id;   ///< stable names of the frames, keys of random numbers
  at::Tensor frame_offsets;        ///< int32 [S + 1]; undefined while every frame has tokens() rows
  at::Tensor position;  ///< int64 [R, 2] (row, column) as rope2d takes it; (0, 0) for special
  at::Tensor row_mass;  ///< float32 [R], original tokens behind each row; undefined: 1

  int64_t patches() const { return grid_h * grid_w; }
  int64_t tokens() const { return special + patches(); }  ///< P, of a frame of whole rows
  bool is_regular() const { return !frame_offsets.defined(); }
};

/// Frames of `grid_h` x `grid_w` patches behind `special` tokens, all there, named 0, 1, ...
TokenLayout regular_layout(
    int64_t frames, int64_t grid_h, int64_t grid_w, int64_t special, at::Device device);

/// A number that two layouts share only if plans for one fit the other.
uint64_t layout_hash(const TokenLayout& layout);

/// One assignment of R rows to T slots for each of M column groups: with M = 1 whole rows are
/// merged, with M = A each head on its own. A slot is the mean of its members; it is named by one
/// of them, its anchor, and slots of a map ascend by it.
struct TokenMap {
  int64_t rows = 0;
  int64_t maps = 1;
  int64_t slots = 0;        ///< T over all maps, known without asking the device; a bound if !exact
  int64_t max_per_map = 0;  ///< bound on the slots of one map
  bool exact = true;        ///< otherwise the last slots have no member
  bool partition = true;    ///< every row is a member of exactly one slot of each map
  at::Tensor slot_of;       ///< int32 [M, R]: the slot, of all maps, that the row reads
  at::Tensor map_offsets;   ///< int32 [M + 1]: slots of map m are [map_offsets[m], [m + 1])
  at::Tensor member_offsets;  ///< int32 [T + 1]
  at::Tensor members;         ///< int32 [nnz]: rows, ascending within a slot
  at::Tensor anchor;          ///< int32 [T]: the row that names the slot; -1 without members
  at::Tensor mass;            ///< float32 [T]: original tokens behind the slot
  at::Tensor weight;          ///< float32 [nnz]: a member's share; undefined: 1 / group size

  /// Whether merging changes nothing.
  bool is_identity() const { return exact && partition && slots == maps * rows; }
};

/// What one attention does to its rows.
struct MergePlan {
  TokenMap q, kv;  ///< the same tensors unless split; equal numbers of maps
  bool split = false;
  at::Tensor key_bias;       ///< float32 [kv.slots], added to q.k / sqrt(D); undefined: 0
  at::Tensor position;       ///< int64 [q.slots, 2]: floor of the members' mean; only for spans
  at::Tensor frame_offsets;  ///< int32 [S + 1] in slots; only if no group crosses frames
  std::string policy;        ///< who made it
  int64_t built_at = -1;     ///< at which layer
  uint64_t layout = 0;       ///< layout_hash() of the rows it is for

  bool is_identity() const { return q.is_identity() && kv.is_identity(); }
};

/// What is known on the host of a map's slots. Without it they are counted, which waits for a GPU.
struct SlotCount {
  int64_t total = -1;
  int64_t max_per_map = -1;  ///< -1: as total of one map
  bool exact = true;         ///< otherwise both are bounds
};

/// Every row for itself.
TokenMap identity_map(int64_t rows, int64_t maps, at::Device device);

/// The ordinary way to make a map.
/// anchor_of  int32 [M, R]: the row that names the row's slot; anchor_of[m][anchor_of[m][r]] is
///            anchor_of[m][r]
/// row_mass   float32 [R], or undefined: 1
/// Throws c10::Error if the shape is wrong or a total that is said to be exact is not (on the CPU).
TokenMap map_from_anchors(const at::Tensor& anchor_of,
                          SlotCount count,
                          const at::Tensor& row_mass = {});

/// For what is no partition: rows that are in several slots, or in none.
/// slot_of  int32 [1, R]
TokenMap map_from_members(int64_t rows,
                          const at::Tensor& member_offsets,
                          const at::Tensor& members,
                          const at::Tensor& slot_of);

/// Means of the slots' members. x [R, C], last stride 1 -> [T, C / M], x's dtype; sums in float32
/// (double of double). A slot of one member is a copy; an identity map of M = 1 returns x itself.
at::Tensor merge(const TokenMap& map, const at::Tensor& x);

/// Each row reads its slot. y [T, C / M] -> [R, C].
at::Tensor unmerge(const TokenMap& map, const at::Tensor& y);

/// log(mass) times beta, what a merged key counts for (proportional attention; Bolya et al., "Token
/// Merging", ICLR 2023): exact if the members of each slot are equal. float32 [T]; -inf for slots
/// without members.
at::Tensor log_mass_bias(const TokenMap& map, double beta = 1);

/// first, then second: rows of first -> slots of second. first.maps must be 1. Masses multiply.
TokenMap compose(const TokenMap& first, const TokenMap& second);

/// The map of rows [begin, end) alone. A group that lost its anchor is named by its lowest row.
TokenMap restrict_rows(const TokenMap& map, int64_t begin, int64_t end);

/// Throws c10::Error naming the first rule of MergePlan and TokenMap that is broken. Reads all of
/// it: for tests and debugging.
void validate(const TokenMap& map);
void validate(const MergePlan& plan, const TokenLayout& layout);

}  // namespace vggt::accel
