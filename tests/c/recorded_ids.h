/* recorded_ids.h - some requests and the ids the contract gave them. Made by make_recorded_ids.py. */
#ifndef RECORDED_IDS_H
#define RECORDED_IDS_H

#include <stdint.h>

#define RECORDED_LEN 12
#define RECORDED_SLOTS 4

typedef struct recorded_t {
    const char *client, *proof_probability, *price, *collateral;
    uint64_t slots, slot_size, duration, max_slot_loss, expiry;
    const char *cid, *merkle_root, *nonce, *request_id;
    struct {
        uint64_t index;
        const char *id;
    } slot_ids[RECORDED_SLOTS];
} recorded_t;

static const recorded_t recorded[RECORDED_LEN] = {
    /* random-0 */
    {
        .client = "29806dc29f793d31b91390f7362fad809adf25d7",
        .proof_probability = "1350",
        .price =
            "162243696261",
        .collateral =
            "975884232691",
        .slots = UINT64_C(63),
        .slot_size = UINT64_C(827675727),
        .duration = UINT64_C(457011),
        .max_slot_loss = UINT64_C(49),
        .expiry = UINT64_C(20870),
        .cid = "01819a0312204879269c17de92cb69546b9cb84e35a9548eb02377c333ce32622f34d150542a",
        .merkle_root = "1f62df3938d278c1909fbe7b7358de0defa258f7881c482448bd09f04954b323",
        .nonce = "a5cce173766121e8785d6a683e1575b95e661430ce5dc576041ea898f6ea95e5",
        .request_id = "639115519d2b54961cf2b6d39e7ab41a6d53fd67815b56aedd301ab2efdcb224",
        .slot_ids =
            {
                {UINT64_C(0), "9f5043825ed82e916a5dfcfd056e2c82999e53248fd1bc0d6777589cc79d5f5e"},
                {UINT64_C(1), "e36371707ad623c14130b635606b12aae30fee674a929b4a2a2960101c91d5ae"},
                {UINT64_C(31), "2fe617e78e56e9ea2b9addcf88491fc26924f447775716498cd3aacf9e922ea7"},
                {UINT64_C(62), "34084e78ff08a543f2d5734079b8cac74a1947c66d5502c29dd2da7b6bb91da4"},
            },
    },
    /* random-1 */
    {
        .client = "d1b15c778aa8ea16c45d87acd0a2780f733b1d8f",
        .proof_probability = "1492",
        .price =
            "177369583204",
        .collateral =
            "876061773494",
        .slots = UINT64_C(51),
        .slot_size = UINT64_C(4266438900),
        .duration = UINT64_C(1852089),
        .max_slot_loss = UINT64_C(46),
        .expiry = UINT64_C(1822876),
        .cid = "01819a031220c551e4f3d95d791ce7396ac36392dfb024968828fa75dd3d4929a85443433448",
        .merkle_root = "8db6da9ff9d6f3c14a2990499b3fffe1266bb18d199171ba6e02fc237c3f899f",
        .nonce = "990e1a519061c639e4e4dc642a60402c0e02a147b9cdd9d185c63f7ff487bdd2",
        .request_id = "d66a47bc1a7b77e4431d2cb33d961ce048a80e2e2587bb19ddbc0252f3190d5c",
        .slot_ids =
            {
                {UINT64_C(0), "817d134dbb67e3e264fcad936fecc5d0f6f5c81e3215a5b51c432f5936510172"},
                {UINT64_C(1), "015479d6be5f7c69d55681c6addc79ac997186d8c7d7fd7a0e57946ed932e816"},
                {UINT64_C(25), "2c25022c9e5d590fcb5439ff67c822ddb9d4748e681a7980dcb97cedf8c50e2c"},
                {UINT64_C(50), "9f112b6cc939cc3f9e47e9e56d0d54d98d35768a9e2a84ce6f99662c6ea83745"},
            },
    },
    /* random-2 */
    {
        .client = "996f37864d781117bea472a3b6e47b17be63339e",
        .proof_probability = "1893",
        .price =
            "905869303188",
        .collateral =
            "654163624881",
        .slots = UINT64_C(25),
        .slot_size = UINT64_C(50628630847),
        .duration = UINT64_C(1381087),
        .max_slot_loss = UINT64_C(0),
        .expiry = UINT64_C(331909),
        .cid = "01819a031220f92791825ab4d9920d0e1d2bd17d88874a5ee608d632146f2178c57fb9ab69b6",
        .merkle_root = "ca8ca2641d6d75c2d56e9a4036aad0d1880bfe6907926b0a4680c2a443918498",
        .nonce = "43ccef4ac3c3c121c363a303fc8becde11b9ee929c7e177fd6b0313bcb12015c",
        .request_id = "5fa604f577deb09ff0e5313a5ae8eeec0af74cf98ca69ab94db89d88625c8500",
        .slot_ids =
            {
                {UINT64_C(0), "658cfad71469ad179a55cbe6d8c71226f314c21f90e32768d34c363861b9d305"},
                {UINT64_C(1), "597743267b5015033218caedc8757c30ca797e19774d2df7421fef3d2c74d32c"},
                {UINT64_C(12), "6eb2e8d22c77f380ce5ab98208b2755ed3e13dd313590812a76ebf2e32babbb3"},
                {UINT64_C(24), "ea6735b41c5427ffa053273b5e444a2e6ca48a9be3a6b55af9ec500849ad8ccc"},
            },
    },
    /* cid-length-1 */
    {
        .client = "b1c0656f055439b6aa7f0f8555a0eb88fb959c15",
        .proof_probability = "1301",
        .price =
            "90873938719",
        .collateral =
            "429614836827",
        .slots = UINT64_C(36),
        .slot_size = UINT64_C(29837261604),
        .duration = UINT64_C(1319652),
        .max_slot_loss = UINT64_C(21),
        .expiry = UINT64_C(599125),
        .cid = "ed",
        .merkle_root = "49c5adbba503baf342a96628829a19e7cb709691633d26841f240feb824b211b",
        .nonce = "95f1b7aa3ea58d50349a9235df7361f6cf44e52f40529e6e3a9e38a9e1987353",
        .request_id = "9e36c16a01a34b91bc2f71cfd239864731fbed40f6ef1c9f6ee133b2977c18d3",
        .slot_ids =
            {
                {UINT64_C(0), "48ea369f1fe8a05523dd723ddd754b9811ffcad44376cf91ad8ebe3fb957014a"},
                {UINT64_C(1), "3f052884e8fbc3a9507ed3ac45005380335b7e209c82796514d528d4c84de1ed"},
                {UINT64_C(18), "7d627dd0f8c407b8d653b42be82a20e6d6b6c07121f099549413f0777b69cabc"},
                {UINT64_C(35), "dca5fc17b318a7e41892af69765afeea1b74818fb564621c5b20d59f037fbb02"},
            },
    },
    /* cid-length-33 */
    {
        .client = "0187ae728e2835dc83dbafd830387fc885cbab1c",
        .proof_probability = "1835",
        .price =
            "211193252201",
        .collateral =
            "560478291855",
        .slots = UINT64_C(17),
        .slot_size = UINT64_C(45003053136),
        .duration = UINT64_C(2104078),
        .max_slot_loss = UINT64_C(6),
        .expiry = UINT64_C(1116234),
        .cid = "a949dfd74c4a7cb0eb7177d8e709761605891550baaccccf04380cd947a9a0cb83",
        .merkle_root = "610043f5067670f0ea33e09964609e619722e298bc9853e8e28433d3e53d3fb4",
        .nonce = "7f34dd00945b59a6e77001420471f94152958809d012da184a8741f5e65055fb",
        .request_id = "21ed07d733752e6d6b1b7c9fccc495a5099167764e59a0793992e69729c7ed88",
        .slot_ids =
            {
                {UINT64_C(0), "5cce14668d582e947a8e34d7f6b1fd2a63ecd5c736f68e27826bfe470829d784"},
                {UINT64_C(1), "96fbfac22770ba3adf817adeac215faabc9bf976b02c324af94127572d004d4e"},
                {UINT64_C(8), "7d7417f2590c87640740dcb807c86c5d2669e49d174bd7f0dd6cd79c6c0b8a01"},
                {UINT64_C(16), "233b746bd728c8ed708034bfec28799a269b7983a60d141e4e9845137a3c37ab"},
            },
    },
    /* cid-length-1000 */
    {
        .client = "d2bec28c652c509e42986461c4f57bb0e36f04d3",
        .proof_probability = "22",
        .price =
            "281965471911",
        .collateral =
            "635446431546",
        .slots = UINT64_C(3),
        .slot_size = UINT64_C(34435603693),
        .duration = UINT64_C(2101966),
        .max_slot_loss = UINT64_C(3),
        .expiry = UINT64_C(840609),
        .cid = "cbeb99408c3adf80fd0cc86675f5fd83b26c37dfed715678e8f17ae79ffebc0bf0101c74f0fda2f92edbb4f088"
               "575036ec94c1318cb9277f7609d715b01b26bf2914dd07a662310e16768a418a10e298c010ec5b786cb40270ef"
               "9ae4af2499179a62a032a47036e40888ed1fdadda608efc07a03d072abd59b957fcd1af9caad3ca13009b39a5c"
               "4a24651016787b88265085313ae44bc98c0ce3dd8f64c9b0f487c7de33e47d48024dbd16233f4897b9cc0a0a6a"
               "071480d2897d70ba2c28fd3034a85b8fc236f1be13c02fd62ef7caa6a5f34ed2c2a4f9c41cf842b9d9e17a57ec"
               "20bb8591a4e6ca3159b072eae8920e7859e769d3f46c3084f6d88fbb8687b19170cf1d43a4bddb15592f51f25d"
               "dc61b6fd9c7b6351e380a8599c56b826d499f24198f6871ce0ae9ffafd25b54102ddd4ebb7c8bf55e6d2164cb1"
               "172f17f6f213329f19591b2c4a8c1795104d17c4dbe511870fadd9deeb5e8843bfee4c5b8235293bcf30714b1b"
               "a74d9f386cf8741839c4253a57675d5a3e4e93abecf0e9985410a97dec75120c02e2431d3466e8733802bd4bf4"
               "e8a1ec879b2c4b06d5ad0d392f2cfb9d811930d4cbe560ac3c74676f37c034fb74d5a879a7feab407050db4507"
               "e993644062852386104f9d60c258781ceec3732fcc82be8ff1ef7653be804cb67a2e2ae15e9c8a2e48f0ceae32"
               "653aab1dfe076362e1505db93537339b22e24d19c86e959fdd0d8dc928f86823789d947e3b2ecb5b8594047802"
               "6fb7f8c8d5b454077817285d7920faa71ed0de00fb3d8ccbdccf16db482d5ff0c7af4f3f0ca9ce8ad6c1698371"
               "3d5abfebb438c6bb207a1bf71cbe44fc28f8ac6c0e0bd492419a5d933c9455f87ebd0507e36b38ed5f4a9bf544"
               "c4c510f9fea9390d54659e09f7fd06404375571ff5db5bd825f9a415b820221f95c1018c2b6f1eef89f9319c37"
               "481b16cd694e5343c8ff109636be3ca807671ac16026233a0295797736332f89c2bd139f71d06bf9f4532174fe"
               "4fe0c0c39eb4c1cc8b85af4e8a0b12e7ce6dbdf0972b7c4896fd7a3ed220b142678add730351dfb15e8bdbefd5"
               "c6a97573b5c0b17751d67e79f91bca7c8225db1c759cc2edd27380db7aa3590959d4e8e88a52cc481301cbb6b4"
               "e443e875487624e699e20d943046139b2391eb4ab85e51adf6b1c74af40d16157344d72463d590c6cf6a7d7510"
               "6c0f39c768f9c2ab37d57ec60778119f8cb4e6d842133ba0317293f846254dbfb432464e6c0497b06112d3811d"
               "052624bc3c1a8d7b6b3bc652aa8d9432fc4de1a23f005a3644dafaf295ffecf88a0bd6da95c3fe5225c467b243"
               "0c98e192f856a35633863eac4b4a899eda082e8cd7088fc1908bca7ab75e668bc718607008b741e48408f26720"
               "7d3989ad0533ed0e56ff",
        .merkle_root = "753faed4a63bf3fe598b05f6307c01758cb3467451e8cc899e61e02332066673",
        .nonce = "d85103fd812fcb1409c2322d9336aa8c8e56b26012a0a1d025edb5047d9e74f9",
        .request_id = "a89fe94b9495edbf894b1fb870b9fe682ff565d629c2bab3692534a06e8ffe36",
        .slot_ids =
            {
                {UINT64_C(0), "0213d40921fa8800f30c5372deb112cc9791288300269128f90cffdcd135622d"},
                {UINT64_C(1), "2fd2d7bec2cbe0fd35379ca5f0724baa121749a1f5e2e9104bd69b04b78b56ad"},
                {UINT64_C(2), "76beba48ce1a930a25ae94de55e7c67676d82e725cd362d1a92060aec11a7c7d"},
            },
    },
    /* edge-slots-1 */
    {
        .client = "504a926adb09c7b66b3c922d0fccbba38e8a034d",
        .proof_probability = "1571",
        .price =
            "722768977635",
        .collateral =
            "429942000926",
        .slots = UINT64_C(1),
        .slot_size = UINT64_C(49416206080),
        .duration = UINT64_C(1000),
        .max_slot_loss = UINT64_C(0),
        .expiry = UINT64_C(500),
        .cid = "01819a0312200767823373d47c534a2fd673da3e54c9a6d4380849444547e90f6f756df1ddbb",
        .merkle_root = "c87238e878563af258703d96ff296656a60d35b7c0bff0cb10118e230680d284",
        .nonce = "bfa1ab6159d1585e64208b95f6f57ae04b88166a5b1d9134917030c68bb6d8b2",
        .request_id = "2feb22cde4fa4aee24b12eeab0f3dab14da892ee096a66b689521046a349f336",
        .slot_ids =
            {
                {UINT64_C(0), "2d212c997e0334fb1e8ad4d3ad134df1336716baefdfcf9f9777bb8b7efada67"},
            },
    },
    /* edge-slotSize-0 */
    {
        .client = "c38f884a2fe0b391ce71e7d5b03843bee21b4868",
        .proof_probability = "343",
        .price =
            "657864051770",
        .collateral =
            "436262325007",
        .slots = UINT64_C(25),
        .slot_size = UINT64_C(0),
        .duration = UINT64_C(161625),
        .max_slot_loss = UINT64_C(24),
        .expiry = UINT64_C(73739),
        .cid = "01819a031220c08a628f50c1aa962283ed70ab1264ee59a64e4bc9c3060cfa6c64128cf9aa6c",
        .merkle_root = "884082fc879283be1138566ef139f51196e9d049936b651cf0930d141b47c503",
        .nonce = "4e6e9ba69d95bd86d1696c1a767bdbac964975e16bd85904a5c773af57438b60",
        .request_id = "b6ea0ca770b122a32c3eb741d81d921b16896270c0bc468d043dde07372c16b1",
        .slot_ids =
            {
                {UINT64_C(0), "1cc272548886985a1ed64cd87e5ccfc956a6543a2569dc67765939ca765a0b06"},
                {UINT64_C(1), "58d8eda80f4ec83e1fc5cd7005a87361c597ee4bdc72d8b52d514cdb84d2b8cb"},
                {UINT64_C(12), "fb188e9a48f0e07b4284f6cf8c67fafc4e585a657486ff7951e36d6f337f326f"},
                {UINT64_C(24), "c14162decc9cfdba1f92d9d7201fd2e2c54923b3be892474eebec7fd2abff5e7"},
            },
    },
    /* edge-merkleRoot-zero-nonce-zero */
    {
        .client = "36318c19e80bc3ea7a6760ea8e4a160c2aeff0a0",
        .proof_probability = "295",
        .price =
            "767925810302",
        .collateral =
            "712185168188",
        .slots = UINT64_C(50),
        .slot_size = UINT64_C(5047704287),
        .duration = UINT64_C(1017787),
        .max_slot_loss = UINT64_C(22),
        .expiry = UINT64_C(300912),
        .cid = "01819a031220871443ea0c4ab28d2a31caf6d4384237b4e79d5132f3a5ad61c2bfca4ab44b63",
        .merkle_root = "0000000000000000000000000000000000000000000000000000000000000000",
        .nonce = "0000000000000000000000000000000000000000000000000000000000000000",
        .request_id = "a6232e03aec379c6c499420ccec93e33149aed61b7aa2c7ccaa5d6e4efddf6da",
        .slot_ids =
            {
                {UINT64_C(0), "bc7128802deeb8227fb87d7ed0ac9bf9c93fe6520630b5e6ac26eca071884553"},
                {UINT64_C(1), "deb48e2230cc3f2742a0570de1294a49ae1513f6a4fa60b771cd67de78aaca61"},
                {UINT64_C(25), "9aedb74cb0b8d510f46607ae5886bec6f50803d69132fc55baa975780b79fcf9"},
                {UINT64_C(49), "6b07b732061fcaa30cbc032e32c31e576792ed7b7e9b9292cadb0a797d2a41bb"},
            },
    },
    /* edge-cid-1-zero-byte */
    {
        .client = "5cb060b5af7872fe16a010ce717199e07070c567",
        .proof_probability = "1402",
        .price =
            "327842337652",
        .collateral =
            "264522245615",
        .slots = UINT64_C(16),
        .slot_size = UINT64_C(25301747831),
        .duration = UINT64_C(648370),
        .max_slot_loss = UINT64_C(15),
        .expiry = UINT64_C(92266),
        .cid = "00",
        .merkle_root = "4740141a337b51b792310f88a6a3bc46871b827b143f3863286b38c3f6a43e14",
        .nonce = "43bf28a594fccc78540e95e7597d5d0f7c2beb57e42530c63b9e7531a2761bbd",
        .request_id = "069631e72be9c76dab1627d1f06359fe190ca1f40eb140f5fc7eee73401627df",
        .slot_ids =
            {
                {UINT64_C(0), "d1db858baa405e49e8e122e6a73bdd5b559940b701cbffe16f20acebd5bc3a6e"},
                {UINT64_C(1), "1023e8ec3db14a27349ae6f98ac0e1036c635440f4e633e63cba2b1850c0310e"},
                {UINT64_C(8), "d922a9421d35fed7c9d193eade488fa30dd9df8417579ea174fb8ca4a71055ae"},
                {UINT64_C(15), "e30a48e98d9527a1d1a0396e913ed6d6983f80671f94b96ef39af9a4a7074701"},
            },
    },
    /* edge-price-u256-half */
    {
        .client = "9ebc34898a002861b4498e4dfa9a560d986127a3",
        .proof_probability = "1692",
        .price =
            "57896044618658097711785492504343953926634992332820282019728792003956564819967",
        .collateral =
            "71853667592",
        .slots = UINT64_C(1),
        .slot_size = UINT64_C(1),
        .duration = UINT64_C(2),
        .max_slot_loss = UINT64_C(1),
        .expiry = UINT64_C(1),
        .cid = "01819a031220de9f0b819961910ab82ce47c0ce492b3a0595825ef2bc8e26555d0bbf91125af",
        .merkle_root = "3e0d2da4c6e86e663002f6ef700ef30e017c9859d524e0c4e32c37b7ecdfb9ec",
        .nonce = "a3b9eea91cb5c0ef069e129062b1a0f01dd8c7d46c755a889f57c33667beef17",
        .request_id = "6f6dc853749eb1766071d36b8f1a304b4e95fca0c34a2e1c5e26640e7edcc0c1",
        .slot_ids =
            {
                {UINT64_C(0), "2fd52ac3cff18011251f030ae2107c18223d0c891faeec776a89f95c73a842a6"},
            },
    },
    /* edge-duration-u64-max-minus-2e9 */
    {
        .client = "cec3de36f4a9cdcd2e0e7ef2841390bd0dd8b5f0",
        .proof_probability = "1319",
        .price =
            "1",
        .collateral =
            "714582743823",
        .slots = UINT64_C(1),
        .slot_size = UINT64_C(1),
        .duration = UINT64_C(18446744071709551615),
        .max_slot_loss = UINT64_C(0),
        .expiry = UINT64_C(18446744071709551614),
        .cid = "01819a03122022bed97cd0f5b1737395d1facd4a650fea87803f7c3699285db29678b803c9e5",
        .merkle_root = "59c8541bbf8a6d2f9228a41e48883cb3dea9575150a3eaed6a8e7afd3b5d9e24",
        .nonce = "b42818210c4328e13105cd2e0e9c94b05bbcce0d6828f15a8b76f4998ac9f028",
        .request_id = "fc26cd79e2fbd20ffa2b9ac7bab77a4d33ba0e20729252692372464a257a8843",
        .slot_ids =
            {
                {UINT64_C(0), "7466dcc5d5eca8d371c5e7bf1470fc01a7ee20fdb4bef9367089be7b0aee3341"},
            },
    },
};

#endif
