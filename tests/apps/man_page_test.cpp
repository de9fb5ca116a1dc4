// SPDX-License-Identifier: Apache-2.0
#include "apps/man_page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <CLI/CLI.hpp>

#include "apps/option_facts.h"

namespace vggt::apps {
namespace {

using testing::AllOf;
using testing::HasSubstr;

TEST(ManPage, HoldsSubcommandsOptionsChoicesDefaultsAndExamples) {
  CLI::App app("Photos to points.", "vggt");
  std::string text = "crop";
  bool quiet_flag = false;
  CLI::App* make = app.add_subcommand("reconstruct", "Make points");
  make->add_option("photos", text, "Folder")->required();
  make->add_option("--fit", text, "How")
      ->check(CLI::IsMember({"crop", "pad"}))
      ->capture_default_str();
  make->add_flag("-q,--quiet", quiet_flag, "Say less")->group(kGeneralGroup);
  make->footer("Examples:\n  vggt reconstruct photos");
  app.add_flag("-q,--quiet", quiet_flag, "Say less")->group(kGeneralGroup);
  const std::string page = man_page(app);
  EXPECT_THAT(page,
              AllOf(HasSubstr(".TH VGGT 1"),
                    HasSubstr("\n.SS reconstruct\nMake points\n"),
                    HasSubstr("\n.TP\n\\fBphotos\\fR\nFolder (required)\n"),
                    HasSubstr("\n.TP\n\\fB\\-\\-fit\\fR crop|pad\nHow (default: crop)\n"),
                    HasSubstr(".nf\nExamples:\n  vggt reconstruct photos\n.fi")));
  const size_t quiet = page.find("\\fB\\-q\\fR, \\fB\\-\\-quiet\\fR");
  ASSERT_NE(quiet, std::string::npos);
  EXPECT_GT(quiet, page.find(".SH GENERAL OPTIONS")) << "said once, not with each subcommand";
}

TEST(ManPage, WhatRoffWouldObeyIsEscaped) {
  CLI::App app("'tis a \\fB backslash", "vggt");
  app.footer(".so /etc/passwd\n'sh ls\n\"x\"");
  const std::string page = man_page(app);
  EXPECT_THAT(page,
              AllOf(HasSubstr("\n\\&\\(aqtis a \\efB backslash\n"),
                    HasSubstr("\n\\&.so /etc/passwd\n"),
                    HasSubstr("\n\\&\\(aqsh ls\n\\(dqx\\(dq\n")));
}

}  // namespace
}  // namespace vggt::apps
