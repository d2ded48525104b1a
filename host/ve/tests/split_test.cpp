// SPDX-License-Identifier: Apache-2.0
/// Stages and passes: results against direct evaluation of the graph, pass counts against an
/// exhaustive search.
#include "ve/split.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <random>
#include <set>

#include "numerics/special.hpp"
#include "ve/run.hpp"

namespace tsr::ve {
namespace {

unsigned seed() {
  const char* text = std::getenv("TSR_SEED");
  return text != nullptr ? static_cast<unsigned>(std::strtoul(text, nullptr, 0)) : 1;
}
unsigned scale() {
  const char* text = std::getenv("TSR_SCALE");
  return text != nullptr ? std::max(1U, static_cast<unsigned>(std::strtoul(text, nullptr, 0))) : 1;
}

/// A random expression of `n` operations on three streams, with lane exchange and modifiers.
std::string random_expression(std::mt19937& rng, unsigned n) {
  std::string text = "expr r:\n  in a: stream, b: stream, c: stream;\n";
  std::vector<std::string> values = {"a", "b", "c"};
  std::set<std::string> used;
  const auto pick = [&] {
    const bool recent = rng() % 2 == 0;
    const std::size_t back = std::min<std::size_t>(values.size(), recent ? 3 : values.size());
    const std::string& name = values[values.size() - 1 - rng() % back];
    used.insert(name);
    switch (rng() % 8) {
      case 0:
        return "-" + name;
      case 1:
        return "abs(" + name + ")";
      case 2:
        return "lane_xor(" + name + ", " + std::to_string(1U << (rng() % 4)) + ")";
      case 3:
        return std::to_string(rng() % 4);
      default:
        return name;
    }
  };
  for (unsigned i = 0; i < n; ++i) {
    static const char* const kUnary[] = {"exp2", "rcp", "tanh", "floor"};
    // One operand at least is a value.
    const std::string first =
        values[values.size() - 1 - rng() % std::min<std::size_t>(3, values.size())];
    used.insert(first);
    std::string value;
    switch (rng() % 7) {
      case 0:
        value = std::string(kUnary[rng() % 4]) + "(" + first + ")";
        break;
      case 1:
        value = "fma(" + pick() + ", " + first + ", " + pick() + ")";
        break;
      case 2:
        value = "max(" + first + ", " + pick() + ")";
        break;
      case 3:
        value = fmt::format("select({} < {}, {}, {})", first, pick(), first, pick());
        break;
      case 4:
        value = pick() + " - " + first;
        break;
      default:
        value = first + " * " + pick();
        break;
    }
    values.push_back("v" + std::to_string(i));
    text += "  " + values.back() + " = " + value + ";\n";
  }
  for (std::size_t k = 3; k < values.size(); ++k) {
    if (used.count(values[k]) == 0) text += "  out " + values[k] + ";\n";
  }
  return text;
}

/// Values of an output, node by node without stages. `in`: FP32 bits, whole groups.
std::vector<std::uint32_t> evaluate(const Graph& graph, int output,
                                    const std::map<std::string, std::vector<std::uint32_t>>& in) {
  std::vector<std::vector<std::uint32_t>> value(graph.nodes.size());
  const std::size_t n = in.begin()->second.size();
  for (std::size_t id = 0; id < graph.nodes.size(); ++id) {
    const Node& node = graph.nodes[id];
    if (node.kind == Node::Kind::Input) {
      value[id] = in.at(node.name);
    } else if (node.kind == Node::Kind::Const) {
      value[id].assign(n, node.bits);
    } else {
      value[id].resize(n);
      for (std::size_t i = 0; i < n; ++i) {
        std::uint32_t x[3] = {};
        for (std::size_t a = 0; a < node.args.size(); ++a) {
          const Operand& arg = node.args[a];
          const std::size_t lane = i % 16;
          const std::size_t from = arg.rot ? (lane + arg.exch) % 16 : lane ^ arg.exch;
          x[a] = value[arg.node][i - lane + from];
          if (arg.abs) x[a] &= 0x7fffffff;
          if (arg.neg) x[a] ^= 0x80000000;
        }
        value[id][i] = numerics::vec_op(node.op, x[0], x[1], x[2], node.rm);
      }
    }
  }
  return value[graph.outputs[output].node];
}

TEST(VeSplit, RandomExpressionsComputeWhatTheGraphSays) {
  std::mt19937 rng(seed());
  RecordProperty("seed", static_cast<int>(seed()));
  for (unsigned round = 0; round < 60 * scale(); ++round) {
    const std::string text = random_expression(rng, 1 + rng() % 14);
    SCOPED_TRACE(text);
    const Graph graph = lower(parse(text, "random")[0]);
    CompileOptions options;
    if (rng() % 2 == 0)
      options.masks = {1 + static_cast<unsigned>(rng() % 255),
                       1 + static_cast<unsigned>(rng() % 255)};
    const Program program = compile(text, {}, options);
    for (const Pass& pass : program.passes) {
      ASSERT_TRUE(engines::ve_legal(pass.config, options.masks));
    }
    RunInput input;
    input.shape = {2, 32};
    input.masks = options.masks;
    for (const char* name : {"a", "b", "c"}) {
      auto& data = input.data[name];
      for (unsigned i = 0; i < 64; ++i) {
        data.push_back(
            numerics::bits_of(static_cast<float>(static_cast<int>(rng() % 2001) - 1000) / 128));
      }
    }
    const RunOutput out = run(program, input);
    for (std::size_t k = 0; k < graph.outputs.size(); ++k) {
      ASSERT_EQ(out.data.at(graph.outputs[k].name),
                evaluate(graph, static_cast<int>(k), input.data));
    }
  }
}

/// Fewest passes, from the first one on: every set of stored values that can be reached.
unsigned exhaustive(const Fitter& fitter, unsigned limit) {
  const Graph& graph = fitter.graph();
  using State = std::pair<NodeSet, std::uint32_t>;
  const std::uint32_t goal = (1U << graph.outputs.size()) - 1;
  std::vector<Item> items;
  for (std::size_t k = 0; k < graph.outputs.size(); ++k) {
    items.push_back({graph.outputs[k].node, static_cast<int>(k)});
  }
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    if (graph.nodes[i].kind == Node::Kind::Op && graph.nodes[i].rate != Rate::Const) {
      items.push_back({static_cast<int>(i), -1});
    }
  }
  struct Option {
    State adds;
    NodeSet reads;
  };
  std::vector<Option> options;
  const auto add = [&](const std::vector<Item>& chosen) {
    for (const PassPlan& plan : fitter.cuts(chosen)) {
      Option option{{0, 0}, 0};
      for (const Item& item : chosen) {
        if (item.output >= 0) {
          option.adds.second |= 1U << item.output;
          option.adds.first |= bit(item.node);  // FP32 outputs can be read again
        } else {
          option.adds.first |= bit(item.node);
        }
      }
      for (const int leaf : plan.leaves) {
        if (graph.nodes[leaf].kind != Node::Kind::Input) option.reads |= bit(leaf);
      }
      options.push_back(option);
    }
  };
  for (std::size_t i = 0; i < items.size(); ++i) {
    add({items[i]});
    for (std::size_t j = i + 1; j < items.size(); ++j) add({items[i], items[j]});
  }
  std::set<State> layer = {{0, 0}};
  for (unsigned passes = 1; passes <= limit; ++passes) {
    std::set<State> next;
    for (const State& state : layer) {
      for (const Option& option : options) {
        if ((option.reads & ~state.first) != 0) continue;
        const State made{state.first | option.adds.first, state.second | option.adds.second};
        if (made.second == goal) return passes;
        if (made != state) next.insert(made);
      }
    }
    layer = next;
  }
  return limit + 1;
}

TEST(VeSplit, NoWayHasFewerPasses) {
  std::mt19937 rng(seed() + 1);
  unsigned several = 0;
  for (unsigned round = 0; round < 40 * scale(); ++round) {
    const std::string text = random_expression(rng, 3 + rng() % 6);
    SCOPED_TRACE(text);
    const Graph graph = lower(parse(text, "random")[0]);
    Machine machine;
    machine.masks = {0x11, 0x22};  // few multipliers: several passes with few operations
    machine.output_pair.assign(graph.outputs.size(), false);
    machine.output_first.assign(graph.outputs.size(), false);
    machine.input_first.assign(graph.inputs.size(), false);
    const Fitter fitter(graph, machine);
    const Split found = split(fitter, std::vector<bool>(graph.outputs.size(), true));
    EXPECT_TRUE(found.proven);
    if (found.passes.size() > 4) continue;  // too many states for the exhaustive search
    EXPECT_EQ(exhaustive(fitter, 4), found.passes.size());
    several += found.passes.size() > 2 ? 1 : 0;
  }
  EXPECT_GT(several, 5U);
}

TEST(VeSplit, StagesAreFoundWheneverThereIsAnOrder) {
  // Against every assignment of operations to stages.
  std::mt19937 rng(seed() + 2);
  unsigned fits = 0, fails = 0;
  for (unsigned round = 0; round < 300 * scale(); ++round) {
    std::string text = random_expression(rng, 3 + rng() % 3);
    text.replace(0, 4, "pass");
    const Graph graph = lower(parse(text, "random")[0]);
    if (graph.outputs.size() > 2) continue;
    Machine machine;
    machine.masks = {static_cast<unsigned>(rng() & 0xff), static_cast<unsigned>(rng() & 0xff)};
    machine.output_pair.assign(graph.outputs.size(), false);
    machine.output_first.assign(graph.outputs.size(), false);
    machine.input_first.assign(graph.inputs.size(), false);
    std::vector<Item> items;
    NodeSet cone = 0;
    const Fitter fitter(graph, machine);
    for (std::size_t k = 0; k < graph.outputs.size(); ++k) {
      items.push_back({graph.outputs[k].node, static_cast<int>(k)});
      cone |= fitter.cone(graph.outputs[k].node);
    }
    std::vector<int> ops;
    for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
      if ((cone & bit(static_cast<int>(i))) != 0 && graph.nodes[i].kind == Node::Kind::Op) {
        ops.push_back(static_cast<int>(i));
      }
    }
    // Walk all assignments: stage of each operation, then check dependencies and carried values.
    std::vector<int> stage(graph.nodes.size(), -1);
    const auto carried = [&] {
      for (int s = 0; s < 8; ++s) {
        unsigned live = 0;
        for (std::size_t v = 0; v < graph.nodes.size(); ++v) {
          const int id = static_cast<int>(v);
          if ((cone & bit(id)) == 0 || graph.nodes[v].constant()) continue;
          const bool there = graph.nodes[v].kind == Node::Kind::Input || stage[v] <= s;
          bool needed = false;
          for (const Item& item : items) needed = needed || item.node == id;
          for (const int op : ops) {
            for (const Operand& x : graph.nodes[op].args) {
              needed = needed || (x.node == id && stage[op] > s);
            }
          }
          live += there && needed ? 1 : 0;
        }
        if (live > 4) return false;
      }
      return true;
    };
    const auto assign = [&](const auto& self, std::size_t k) -> bool {
      if (k == ops.size()) return carried();
      const Node& node = graph.nodes[ops[k]];
      int first = 0;
      for (const Operand& x : node.args) first = std::max(first, stage[x.node] + 1);
      for (int s = first; s < 8; ++s) {
        if (needs_fma(node.op) && ((machine.masks.fma >> s) & 1) == 0) continue;
        if (needs_sfu(node.op) && ((machine.masks.sfu >> s) & 1) == 0) continue;
        bool taken = false;
        for (std::size_t j = 0; j < k; ++j) taken = taken || stage[ops[j]] == s;
        if (taken) continue;
        stage[ops[k]] = s;
        if (self(self, k + 1)) return true;
        stage[ops[k]] = -1;
      }
      return false;
    };
    const bool possible = assign(assign, 0);
    PassPlan plan;
    std::string why;
    EXPECT_EQ(fitter.whole(items, plan, why), possible) << text << why;
    (possible ? fits : fails) += 1;
  }
  EXPECT_GT(fits, 20U);
  EXPECT_GT(fails, 20U);
}

TEST(VeSplit, CutsAreCheapAmongTheFewest) {
  // Softmax could keep e^(x - m) in memory; reading x again costs no stream more and writes one
  // less.
  const Program p = compile(
      "expr t: in x: stream; m = max(x) over row; q = exp2(x - m); s = sum(q) over row; out y = q "
      "/ s;");
  ASSERT_EQ(p.passes.size(), 3u);
  EXPECT_EQ(p.temporaries.size(), 2u);
  for (const Port& port : p.temporaries) EXPECT_EQ(port.role, PortRole::Row);
}

TEST(VeSplit, TemporariesKeepFp32UnlessAnOutputHoldsItExactly) {
  const std::string text =
      "expr t: in x: stream; m = max(x) over row; out d = x - m; out y = sum(d * d) over row;";
  // An FP32 output is read back where that helps, a BF16 one never.
  const Program rounded = compile(text, {{"d", "bf16"}});
  for (const Pass& pass : rounded.passes) {
    for (const Port& port : pass.inputs) EXPECT_NE(port.name, "d");
  }
}

#if defined(__SANITIZE_ADDRESS__)
constexpr std::clock_t kCpuSeconds = 10;
#else
constexpr std::clock_t kCpuSeconds = 1;
#endif

TEST(VeSplit, LargeExpressionsCompileWellUnderASecond) {
  std::mt19937 rng(7);
  for (unsigned round = 0; round < 5; ++round) {
    const std::string text = random_expression(rng, 18);
    CompileOptions options;
    options.max_passes = 32;
    const std::clock_t begin = std::clock();
    const Program program = compile(text, {}, options);
    EXPECT_LT(std::clock() - begin, kCpuSeconds * CLOCKS_PER_SEC) << text;
    EXPECT_GT(program.passes.size(), 2u);
  }
}

TEST(VeSplit, TooManyPassesAreAnError) {
  CompileOptions options;
  options.max_passes = 2;
  EXPECT_THROW(compile("expr t: in x: stream; m = max(x) over row; s = sum(exp2(x - m)) over row;"
                       "out y = exp2(x - m) / s;",
                       {}, options),
               CompileError);
}

TEST(VeSplit, StagesCanBeElsewhere) {
  CompileOptions options;
  options.masks = {0x01, 0x80};
  const Program p = compile("expr t: in x: stream; out y = x * rcp(1 + exp2(x));", {}, options);
  EXPECT_GT(p.passes.size(), 1u);
  for (const Pass& pass : p.passes) EXPECT_TRUE(engines::ve_legal(pass.config, options.masks));
}

}  // namespace
}  // namespace tsr::ve
