// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include <c10/core/Device.h>
#include <c10/core/Event.h>

namespace vggt {

/// Keeps the calling thread at most one step ahead of a device, so that progress is told about when
/// it is made while the device never waits for work. Nothing to do on a CPU.
class Pace {
 public:
  explicit Pace(c10::Device device) : device_(device) {}

  /// The work that was queued until now is a step. Waits until the step before it is done.
  void step();

 private:
  c10::Device device_;
  std::optional<c10::Event> last_;
};

}  // namespace vggt
