// SPDX-License-Identifier: Apache-2.0
#include "src/base/pace.h"

#include <c10/core/impl/VirtualGuardImpl.h>

namespace vggt {

void Pace::step() {
  if (device_.is_cpu()) return;
  c10::Event now(device_.type());
  now.record(c10::impl::VirtualGuardImpl(device_.type()).getStream(device_));
  if (last_) last_->synchronize();
  last_ = std::move(now);
}

}  // namespace vggt
