// simulation/stream.h: how a link becomes an io::Stream, whose only door takes a descriptor.
#pragma once

#include <memory>

#include "simulation/network.h"

namespace mailramp::simulation {

[[nodiscard]] int offer(std::shared_ptr<Link> link);
[[nodiscard]] std::shared_ptr<Link> taken(int descriptor);

}  // namespace mailramp::simulation
