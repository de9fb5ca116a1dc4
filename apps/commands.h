// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace CLI {
class App;
}

namespace vggt::apps {

/// Each adds its subcommand to `app`; the subcommand runs when its options have been parsed, and
/// throws on failure.
void add_reconstruct(CLI::App& app);
void add_convert(CLI::App& app);
void add_evaluate(CLI::App& app);
void add_forward(CLI::App& app);
void add_train(CLI::App& app);
void add_view(CLI::App& app);
void add_inspect(CLI::App& app);
void add_quantize(CLI::App& app);
void add_bench(CLI::App& app);
void add_synth(CLI::App& app);
void add_completion(CLI::App& app);
void add_man(CLI::App& app);

}  // namespace vggt::apps
