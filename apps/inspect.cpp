// SPDX-License-Identifier: Apache-2.0
#include <ATen/core/Tensor.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <nlohmann/json.hpp>

#include "apps/commands.h"
#include "apps/help.h"
#include "apps/output_file.h"
#include "kernels/quantized_linear/quantized_linear.h"
#include "src/base/error.h"
#include "src/weights/infer_config.h"
#include "src/weights/load.h"
#include "src/weights/quantized_file.h"

namespace vggt::apps {
namespace {

using Json = nlohmann::ordered_json;

struct InspectCommand {
  std::string file;
  std::string config;
  bool json = false;
};

// The first part of a key, and the encoder apart from the rest of the aggregator.
std::string part_of(const std::string& key) {
  if (key.rfind("aggregator.patch_embed.", 0) == 0) return "aggregator.patch_embed";
  return key.substr(0, key.find('.'));
}

struct Part {
  int64_t tensors = 0;
  int64_t parameters = 0;
  int64_t bytes = 0;
  std::map<std::string, int64_t> dtypes;
};

std::string text_of(const std::map<std::string, int64_t>& dtypes) {
  std::string text;
  for (const auto& [dtype, count] : dtypes) text += (text.empty() ? "" : ", ") + dtype;
  return text;
}

void print_list(const char* title, const std::vector<std::string>& items) {
  if (items.empty()) return;
  std::cout << title << ":\n";
  for (const std::string& item : items) std::cout << "  " << printable(item) << "\n";
}

Json table_of(const WeightFile& file) {
  const std::map<std::string, std::string> schemes = schemes_of(file);
  std::map<std::string, Part> parts;
  for (const auto& [key, tensor] : file.tensors) {
    for (const std::string& name : {part_of(key), std::string("total")}) {
      Part& part = parts[name];
      ++part.tensors;
      part.parameters += tensor.numel();
      const auto codes = schemes.find(key);
      part.bytes += codes == schemes.end() ? static_cast<int64_t>(tensor.nbytes())
                                           : file.quantized.at(key)->bytes();
      ++part.dtypes[codes == schemes.end() ? c10::toString(tensor.scalar_type()) : codes->second];
    }
  }
  Json table = Json::object();
  for (const auto& [name, part] : parts) {
    table[name] = {{"tensors", part.tensors},
                   {"parameters", part.parameters},
                   {"bytes", part.bytes},
                   {"dtype", text_of(part.dtypes)}};
  }
  return table;
}

// Blocks in a row whose layers have the same schemes, as one: "aggregator.frame_blocks.0-13" ->
// "attn.qkv w4a16-g128, ...".
Json blocks_of(const WeightFile& file) {
  struct Run {
    std::string list;  // "aggregator.frame_blocks"
    int64_t first = 0;
    int64_t last = 0;
    std::string schemes;
  };
  std::map<std::pair<std::string, int64_t>, std::map<std::string, std::string>> blocks;
  for (const auto& [key, scheme] : schemes_of(file)) {
    // <list>.<number>.<attn or mlp>.<layer>.weight
    std::vector<std::string> words = CLI::detail::split(key, '.');
    if (words.size() < 5) continue;
    const size_t at = words.size() - 4;
    const std::vector<std::string> list(words.begin(), words.begin() + static_cast<long>(at));
    blocks[{CLI::detail::join(list, "."), std::atoll(words[at].c_str())}]
          [words[at + 1] + "." + words[at + 2]] = scheme;
  }
  std::vector<Run> runs;
  for (const auto& [block, layers] : blocks) {
    std::string schemes;
    for (const auto& [layer, scheme] : layers) {
      schemes += (schemes.empty() ? "" : ", ") + layer + " " + scheme;
    }
    const bool goes_on = !runs.empty() && runs.back().list == block.first &&
                         runs.back().last + 1 == block.second && runs.back().schemes == schemes;
    if (goes_on) {
      runs.back().last = block.second;
    } else {
      runs.push_back({block.first, block.second, block.second, schemes});
    }
  }
  Json json = Json::object();
  for (const Run& run : runs) {
    const std::string numbers =
        std::to_string(run.first) + (run.last > run.first ? "-" + std::to_string(run.last) : "");
    json[run.list + "." + numbers] = run.schemes;
  }
  return json;
}

// The file itself, whether or not a model can be made of it.
void print_file(const Json& report) {
  std::cout << printable(report["file"].get<std::string>()) << "\n"
            << "  format   " << report["format"].get<std::string>() << "\n";
  if (report.contains("config")) {
    std::cout << "  licence  " << printable(report["licence"].get<std::string>()) << "\n"
              << "  config   from " << printable(report["config_origin"].get<std::string>())
              << "\n";
    for (const auto& field : report["assumed_config_fields"]) {
      std::cout << "  assumed  " << field.get<std::string>() << "\n";
    }
  } else {
    std::cout << "  config   cannot be told\n";
  }
  for (const auto& [key, value] : report["metadata"].items()) {
    if (key != "vggt.config" && key != kQuantizationKey)
      std::cout << "  " << printable(key + ": " + value.get<std::string>()) << "\n";
  }
  if (report.contains("quantised")) {
    std::cout << "  codes    in place of the weights of\n";
    for (const auto& [blocks, schemes] : report["quantised"].items()) {
      std::cout << "    " << printable(blocks + ": " + schemes.get<std::string>()) << "\n";
    }
  }
  std::cout << "\n";
  std::printf("  %-24s %8s %14s %14s  %s\n", "part", "tensors", "parameters", "bytes", "dtype");
  for (const auto& [name, part] : report["parts"].items()) {
    std::printf("  %-24s %8lld %14lld %14lld  %s\n",
                printable(name).c_str(),
                part["tensors"].get<long long>(),
                part["parameters"].get<long long>(),
                part["bytes"].get<long long>(),
                part["dtype"].get<std::string>().c_str());
  }
  std::fflush(stdout);
  std::cout << "\n" << std::flush;
}

void print(const ManifestDifference& difference) {
  print_list("missing", difference.missing);
  print_list("not expected", difference.extra);
  print_list("another shape or type", difference.misshapen);
  if (difference.empty())
    std::cout << "complete: every tensor of this config is there, none is superfluous\n";
}

void print_json(const Json& report) {
  std::cout << report.dump(1, ' ', false, Json::error_handler_t::replace) << "\n";
}

void run(const InspectCommand& command) {
  const WeightFile file = open_weight_file(command.file);
  Json report = {{"file", file.path}, {"format", file.format}, {"metadata", file.metadata}};
  if (!file.quantized.empty()) report["quantised"] = blocks_of(file);
  InferredConfig inferred;
  try {
    if (command.config.empty()) inferred = infer_config(file);
  } catch (const std::exception& error) {
    // What the file holds is worth seeing, all the more when no model can be made of it.
    report["problem"] = error.what();
    report["parts"] = table_of(file);
    if (command.json) {
      print_json(report);
    } else {
      print_file(report);
    }
    throw;
  }
  if (!command.config.empty()) {
    inferred = {.config = ModelConfig::read(command.config), .origin = command.config};
  }
  const ManifestDifference difference = compare(file, inferred.config);
  report["licence"] = licence_of(file, inferred.config);
  report["config_origin"] = inferred.origin;
  report["assumed_config_fields"] = inferred.assumed;
  report["config"] = Json::parse(inferred.config.to_json());
  report["missing"] = difference.missing;
  report["not_expected"] = difference.extra;
  report["misshapen"] = difference.misshapen;
  report["parts"] = table_of(file);
  if (command.json) {
    print_json(report);
  } else {
    print_file(report);
    print(difference);
  }
  if (!difference.empty()) throw IoError(file.path, "does not fit its config");
}

}  // namespace

void add_inspect(CLI::App& app) {
  const auto command = std::make_shared<InspectCommand>();
  CLI::App* sub =
      app.add_subcommand("inspect", "Say what a checkpoint is, and what is missing or superfluous");
  sub->add_option("file", command->file, "Checkpoint (.safetensors, .pt, a folder of shards)")
      ->required();
  sub->add_option(
         "--config", command->config, "Compare with this config.json instead of the file's own")
      ->type_name("FILE");
  sub->add_flag("--json", command->json, "Print JSON, with the config and sizes in bytes");
  sub->footer(examples(
      {{"What it is, and whether it is complete", "vggt inspect model.safetensors"},
       {"Whether it fits a config of your own", "vggt inspect model.pt --config config.json"},
       {"Its config alone", "vggt inspect model.safetensors --json | jq .config"}}));
  sub->callback([command] { run(*command); });
}

}  // namespace vggt::apps
