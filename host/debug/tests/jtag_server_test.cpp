// SPDX-License-Identifier: Apache-2.0
/// The remote_bitbang server with pins that only take notes, and a client that is not OpenOCD.
#include "debug/jtag_server.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>

namespace tsr::debug {
namespace {

/// Writes down what is driven: `TCK TMS TDI TRST*cycles`. TDO is the last TDI.
class Notes final : public JtagAccess {
 public:
  void drive(bool tck, bool tms, bool tdi, bool trst, unsigned cycles) override {
    text += fmt::format("{:d}{:d}{:d}{:d}*{} ", tck, tms, tdi, trst, cycles);
    tdi_ = tdi;
  }
  bool tdo() override { return tdi_; }

  std::string text;

 private:
  bool tdi_ = false;
};

class JtagServerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    server_.listen();
    client_ = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(server_.port());
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ASSERT_EQ(connect(client_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
    server_.accept();
  }
  void TearDown() override {
    if (client_ >= 0) close(client_);
  }

  /// What the pins see of these commands.
  std::string pins(const std::string& commands) {
    notes_.text.clear();
    EXPECT_EQ(::send(client_, commands.data(), commands.size(), 0),
              static_cast<ssize_t>(commands.size()));
    server_.serve();
    return notes_.text;
  }
  std::string answer() {
    char text[64];
    const auto count = recv(client_, text, sizeof(text), MSG_DONTWAIT);
    return count > 0 ? std::string(text, static_cast<std::size_t>(count)) : "";
  }

  Notes notes_;
  JtagServer server_{notes_, 0};
  int client_ = -1;
};

TEST_F(JtagServerTest, LeavesResetForAClientAndDrivesThePins) {
  EXPECT_EQ(pins("2"), "0100*4 0100*0 ") << "TRST rises";
  EXPECT_EQ(pins("6"), "1100*1 ") << "a high TCK";
  EXPECT_EQ(pins("3"), "0110*3 ") << "a low one";
  EXPECT_EQ(pins("1"), "0010*0 ") << "no edge";
  EXPECT_EQ(pins("bB?\n"), "") << "nothing to do";
}

TEST_F(JtagServerTest, AnswersEveryReadInOrder) {
  pins("1R5R0RR4");
  EXPECT_EQ(answer(), "1100");
  pins("0");
  EXPECT_EQ(answer(), "");
}

TEST_F(JtagServerTest, ResetsThePort) {
  pins("0");
  EXPECT_EQ(pins("t"), "0001*4 ") << "TRST";
  EXPECT_EQ(pins("u"), "0001*4 ") << "TRST and SRST";
  EXPECT_EQ(pins("s"), "0000*4 ") << "the chip has no SRST pin";
  EXPECT_EQ(pins("r"), "0000*4 ");
}

TEST_F(JtagServerTest, ResetsThePortWhenTheClientGoes) {
  pins("4");
  EXPECT_EQ(pins("Q"), "1001*4 ");
  EXPECT_FALSE(server_.connected());
  server_.serve();
}

TEST_F(JtagServerTest, SurvivesAClientThatDies) {
  pins("4");
  close(client_);
  client_ = -1;
  notes_.text.clear();
  server_.serve();
  EXPECT_EQ(notes_.text, "1001*4 ");
  EXPECT_FALSE(server_.connected());
}

}  // namespace
}  // namespace tsr::debug
