// SPDX-License-Identifier: Apache-2.0
/// Special functions of the vector engine as pure functions, in steps that can be pipeline stages:
///
///     a, op -> sfu_align -> sfu_prepare -> sfu_lookup -> sfu_slope -> sfu_value -> sfu_norm -> sfu_finish
///
/// Reduce the argument to a table address and a position x in the interval, interpolate
/// v = c0 + (c1 + c2 x) x (one 15 x 15 and one 25 x 20 bit multiplier for all functions), round once to
/// FP32. Adjacent steps may share a stage. The C++ mirror is `model/numerics/special.hpp`, the tables
/// are written by `scripts/sfugen.py`; docs/vector-numerics.md has the method and the error bounds.
package tsr_sfu_pkg;

  // ---------------------------------------------------------------- types

  /// Numbered as the low three bits of tsr_ve_pkg::op_e.
  typedef enum logic [2:0] {
    SfuExp2  = 3'd0,
    SfuLog2  = 3'd1,
    SfuRcp   = 3'd2,
    SfuRsqrt = 3'd3,
    SfuTanh  = 3'd4,
    SfuSin   = 3'd5,  // sin(2 pi a)
    SfuCos   = 3'd6,  // cos(2 pi a)
    SfuPhi   = 3'd7   // cumulative distribution of the standard normal distribution
  } sfu_op_e;

  /// What the last step makes of the interpolated v.
  typedef enum logic [1:0] {
    FinScale = 2'd0,  // v * 2^exp
    FinLog   = 2'd1,  // exp + v
    FinTail  = 2'd2,  // 1 - v * 2^exp
    FinFixed = 2'd3   // no interpolation: `fixed` is the result
  } sfu_finish_e;

  typedef enum logic [1:0] { FixZero = 2'd0, FixOne = 2'd1, FixInf = 2'd2, FixNan = 2'd3 } sfu_fixed_e;

  /// An argument in the form that its function reduces.
  typedef struct packed {
    sfu_op_e     op;
    logic        nan;
    logic        inf;
    logic        zero;
    logic        neg;
    logic [9:0]  e;     // signed: |a| = 2^e * (1 + m * 2^-23), subnormals too
    logic [35:0] data;  // |a| in units of 2^-28 (exp2, phi, cos, sin from 2^-12 on), modulo 2^8; else m
  } sfu_align_t;

  /// What the steps behind the table lookup need besides the position.
  typedef struct packed {
    sfu_finish_e finish;
    sfu_fixed_e  fixed;
    logic        neg;  // sign of the result; FinLog and FixNan decide for themselves
    logic [9:0]  exp;  // signed
  } sfu_ctl_t;

  /// A reduced argument.
  typedef struct packed {
    sfu_ctl_t    ctl;
    logic [9:0]  addr;  // of the table word
    logic [19:0] x;     // position in the interval: x * 2^-20
  } sfu_prep_t;

  /// A table word, see the generated section.
  typedef struct packed {
    logic [26:0] c0;  // unsigned
    logic [21:0] c1;  // signed
    logic [14:0] c2;  // signed
  } sfu_word_t;

  // ---------------------------------------------------------------- generated tables
  // Written by scripts/sfugen.py. Do not edit.

  /// Words {c0[26:0], c1[21:0], c2[14:0]} in units of 2^-26, 2^-25 and 2^-23.
  localparam int unsigned SfuWords = 960;
  localparam logic [63:0] SfuTable [SfuWords] = '{
    64'h800000058b8487c4, 64'h82cd8705aa9607f1, 64'h85aac3e5ca5a881d, 64'h88980f05eacf084b,
    64'h8b95c2660bfb8879, 64'h8ea43a262de008a9, 64'h91c3d406508488d9, 64'h94f4f04673e9090b,
    64'h9837f1069814893e, 64'h9b8d3a66bd0b0972, 64'h9ef53306e2d109a7, 64'ha27043a7096b09dd,
    64'ha5fed74730de0a14, 64'ha9a15b67592e0a4c, 64'had583f87825f0a86, 64'hb123f627ac770ac1,
    64'hb504f3e7d77b8afd, 64'hb8fbb00803700b3b, 64'hbd08a468305b8b7a, 64'hc12c4d885e440bba,
    64'hc5672ae88d2c0bfc, 64'hc9b9be48bd1c8c3f, 64'hce248ce8ee180c84, 64'hd2a81e6920278cca,
    64'hd744fda9534e8d12, 64'hdbfbb88987958d5b, 64'he0ccdfc9bd010da6, 64'he5b907c9f3990df2,
    64'heac0c7ea2b600e41, 64'hefe4ba8a64638e90, 64'hf5257e0a9ea40ee2, 64'hfa83b3cada2b0f36,
    64'h3243f6cc90fd8000, 64'h388c758c90fd8000, 64'h3ed4f46c90fd8000, 64'h451d734c90fd8000,
    64'h4b65f20c90fd8000, 64'h51ae70ec90fd8000, 64'h57f6efcc90fd8000, 64'h5e3f6e8c90fd8000,
    64'h2000000800000000, 64'h2400000800000000, 64'h2800000800000000, 64'h2c00000800000000,
    64'h3000000800000000, 64'h3400000800000000, 64'h3800000800000000, 64'h3c00000800000000,
    64'h0000000000000000, 64'h0000000000000000, 64'h0000000000000000, 64'h0000000000000000,
    64'h0000000000000000, 64'h0000000000000000, 64'h0000000000000000, 64'h0000000000000000,
    64'h0000000000000000, 64'h0000000000000000, 64'h0000000000000000, 64'h0000000000000000,
    64'h0000000000000000, 64'h0000000000000000, 64'h0000000000000000, 64'h0000000000000000,
    64'h00000005c544fa50, 64'h02dcf345ae86fa7e, 64'h05aeb565987d7aa8, 64'h08759cc5831cfad0,
    64'h0b31fc056e5dfaf6, 64'h0de421855a37fb1b, 64'h108c590546a37b3f, 64'h132aea25339ffb60,
    64'h15c01aa521207b81, 64'h184c2c250f23fba0, 64'h1acf5e84fda37bbe, 64'h1d49eea4ec9bfbda,
    64'h1fbc1704dc057bf6, 64'h22261004cbdc7c11, 64'h24880fa4bc1ffc2a, 64'h26e249e4acc77c43,
    64'h2934f0c49dd37c5a, 64'h2b8034a48f3bfc71, 64'h2dc443e480fffc87, 64'h30014b04731bfc9c,
    64'h32377564658b7cb1, 64'h3466ec44584f7cc4, 64'h368fd8244b607cd7, 64'h38b25fa43ebc7cea,
    64'h3acea7e43264fcfb, 64'h3ce4d5842650fd0d, 64'h3ef50b041a847d1d, 64'h40ff6a640ef97d2d,
    64'h4304144403ad7d3d, 64'h45032823f8a0fd4c, 64'h46fcc4a3edd17d5a, 64'h48f10783e3397d69,
    64'h4ae00d43d8dcfd76, 64'h4cc9f1c3ceb67d83, 64'h4eaed023c4c3fd90, 64'h508ec223bb047d9d,
    64'h5269e163b177fda9, 64'h54404643a81afdb5, 64'h561208c39eee7dc0, 64'h57df3fe395eefdcb,
    64'h59a802638d1afdd6, 64'h5b6c65c384737de0, 64'h5d2c7f837bf4fdea, 64'h5ee86403739efdf4,
    64'h60a027636b6ffdfe, 64'h6253dd4363687e07, 64'h640398835b85fe10, 64'h65af6b6353c77e19,
    64'h675768034c2bfe22, 64'h68fba00344b3fe2a, 64'h6a9c24033d5d7e32, 64'h6c3904a336277e3a,
    64'h6dd252632f107e42, 64'h6f681c8328187e4a, 64'h70fa72a3213ffe51, 64'h728963a31a847e58,
    64'h7414fdc313e5fe5f, 64'h759d4fa30d627e66, 64'h772266c306fa7e6d, 64'h78a450c300ae7e73,
    64'h7a231b02fa79fe7a, 64'h7b9ed1e2f460fe80, 64'h7d178242ee607e86, 64'h7e8d3862e8777e8c,
    64'h8000001c001b87d4, 64'h7e07dfdc1f640777, 64'h7c1f06fc3d3d8722, 64'h7a44c5fc59c306d2,
    64'h787877bc750a0686, 64'h76b9813c8f22063f, 64'h75074fdca81e05fc, 64'h736159bcc00d05bd,
    64'h71c71bfcd6ff8581, 64'h70381b9ced030548, 64'h6eb3e3dd02230512, 64'h6d3a067d166a84e0,
    64'h6bca1a9d29e904af, 64'h6a63bd1d3ca58481, 64'h6906901d4ea98456, 64'h67b23a1d6000042d,
    64'h6666661d70b28405, 64'h6522c3bd80c603e0, 64'h63e705fd904583bc, 64'h62b2e3fd9f35839a,
    64'h6186181dad9d837a, 64'h6060603dbb84835b, 64'h5f417cfdc8ef033e, 64'h5e2931ddd5e68321,
    64'h5d17459de26a8307, 64'h5c0b815dee8502ed, 64'h5b05b03dfa3902d4, 64'h5a05a03e058902bd,
    64'h590b213e107d02a6, 64'h5816057e1b150291, 64'h5726209e2559027c, 64'h563b489e2f4a0268,
    64'h5555553e38eb8255, 64'h54741f9e42408243, 64'h5397829e4b4c8232, 64'h52bf5a7e54140221,
    64'h51eb851e5c978211, 64'h511be17e64dc0201, 64'h5050505e6ce001f3, 64'h4f88b2de74ab81e4,
    64'h4ec4ec3e7c3c81d6, 64'h4e04e03e839601c9, 64'h4d4873de8abb01bc, 64'h4c8f8d3e91ac01b0,
    64'h4bda12fe986d01a4, 64'h4b27ed3e9efd8199, 64'h4a7904bea561018e, 64'h49cd42feab990183,
    64'h4924923eb1a60179, 64'h487eddfeb78a816f, 64'h47dc11febd460166, 64'h473c1abec2de015c,
    64'h469ee59ec84e0154, 64'h4604603ecd9d014b, 64'h456c797ed2c80143, 64'h44d7205ed7d2813b,
    64'h4444445edcbd0133, 64'h43b3d5bee189812b, 64'h4325c55ee6360124, 64'h429a043eeac6011d,
    64'h4210843eef3a8116, 64'h4189377ef3920110, 64'h4104103ef7d20109, 64'h4081021efbf60103,
    64'h8000001c00420b94, 64'h7e0bb01c2e7e8ab4, 64'h7c2d9f7c594809f2, 64'h7a6431bc810b0942,
    64'h78adf5fca60f88a3, 64'h77099dbcc8970813, 64'h7575f97ce8df078f, 64'h73f1f57d07180717,
    64'h727c963d237086a9, 64'h7114f57d3e120644, 64'h6fba407d572105e7, 64'h6e6bb63d6ebb8592,
    64'h6d28a43d85020543, 64'h6bf066bd9a0d84fa, 64'h6ac2661dadf504b7, 64'h699e163dc0d08478,
    64'h6882f53dd2b1043e, 64'h67708a7de3a90408, 64'h6666661df3c883d6, 64'h65641f5e031f83a7,
    64'h6469553e11bb037b, 64'h6375acbe1fa68352, 64'h6288d13e2ced032c, 64'h61a272fe399a8308,
    64'h60c2477e45b802e6, 64'h5fe808de514e82c6, 64'h5f13755e5c6582a8, 64'h5e444f9e6704028c,
    64'h5d7a5cfe71330271, 64'h5cb566fe7af68258, 64'h5bf539de84568240, 64'h5b39a4be8d56822a,
    64'h5a82781d2c29082a, 64'h5920b37d4ccd8791, 64'h57cea85d6b0e8708, 64'h568b351d872b068c,
    64'h5555547da157061c, 64'h542c19bdb9c405b5, 64'h530eaeddd0970558, 64'h51fc507de5f60503,
    64'h50f44cddfa0004b6, 64'h4ff6015e0cd5846e, 64'h4f00d8be1e8c042d, 64'h4e144a5e2f3e83f0,
    64'h4d2fd89e3efd03b9, 64'h4c530efe4ddf8385, 64'h4b7d82be5bf38355, 64'h4aaed09e69480329,
    64'h49e69cbe75ec0300, 64'h4924921e81eb82da, 64'h486860fe8d5382b6, 64'h47b1bffe982c0295,
    64'h47006a5ea27f8276, 64'h46541f7eac578259, 64'h45aca39eb5bb023e, 64'h4509be7ebeb30224,
    64'h446b3b7ec744020c, 64'h43d0e8fecf7481f6, 64'h433a98ded74b01e1, 64'h42a81efedece01cd,
    64'h4219529ee60101ba, 64'h418e0cbeece981a8, 64'h410628fef38a8197, 64'h4081851ef9e68188,
    64'h0000000648917fe3, 64'h03242a26481a7fa3, 64'h0647d8e646a67f65, 64'h096a8fc6443aff27,
    64'h0c8bd2e640d67eea, 64'h0fab26a63c7d7eac, 64'h12c81006372c7e6f, 64'h15e213c630e6fe32,
    64'h18f8b7a629ad7df5, 64'h1c0b81e62180fdb8, 64'h1f19f8e618617d7c, 64'h2223a4260e51fd40,
    64'h25280bc603527d05, 64'h2826b885f7667cca, 64'h2b1f3445ea8dfc90, 64'h2e1109e5dccc7c56,
    64'h30fbc4c5ce237c1d, 64'h33def205be95fbe4, 64'h36ba1f85ae24fbac, 64'h398cdca59cd57b74,
    64'h3c56b9e58aa57b3e, 64'h3f174945779bfb08, 64'h41ce1de563ba7ad3, 64'h447accc54f05fa9e,
    64'h471cec85397cfa6b, 64'h49b414c52327fa38, 64'h4c3fdf650c07fa06, 64'h4ebfe824f42079d5,
    64'h5133cc24db74f9a5, 64'h539b2a84c209f976, 64'h55f5a464a7e37948, 64'h5842dce48d04f91b,
    64'h5a8279247170f8f0, 64'h5cb42084552f78c5, 64'h5ed77c243843789b, 64'h60ec37e41aaef873,
    64'h62f20143fc7af84b, 64'h64e888c3dda7f825, 64'h66cf80a3be3cf800, 64'h68a69e439e3bf7dd,
    64'h6a6d98437daf77ba, 64'h6c2429035c977799, 64'h6dca0cc33afaf779, 64'h6f5f026318ddf75b,
    64'h70e2cb82f648f73d, 64'h72552c42d33df721, 64'h73b5eb82afc27707, 64'h7504d3028bdd76ee,
    64'h7641af02679476d6, 64'h776c4ea242ebf6c0, 64'h788483e21dea76ab, 64'h798a2381f8967697,
    64'h7a7d0521d2f37685, 64'h7b5d0361ad07f675, 64'h7c29fbe186da7666, 64'h7ce3cea16071f658,
    64'h7d8a5f2139d2764c, 64'h7e1d93c11302f641, 64'h7e9d55e0ec087638, 64'h7f0991a0c4e87631,
    64'h7f6236809daaf62b, 64'h7fa736a076567626, 64'h7fd887804eee7623, 64'h7ff6218027797622,
    64'h3eb2fcc785387c39, 64'h4271d0c7761afc09, 64'h4628e607663e7bdb, 64'h49d7df0755aa7baf,
    64'h4d7e622744657b85, 64'h511c18e732787b5d, 64'h54b0b0e71febfb36, 64'h583bdbe70cc47b12,
    64'h5bbd4f46f90b7af0, 64'h5f34c406e4c9fad0, 64'h62a1f806d008fab1, 64'h6604acc6baccfa95,
    64'h695ca786a520fa7b, 64'h6ca9b2468f0bfa63, 64'h6feb9a667896fa4d, 64'h7322326661c8fa39,
    64'h3fab3267e059fefe, 64'h439a5cc7dc517eef, 64'h478773e7d80d7ee0, 64'h4b725a07d38e7ed1,
    64'h4f5af1c7ced37ec3, 64'h53411e07c9de7eb5, 64'h5724c1a7c4b27ea6, 64'h5b05c067bf4c7e98,
    64'h5ee3fe27b9ac7e8b, 64'h62bf5ee7b3d6fe7d, 64'h6697c6e7adcb7e6f, 64'h6a6d1b27a7887e62,
    64'h6e3f40e7a1107e55, 64'h720e1da79a63fe48, 64'h75d9972793847e3b, 64'h79a193c78c707e2f,
    64'h0000000000000000, 64'h0000000000000000, 64'h0000000000000000, 64'h0000000000000000,
    64'h0000000000000000, 64'h0000000000000000, 64'h0000000000000000, 64'h0000000000000000,
    64'h0000000000000000, 64'h0000000000000000, 64'h0000000000000000, 64'h0000000000000000,
    64'h0000000000000000, 64'h0000000000000000, 64'h0000000000000000, 64'h0000000000000000,
    64'h0000000000000000, 64'h0000000000000000, 64'h0000000000000000, 64'h0000000000000000,
    64'h0000000000000000, 64'h0000000000000000, 64'h0000000000000000, 64'h0000000000000000,
    64'h0000000000000000, 64'h0000000000000000, 64'h0000000000000000, 64'h0000000000000000,
    64'h0000000000000000, 64'h0000000000000000, 64'h0000000000000000, 64'h0000000000000000,
    64'h617bebc35bfd75ec, 64'h631fd80333ac763e, 64'h64afeda30ca47691, 64'h662cd282e6e876e6,
    64'h67972e42c280f73b, 64'h68efab429f6df790, 64'h6a36f3c27daff7e5, 64'h6b6db2425d43f83a,
    64'h6c948fe23e2af88d, 64'h6dac33e2205e78df, 64'h6eb5436203d9792f, 64'h6fb06081e896797d,
    64'h709e2a21ce8af9ca, 64'h717f3ac1b5b2fa14, 64'h725429a19e03fa5c, 64'h731d88e18774faa2,
    64'h73dbe68171fefae5, 64'h748fcbe15d957b26, 64'h7539bdc14a2efb65, 64'h75da3b2137c47ba1,
    64'h7671bf6126497bdb, 64'h7700bfe115b67c12, 64'h7787ade105fffc47, 64'h7806f5c0f71c7c7a,
    64'h787efee0e9057caa, 64'h78f02c40dbae7cd8, 64'h795adc40cf0ffd04, 64'h79bf6900c320fd2e,
    64'h7a1e2820b7d97d56, 64'h7a776b60ad307d7c, 64'h7acb8020a31f7da0, 64'h7b1ab060999dfdc2,
    64'h7b654401210577c6, 64'h7bed9141002478ae, 64'h7c6655a0e2e2797f, 64'h7cd14960c8e37a39,
    64'h7d2ff760b1cbfae0, 64'h7d83c0409d507b74, 64'h7dcddf008b25fbf8, 64'h7e0f6c207b0afc6e,
    64'h7e4961a06cc67cd7, 64'h7e7c9da06024fd34, 64'h7ea9e5a054f7fd86, 64'h7ed1e9004b13fdcf,
    64'h7ef543004253fe10, 64'h7f147e003a95fe4a, 64'h7f3013c033be7e7d, 64'h7f4870c02db2feaa,
    64'h7f5df4c0285a7ed2, 64'h7f70f48023a27ef5, 64'h7f81bb201f76ff14, 64'h7f908ae01bc6ff30,
    64'h7f9d9ea018867f48, 64'h7fa929e015a7ff5d, 64'h7fb35b20131dff70, 64'h7fbc5a4010dfff81,
    64'h7fc44b400ee4ff90, 64'h7fcb4de00d25ff9d, 64'h7fd17de00b9a7fa9, 64'h7fd6f4000a3dffb3,
    64'h7fdbc600090a7fbc, 64'h7fe0072007faffc4, 64'h7fe3c8a0070affcb, 64'h7fe719000637ffd1,
    64'h7fea06200aed7f65, 64'h7feee24008837f87, 64'h7ff2ab6006a0ffa2, 64'h7ff59e2005297fb7,
    64'h7ff7ea0004057fc7, 64'h7ff9b3a003237fd3, 64'h7ffb186002717fdd, 64'h7ffc2e2001e6ffe5,
    64'h7ffd0680017affeb, 64'h7ffdaf0001267ff0, 64'h7ffe322000e67ff3, 64'h7ffe984000b37ff6,
    64'h7ffee7c0008c7ff8, 64'h7fff25e0006cfffa, 64'h7fff562000557ffb, 64'h7fff7ba00042fffc,
    64'h7fff99000033fffd, 64'h7fffafc00027fffe, 64'h7fffc180001ffffe, 64'h7fffcf600017ffff,
    64'h7fffda0000137fff, 64'h7fffe280000f7fff, 64'h7fffe900000c7fff, 64'h7fffee2000080000,
    64'h7ffff22000060000, 64'h7ffff52000050000, 64'h7ffff7a000038000, 64'h7ffff96000030000,
    64'h7ffffae000028000, 64'h7ffffc0000020000, 64'h7ffffce000018000, 64'h7ffffda000010000,
    64'h3b26a7a32556fd13, 64'h3cb665a319a3fd0b, 64'h3e4042230dd07d04, 64'h3fc42de301e07cfe,
    64'h41421be2f5d77cf9, 64'h42ba0042e9bbfcf4, 64'h442bd1e2dd8cfcf1, 64'h45978902d14ffcef,
    64'h46fd1fc2c509fced, 64'h485c9162b8bd7cec, 64'h49b5dbe2ac6c7cec, 64'h4b08fde2a01c7cec,
    64'h4c55f80293ccfcee, 64'h4d9ccc628783fcf0, 64'h4edd7e427b42fcf3, 64'h501812a26f0e7cf6,
    64'h514c8fa262e67cfa, 64'h527afcc256cd7cff, 64'h53a362624ac87d04, 64'h54c5ca823ed8fd09,
    64'h55e23fe232fcfd10, 64'h56f8ce42273c7d16, 64'h580982821b95fd1d, 64'h59146a621009fd25,
    64'h5a199442049cfd2d, 64'h5b190fa1f94ffd35, 64'h5c12ec81ee247d3d, 64'h5d073ba1e3197d46,
    64'h5df60e61d8327d4f, 64'h5edf7681cd6e7d59, 64'h5fc386c1c2d1fd62, 64'h60a251c1b85a7d6c,
    64'h400000199d7b00bd, 64'h3ccf83b9a0878262, 64'h39a231b9aa1183f1, 64'h367b3379b9d80574,
    64'h335d9b39cfac06e7, 64'h304c5f79eb4e8845, 64'h2d4a529a0c6b898c, 64'h2a5a1aba32a60ab8,
    64'h277e2b3a5d8f8bc7, 64'h24b8befa8cb48cb5, 64'h220bd27abf920d82, 64'h1f79211af5a30e2c,
    64'h3a0442b65cbb1d65, 64'h35500956d2641e2d, 64'h30d76b174b2c1eb0, 64'h2c9bb257c5fe1ef0,
    64'h289da1bc20e307be, 64'h26b5d11c3fdb87ba, 64'h24dd789c5ec507b2, 64'h23148cbc7d8f87a7,
    64'h215afb3c9c2d0799, 64'h1fb0aa5cba928787, 64'h1e157a5cd8af8773, 64'h1c89447cf67c075b,
    64'h3617b9ba27d10e82, 64'h333a22da61d98e48, 64'h3079565a9af98e0a, 64'h2dd4dbbad3220dc7,
    64'h2b4c323b0a3f0d80, 64'h28ded05b40408d36, 64'h268c24db751a8ce8, 64'h2453987ba8bc8c98,
    64'h22348cdbdb1e0c45, 64'h202e5f1c0c338bf0, 64'h1e4066fc3bf50b99, 64'h1c69f89c6a5a8b41,
    64'h3554c9b92ebe15cf, 64'h3201f3f985fa151b, 64'h2eda0819da651465, 64'h2bdb9bba2bf813af,
    64'h290542ba7ab412f8, 64'h265590fac6941243, 64'h23cb1a1b0fa0118e, 64'h2164745b55d810db,
    64'h3e406f1732872054, 64'h39f9ff57b3d59ef6, 64'h35f2d9182fac1d9e, 64'h32284638a6211c4c,
    64'h2e979bd9174e1b00, 64'h2b3e3bf9834c99bb, 64'h28199699ea37987e, 64'h25272a1a4c2d974a,
    64'h2264847aa953161d, 64'h1fcf44fb01c494fa, 64'h1d651b3b55a913df, 64'h1b23c93ba52192ce,
    64'h32124497e0aca38b, 64'h2e261b386ed3218e, 64'h2a7f0898f5049fa4, 64'h27192519738e9dcd,
    64'h23f0afb9eabc9c09, 64'h21020dda5adb1a58, 64'h1e49ca9ac43618ba, 64'h1bc4975b2718972f,
    64'h32de9bdb83670b09, 64'h30ab567baf8a8aad, 64'h2e8dc6dbda3f0a53, 64'h2c85377c038b09fc,
    64'h2a90f73c2b7909a7, 64'h28b058dc52148953, 64'h26e2b45c77620902, 64'h252765dc9b6988b4,
    64'h237dccdcbe380867, 64'h21e54e3cdfd3881c, 64'h205d527d004287d4, 64'h1ee5465d1f90878d,
    64'h1d7c9a1d3dc48748, 64'h1c22c2fd5ae50705, 64'h1ad7393d76f906c5, 64'h1999797d920b0686,
    64'h30d2073b58448c91, 64'h2e8ab7fb8a870c1b, 64'h2c5c141bbaf00ba8, 64'h2a45319be98e0b38,
    64'h28452e5c166c8acc, 64'h265b2e5c419b0a63, 64'h24865c9c6b2689fd, 64'h22c5eafc931a899b,
    64'h2119115cb985893c, 64'h1f7f0e3cde7408e0, 64'h1df7267d01f18887, 64'h1c80a45d240c8830,
    64'h1b1ad8fd44cc87dd, 64'h19c51a9d6440878c, 64'h187ec55d826f873f, 64'h17473a7d9f6a86f3,
    64'h2c3bc29b766e8d55, 64'h2a044bdbabc28cc9, 64'h27e6f33bdee58c42, 64'h25e2a55c0fed0bbf,
    64'h23f6585c3ee80b42, 64'h22210bdc6bee8ac8, 64'h2061c8bc970e8a53, 64'h1eb7a0dcc05989e3,
    64'h3a435c79cfc892ec, 64'h373e283a1b77921b, 64'h345dfaba63e29152, 64'h31a139daa9281091,
    64'h2f065adaeb6a0fd6, 64'h2c8be21b2ac18f23, 64'h2a30623b674c8e77, 64'h27f27c1ba1270dd2,
    64'h25d0de3bd86c0d33, 64'h23ca441c0d360c9a, 64'h21dd761c3f9c0c08, 64'h2009491c6fb90b7b,
    64'h1e4c9dbc9da28af4, 64'h1ca6601cc9710a72, 64'h1b1587fcf33789f6, 64'h1999175d1b0e097f,
    64'h3060359a82111219, 64'h2db352baca72913f, 64'h2b29c67b0f6b106d, 64'h28c1e4bb511d8fa4,
    64'h267a139b8fac0ee4, 64'h2450c9bbcb3b0e2c, 64'h22448f9c03ea8d7c, 64'h2053fd7c39da0cd4,
    64'h3cfb7618da501867, 64'h3980fe993be81733, 64'h36361f7998b1160d, 64'h33187f59f0e114f5,
    64'h3025df1a44b193e8, 64'h2d5c1a7a944f92e8, 64'h2ab9253adfed11f4, 64'h283b0adb27b9910b,
    64'h25dfeddb6be3102c, 64'h23a606dbac910f58, 64'h218ba33be9ef0e8e, 64'h1f8f24bc24250dcd,
    64'h1daf007c5b560d16, 64'h1be9bddc8faa8c67, 64'h1a3df67cc1438bc0, 64'h18aa54dcf0428b21,
    64'h2e5b27da398a9515, 64'h2b8cfc3a8dda13f6, 64'h28e7d99addad12e5, 64'h26698fbb293c91e1,
    64'h241009db70bc90ea, 64'h21d94d1bb4610fff, 64'h1fc377dbf45a8f20, 64'h1dccc09c30d80e4c,
    64'h37e6e8d8d40c9b06, 64'h346bed59401f1989, 64'h31257e19a63d981e, 64'h2e10b39a06b196c6,
    64'h2b2acb7a61c61580, 64'h2871281ab7c2144b, 64'h25e14dfb08ea1326, 64'h2378e31b557e1210,
    64'h2135ac9b9dba9109, 64'h1f158dbbe1da9010, 64'h1d16861c22160f24, 64'h1b36b05c5ea30e44,
    64'h1974417c97b08d71, 64'h17cd867ccd710ca9, 64'h1640e41d00118bec, 64'h14ccd51d2fbd8b39,
    64'h26dfd2bab93c9520, 64'h24518a3b0db693e0, 64'h21ec3f1b5d3112b2, 64'h1fad83dba7f41195,
    64'h1d930d5bee421088, 64'h1b9ab0fc305d8f89, 64'h19c2639c6e7f0e99, 64'h1808375ca8e00db7,
    64'h2cd4b359bf7119c3, 64'h29ce267a26759831, 64'h26f98a3a873216b5, 64'h2453d0bae200954f,
    64'h21da18fb373893fe, 64'h1f89ac7b872b92c1, 64'h1d5ffd1bd22a9196, 64'h1b5aa29c187d907d,
    64'h32eeb158b4d91ee8, 64'h2f67fb79306f9cf6, 64'h2c1d1f79a43f1b21, 64'h290a56ba10bc1968,
    64'h262c143a765597ca, 64'h237f00dad5769645, 64'h20fff97b2e8314d7, 64'h1eac0abb81d9137f,
    64'h3900deb79f9f2479, 64'h34f51ab83178a21b, 64'h312fe5f8b9db1fe2, 64'h2dacaa79395a1dcd,
    64'h2a6719d9b0851bd8, 64'h275b2a9a1fdc9a03, 64'h2485129a87df984b, 64'h21e144bae90416ae,
    64'h3ed8d956876a2a58, 64'h3a46d73730bca783, 64'h3606aa57cebd24dd, 64'h3212d89862262262,
    64'h2e664138eba32010, 64'h2afc17396bd81de4, 64'h27cfdc99e35c9bdc, 64'h24dd5cba52c219f5,
    64'h2220a93aba8d182e, 64'h1f9614fb1b3b9685, 64'h1d3a2f7b754794f7, 64'h1b09c27bc91c1384,
    64'h1901cd5c17251229, 64'h171f821c5fc310e5, 64'h1560425ca3518fb7, 64'h13c19c1ce2270e9d,
    64'h24828e1a392a9b2b, 64'h21ba441aa5cc9940, 64'h1f2660db0ac39776, 64'h1cc32fbb689395cb,
    64'h1a8d3c1bbfb8943d, 64'h18814dbc10a512cb, 64'h169c63dc5bc99171, 64'h14dbb2fca1871030,
    64'h26794019c47f1e09, 64'h23797cfa3c979bdb, 64'h20b398daabf819d5, 64'h1e235fdb134197f2,
    64'h1bc4e91b73011631, 64'h1994921bcbbd9490, 64'h178ef8bc1df6930c, 64'h15b0f89c6a2011a4,
    64'h27ef4b39615120ab, 64'h24c091b9e3ed9e3d, 64'h21d0b95a5cd49bfb, 64'h1f1b137accb519e3,
    64'h1c9b469b343717f1, 64'h1a4d499b93f21624, 64'h182d5d9bec779478, 64'h1638093c3e4d92eb,
    64'h28d4265913e222f5, 64'h2580fe399fa7204b, 64'h22710f9a20c41dd3, 64'h1f9f383a98021b89,
    64'h1d06b6db0619196b, 64'h1aa323db6bb99774, 64'h18706afbc97f15a4, 64'h166ac57c200593f5,
    64'h291d69b8dfa3a4cf, 64'h25b1fb1972cf21ef, 64'h228d4379fa7b1f47, 64'h1fa9baba77889cd1,
    64'h1d0243daeac01a8c, 64'h1a92249b54e39873, 64'h1854fefbb6a31683, 64'h1646c9fc10a314b9,
    64'h28c79e7c630909bc, 64'h2702dcdc89f80956, 64'h25512cfcaf4f08f5, 64'h23b1c77cd3210897,
    64'h2223ed3cf57c083d, 64'h20a6e65d167007e6, 64'h1f3a029d36090793, 64'h1ddc987d54540744,
    64'h1c8e04dd716306f7, 64'h1b4dabdd8d3d86ae, 64'h1a1af71da7f38667, 64'h18f5567dc18f0623,
    64'h17dc3f9dda1b05e2, 64'h16cf2dfdf1a185a4, 64'h15cda17e082f8568, 64'h14d71ffe1dce052e,
    64'h27d667bc650b09ee, 64'h2612d8fc8cc00984, 64'h2462badcb2ce091e, 64'h22c53dbcd74508bc,
    64'h21399a1cfa35085e, 64'h1fbf10fd1bac0805, 64'h1e54ea1d3bbf07ae, 64'h1cfa75dd5a75875c,
    64'h1baf0afd77e4070c, 64'h1a72077d941386c0, 64'h1942cf9daf130677, 64'h1820ce7dc8ee0631,
    64'h170b751de1b085ee, 64'h160239ddf96805ad, 64'h1504997e101b0570, 64'h1412159e25da0534,
    64'h26546adc755389f7, 64'h2499095c9d2f098a, 64'h22f1289cc3558922, 64'h215bf33ce7db08be,
    64'h1fd89cbd0ad1085e, 64'h1e66613d2c470802, 64'h1d0484dd4c4c87aa, 64'h1bb2535d6af38755,
    64'h1a6f207d88478704, 64'h193a46bda45706b7, 64'h1813279dbf32866c, 64'h16f92b5dd8e30625,
    64'h15ebc07df17705e1, 64'h14ea5bbe08fa05a0, 64'h13f4773e1f790561, 64'h1309937e34fd0525,
    64'h24526b7c932089d8, 64'h22a5d17cba7d896a, 64'h210c77dce0240900, 64'h1f8587bd0424089b,
    64'h1e1032dd268f883b, 64'h1cabb39d477b07de, 64'h1b574d5d66f20786, 64'h1a124a7d85090731,
    64'h18dbfe5da1cc06e0, 64'h17b3c2bdbd4b8692, 64'h1698f91dd7930648, 64'h158b093df0b18601,
    64'h1489617e08b405bd, 64'h1393771e1fa5857c, 64'h12a8c47e3594053d, 64'h11c8ca7e4a868502,
    64'h21e61cdcbd198991, 64'h204e387ce35b0924, 64'h1ec907bd07e908bb, 64'h1d55b53d2ad40857,
    64'h1bf3743d4c3007f7, 64'h1aa1815d6c0c079c, 64'h195f217d8a7a0745, 64'h182ba1bda78b86f1,
    64'h170656bdc34e06a1, 64'h15ee9d1dddd10654, 64'h14e3d81df721860b, 64'h13e5725e0f4d05c5,
    64'h12f2dc7e26618582, 64'h120b8dde3c6a8542, 64'h112f03be51730505, 64'h105cc11e658684cb,
    64'h0000000000000000, 64'h0000000000000000, 64'h0000000000000000, 64'h0000000000000000,
    64'h0000000000000000, 64'h0000000000000000, 64'h0000000000000000, 64'h0000000000000000,
    64'h0000000000000000, 64'h0000000000000000, 64'h0000000000000000, 64'h0000000000000000,
    64'h0000000000000000, 64'h0000000000000000, 64'h0000000000000000, 64'h0000000000000000,
    64'h0000000000000000, 64'h0000000000000000, 64'h0000000000000000, 64'h0000000000000000,
    64'h0000000000000000, 64'h0000000000000000, 64'h0000000000000000, 64'h0000000000000000,
    64'h0000000000000000, 64'h0000000000000000, 64'h0000000000000000, 64'h0000000000000000,
    64'h0000000000000000, 64'h0000000000000000, 64'h0000000000000000, 64'h0000000000000000,
    64'h0000000000000000, 64'h0000000000000000, 64'h0000000000000000, 64'h0000000000000000,
    64'h0000000000000000, 64'h0000000000000000, 64'h0000000000000000, 64'h0000000000000000,
    64'h0000000000000000, 64'h0000000000000000, 64'h0000000000000000, 64'h0000000000000000,
    64'h0000000000000000, 64'h0000000000000000, 64'h0000000000000000, 64'h0000000000000000,
    64'h3fffeaaffff07fff, 64'h47ffe1afffebffff, 64'h4fffd66fffe6ffff, 64'h57ffc8afffe17fff,
    64'h5fffb80fffdd7ffe, 64'h67ffa46fffd6fffe, 64'h6fff8dafffcffffe, 64'h77ff736fffc87ffe,
    64'h3fffaacfffbffffc, 64'h47ff86afffaffffb, 64'h4fff596fff9bfffb, 64'h57ff224fff87fffa,
    64'h5ffee02fff6ffffa, 64'h67fe91efff57fff9, 64'h6ffe36cfff3bfff9, 64'h77fdcdafff1ffff8,
    64'h3ffeaaafff017fef, 64'h47fe1a0ffebd7fed, 64'h4ffd656ffe717feb, 64'h57fc88cffe1d7fe9,
    64'h5ffb804ffdc17fe7, 64'h67fa47cffd5d7fe5, 64'h6ff8db4ffcf17fe3, 64'h77f736cffc7dffe1,
    64'h3ffaab2ffc047fbc, 64'h47f868effaf4ffb4, 64'h4ff596eff9c57fac, 64'h57f2252ff8767fa4,
    64'h5fee040ff7077f9c, 64'h67e9234ff578ff94, 64'h6fe3734ff3ca7f8c, 64'h77dce44ff1faff85,
    64'h3feab30ff015fef2, 64'h47e1af2febdd7ed2, 64'h4fd66f0fe725feb3, 64'h57c8b42fe1f1fe94,
    64'h5fb8404fdc41fe75, 64'h67a4d54fd6167e56, 64'h6f8e35cfcf6efe38, 64'h7774244fc84dfe1a,
    64'h3fffffcfffff8000, 64'h47ffffafffff8000, 64'h4fffff6fffff8000, 64'h57ffff2fffff8000,
    64'h5ffffeefffff8000, 64'h67fffe8fffff8000, 64'h6ffffe4fffff0000, 64'h77fffdefffff0000,
    64'h3ffffeafffff0000, 64'h47fffe2ffffe8000, 64'h4ffffd6ffffe8000, 64'h57fffc8ffffe0000,
    64'h5ffffb8ffffd8000, 64'h67fffa6ffffd0000, 64'h6ffff8effffc8000, 64'h77fff74ffffc0000,
    64'h3ffffacffffb8000, 64'h47fff86ffffa8000, 64'h4ffff5affff90000, 64'h57fff24ffff78000,
    64'h5fffee2ffff60000, 64'h67ffe94ffff48000, 64'h6fffe36ffff30000, 64'h77ffdceffff10000
  };

  /// phi: the table holds the tail times 2^s, s by blocks of 1/8 of |x|.
  localparam int unsigned SfuShifts = 49;
  localparam logic [4:0] SfuPhiShift [SfuShifts] = '{
    5'd0, 5'd0, 5'd0, 5'd0, 5'd0, 5'd0, 5'd1, 5'd1, 5'd1, 5'd1, 5'd2, 5'd2, 5'd2, 5'd3, 5'd3, 5'd4,
    5'd4, 5'd4, 5'd5, 5'd5, 5'd6, 5'd6, 5'd7, 5'd7, 5'd8, 5'd9, 5'd9, 5'd10, 5'd11, 5'd11, 5'd12, 5'd13,
    5'd13, 5'd14, 5'd15, 5'd16, 5'd17, 5'd18, 5'd18, 5'd19, 5'd20, 5'd21, 5'd22, 5'd23, 5'd24, 5'd25, 5'd26, 5'd27,
    5'd28
  };

  // ---------------------------------------------------------------- end of generated tables

  // ---------------------------------------------------------------- helpers

  /// Index of the leading one; 0 for 0.
  function automatic logic [5:0] sfu_lead(logic [63:0] x);
    logic [63:0] q;
    logic [5:0]  n;
    q = x;
    n = '0;
    for (int unsigned i = 6; i > 0; i--) begin
      if ((q >> (1 << (i - 1))) != '0) begin
        q = q >> (1 << (i - 1));
        n = n | 6'(1 << (i - 1));
      end
    end
    return n;
  endfunction

  // ---------------------------------------------------------------- step 1: align

  /// Classify FP32 `a`, normalize it or bring it to fixed point.
  function automatic sfu_align_t sfu_align(sfu_op_e op, logic [31:0] a);
    sfu_align_t  r;
    logic [63:0] sig;
    logic [7:0]  place;
    logic [9:0]  e;
    logic [4:0]  lead;
    logic [5:0]  n;
    logic        fixed;
    r      = '0;
    r.op   = op;
    r.neg  = a[31];
    r.zero = a[30:0] == '0;
    r.inf  = a[30:0] == 31'h7f80_0000;
    r.nan  = a[30:0] > 31'h7f80_0000;
    sig    = {40'b0, a[30:23] != '0, a[22:0]};
    place  = (a[30:23] == '0) ? 8'd1 : a[30:23];
    lead   = '0;
    if (a[30:23] == '0 && a[22:0] != '0) lead = 5'd23 - 5'(sfu_lead(sig));
    e     = {2'b0, place} - 10'd127 - {5'b0, lead};
    r.e   = e;
    fixed = op == SfuExp2 || op == SfuPhi || op == SfuCos || (op == SfuSin && $signed(e) >= -10'sd12);
    if (!fixed) begin
      sig    = sig << lead;
      r.data = {13'b0, sig[22:0]};
    end else if (place < 8'd122) begin
      n      = (place < 8'd98) ? 6'd24 : 6'(8'd122 - place);
      sig    = sig >> n;
      r.data = sig[35:0];
    end else if (place < 8'd150) begin  // beyond, only whole turns are left
      n      = 6'(place - 8'd122);
      sig    = sig << n;
      r.data = sig[35:0];
    end
    return r;
  endfunction

  // ---------------------------------------------------------------- step 2: prepare

  function automatic sfu_prep_t sfu_fix(sfu_fixed_e value, logic neg);
    sfu_prep_t p;
    p            = '0;
    p.ctl.finish = FinFixed;
    p.ctl.fixed  = value;
    p.ctl.neg    = neg;
    return p;
  endfunction

  function automatic sfu_prep_t sfu_prepare_exp2(sfu_align_t a);
    sfu_prep_t   p;
    logic [36:0] power;
    power     = a.neg ? -{1'b0, a.data} : {1'b0, a.data};
    p         = '0;
    p.addr    = {5'b0, power[27:23]};
    p.x       = power[22:3];
    p.ctl.exp = {power[36], power[36:28]};
    if ($signed(a.e) >= 10'sd8) p = sfu_fix(a.neg ? FixZero : FixInf, 1'b0);
    return p;
  endfunction

  function automatic sfu_prep_t sfu_prepare_sin(sfu_align_t a);
    sfu_prep_t   p;
    logic        cosine, zero;
    logic [27:0] turn;
    logic [25:0] t;
    cosine = a.op == SfuCos;
    p      = '0;
    if (!cosine && $signed(a.e) < -10'sd12) begin
      p.addr    = {7'b0000100, a.data[22:20]};
      p.x       = a.data[19:0];
      p.ctl.exp = a.e + 10'd4;
      p.ctl.neg = a.neg;
    end else begin
      turn      = a.data[27:0] + {1'b0, cosine, 26'b0};
      zero      = turn[26:0] == '0;
      t         = turn[26] ? -turn[25:0] : turn[25:0];
      p.addr    = {4'b0100, t[25:20]};
      p.x       = t[19:0];
      // Zeros of the sine have the sign of the argument, those of the cosine are positive.
      p.ctl.neg = (!cosine && a.neg) != (turn[27] && !zero);
      if (turn[26] && t == '0) p = sfu_fix(FixOne, p.ctl.neg);
    end
    return p;
  endfunction

  function automatic sfu_prep_t sfu_prepare_tanh(sfu_align_t a);
    sfu_prep_t p;
    p         = '0;
    p.ctl.neg = a.neg;
    if ($signed(a.e) >= 10'sd3) begin
      p = sfu_fix(FixOne, a.neg);
    end else if ($signed(a.e) >= -10'sd1) begin
      p.addr = 10'd384 + {3'b0, a.e[1:0], a.data[22:18]};
      p.x    = {a.data[17:0], 2'b0};
    end else if ($signed(a.e) >= -10'sd3) begin
      p.addr    = 10'd320 + {5'b0, a.e[0], a.data[22:19]};
      p.x       = {a.data[18:0], 1'b0};
      p.ctl.exp = a.e + 10'd1;
    end else if ($signed(a.e) >= -10'sd11) begin
      p.addr    = {4'b1110, a.e[2:0], a.data[22:20]};
      p.x       = a.data[19:0];
      p.ctl.exp = a.e + 10'd1;
    end else begin
      p.addr    = {7'b0000101, a.data[22:20]};
      p.x       = a.data[19:0];
      p.ctl.exp = a.e + 10'd2;
    end
    return p;
  endfunction

  function automatic sfu_prep_t sfu_prepare_phi(sfu_align_t a);
    sfu_prep_t  p;
    logic [5:0] block;
    block        = a.data[30:25];
    p            = '0;
    p.ctl.finish = a.neg ? FinScale : FinTail;
    if (block < 6'd8) begin  // intervals of 1/16
      p.addr = 10'd512 + {3'b0, a.data[30:24]};
      p.x    = a.data[23:4];
    end else if (block < 6'd20) begin  // 1/32
      p.addr = 10'd496 + {2'b0, a.data[30:23]};
      p.x    = a.data[22:3];
    end else if (block < 6'd44) begin  // 1/64
      p.addr = 10'd416 + {1'b0, a.data[30:22]};
      p.x    = a.data[21:2];
    end else begin  // 1/128
      p.addr = 10'd64 + a.data[30:21];
      p.x    = a.data[20:1];
    end
    if ($signed(a.e) >= 10'sd3 || block >= 6'(SfuShifts)) begin
      p = sfu_fix(a.neg ? FixZero : FixOne, 1'b0);
    end else begin
      p.ctl.exp = -{5'b0, SfuPhiShift[block]};
    end
    return p;
  endfunction

  /// Table address and position of an argument, or the result if it needs no interpolation.
  function automatic sfu_prep_t sfu_prepare(sfu_align_t a);
    sfu_prep_t p;
    p = '0;
    unique case (a.op)
      SfuExp2: p = sfu_prepare_exp2(a);
      SfuLog2: begin
        p.addr       = {4'b0001, a.data[22:17]};
        p.x          = {a.data[16:0], 3'b0};
        p.ctl.exp    = a.e;
        p.ctl.finish = FinLog;
        if (a.zero) p = sfu_fix(FixInf, 1'b1);
        else if (a.neg) p = sfu_fix(FixNan, 1'b0);
        else if (a.inf) p = sfu_fix(FixInf, 1'b0);
      end
      SfuRcp: begin
        p.addr    = {4'b0010, a.data[22:17]};
        p.x       = {a.data[16:0], 3'b0};
        p.ctl.exp = -a.e;
        p.ctl.neg = a.neg;
        if (a.zero) p = sfu_fix(FixInf, a.neg);
        else if (a.inf) p = sfu_fix(FixZero, a.neg);
      end
      SfuRsqrt: begin
        p.addr    = {4'b0011, a.e[0], a.data[22:18]};
        p.x       = {a.data[17:0], 2'b0};
        p.ctl.exp = -{a.e[9], a.e[9:1]};
        if (a.zero) p = sfu_fix(FixInf, a.neg);
        else if (a.neg) p = sfu_fix(FixNan, 1'b0);
        else if (a.inf) p = sfu_fix(FixZero, 1'b0);
      end
      SfuTanh: begin
        p = sfu_prepare_tanh(a);
        if (a.zero) p = sfu_fix(FixZero, a.neg);
      end
      SfuSin, SfuCos: begin
        p = sfu_prepare_sin(a);
        if (a.inf) p = sfu_fix(FixNan, 1'b0);
        else if (a.zero && a.op == SfuSin) p = sfu_fix(FixZero, a.neg);
      end
      SfuPhi: p = sfu_prepare_phi(a);
      default: p = '0;
    endcase
    if (a.nan) p = sfu_fix(FixNan, 1'b0);
    return p;
  endfunction

  // ---------------------------------------------------------------- steps 3 to 5: interpolate

  function automatic sfu_word_t sfu_lookup(logic [9:0] addr);
    return (addr < 10'(SfuWords)) ? SfuTable[addr] : '0;
  endfunction

  /// c1 + c2 x in units of 2^-27, signed 25 bits.
  function automatic logic [24:0] sfu_slope(sfu_word_t w, logic [19:0] x);
    logic signed [31:0] c1, c2, product, sum;
    c1      = 32'($signed(w.c1));
    c2      = 32'($signed(w.c2));
    product = c2 * $signed({17'b0, x[19:5]});
    sum     = (c1 <<< 2) + (product >>> 11);
    return sum[24:0];
  endfunction

  /// c0 + slope x in units of 2^-28, never negative.
  function automatic logic [29:0] sfu_value(sfu_word_t w, logic [24:0] slope, logic [19:0] x);
    logic signed [63:0] product, sum;
    product = 64'($signed(slope)) * $signed({44'b0, x});
    sum     = $signed({35'b0, w.c0, 2'b0}) + (product >>> 19);
    return sum[29:0];
  endfunction

  // ---------------------------------------------------------------- steps 6 and 7: finish

  /// The result as m * 2^(e-136), the leading one of m in bit 36 unless it is fixed or 0.
  typedef struct packed {
    logic               fixed;
    sfu_fixed_e         value;  // with `fixed`
    logic               neg;
    logic signed [11:0] e;      // biased exponent if it is normal
    logic [36:0]        m;
  } sfu_norm_t;

  function automatic sfu_norm_t sfu_norm(sfu_ctl_t c, logic [29:0] v);
    sfu_norm_t   r;
    logic [63:0] mag;
    logic [11:0] e;
    logic        neg;
    neg = c.neg;
    e   = 12'd135;  // bit 36 weighs 2^(e-127)
    mag = {34'b0, v};
    if (c.finish == FinLog) begin
      mag = {{26{c.exp[9]}}, c.exp, 28'b0} + mag;
      neg = mag[63];
      if (neg) mag = -mag;
    end else if (c.finish == FinTail) begin
      mag = 64'h1000_0000 - (mag >> 5'(-c.exp));
    end else begin
      e = e + {{2{c.exp[9]}}, c.exp};
    end
    mag = mag << 27;  // 37 bits are in use
    for (int unsigned i = 6; i > 0; i--) begin
      if ((mag >> (64 - (1 << (i - 1)))) == '0) begin
        mag = mag << (1 << (i - 1));
        e   = e - 12'(1 << (i - 1));
      end
    end
    r.fixed = c.finish == FinFixed;
    r.value = c.fixed;
    r.neg   = r.fixed ? c.neg : neg;
    r.e     = e;
    r.m     = mag[63:27];
    return r;
  endfunction

  /// The result, rounded nearest-even to FP32; subnormal where it is that small.
  function automatic logic [31:0] sfu_finish(sfu_norm_t x);
    logic [63:0] mag;
    logic [11:0] e;
    logic [31:0] r;
    mag = {x.m, 27'b0};
    e   = x.e;
    if ($signed(e) < 12'sd1) begin
      mag = mag >> (($signed(e) < -12'sd25) ? 5'd26 : 5'(12'd1 - e));  // no ones are lost
      e   = 12'd1;
    end
    r = {9'(e - 12'd1), 23'b0} + {8'b0, mag[63:40]} + {31'b0, mag[39] && (mag[40] || mag[38:0] != '0)};
    if (e >= 12'd255 || r[31:23] >= 9'd255) r = 32'h7f80_0000;
    if (mag == '0) r = '0;
    r[31] = x.neg;
    if (x.fixed) begin
      unique case (x.value)
        FixZero: r = {x.neg, 31'b0};
        FixOne:  r = {x.neg, 31'h3f80_0000};
        FixInf:  r = {x.neg, 31'h7f80_0000};
        default: r = 32'h7fc0_0000;
      endcase
    end
    return r;
  endfunction

  /// All steps at once.
  function automatic logic [31:0] sfu_eval(sfu_op_e op, logic [31:0] a);
    sfu_prep_t p;
    sfu_word_t w;
    p = sfu_prepare(sfu_align(op, a));
    w = sfu_lookup(p.addr);
    return sfu_finish(sfu_norm(p.ctl, sfu_value(w, sfu_slope(w, p.x), p.x)));
  endfunction

endpackage
