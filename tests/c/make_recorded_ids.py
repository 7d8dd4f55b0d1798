#!/usr/bin/env python3
"""Writes recorded_ids.h: make_recorded_ids.py REQUESTS.JSON > recorded_ids.h (only when the records change)."""
import json
import sys

LABELS = ("random-0", "random-1", "random-2", "cid-length-1", "cid-length-33", "cid-length-1000", "edge-slots-1",
          "edge-slotSize-0", "edge-merkleRoot-zero-nonce-zero", "edge-cid-1-zero-byte", "edge-price-u256-half",
          "edge-duration-u64-max-minus-2e9")
SLOTS = 4


def lines(text, indent):
    """A C string, cut into pieces of one line."""
    pieces = [text[i:i + 90] for i in range(0, len(text), 90)] or [""]
    return ("\n" + indent).join('"%s"' % piece for piece in pieces)


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        requests = [r for r in json.load(file)["requests"] if r["label"] in LABELS]
    if len(requests) != len(LABELS):
        sys.exit("not all of the labels were recorded")
    print("/* recorded_ids.h - some requests and the ids the contract gave them. Made by make_recorded_ids.py. */")
    print("#ifndef RECORDED_IDS_H\n#define RECORDED_IDS_H\n\n#include <stdint.h>\n")
    print("#define RECORDED_LEN %d\n#define RECORDED_SLOTS %d\n" % (len(requests), SLOTS))
    print("typedef struct recorded_t {")
    print("    const char *client, *proof_probability, *price, *collateral;")
    print("    uint64_t slots, slot_size, duration, max_slot_loss, expiry;")
    print("    const char *cid, *merkle_root, *nonce, *request_id;")
    print("    struct {\n        uint64_t index;\n        const char *id;\n    } slot_ids[RECORDED_SLOTS];")
    print("} recorded_t;\n\nstatic const recorded_t recorded[RECORDED_LEN] = {")
    for recorded in requests:
        request, ask, content = recorded["request"], recorded["request"]["ask"], recorded["request"]["content"]
        print("    /* %s */\n    {" % recorded["label"])
        print('        .client = "%s",' % request["client"][2:].lower())
        print('        .proof_probability = "%s",' % ask["proofProbability"])
        print('        .price =\n            "%s",' % ask["pricePerBytePerSecond"])
        print('        .collateral =\n            "%s",' % ask["collateralPerByte"])
        print("        .slots = UINT64_C(%s),\n        .slot_size = UINT64_C(%s)," % (ask["slots"], ask["slotSize"]))
        print("        .duration = UINT64_C(%s),\n        .max_slot_loss = UINT64_C(%s)," %
              (ask["duration"], ask["maxSlotLoss"]))
        print("        .expiry = UINT64_C(%s)," % request["expiry"])
        print("        .cid = %s," % lines(content["cid"][2:], " " * 15))
        print('        .merkle_root = "%s",' % content["merkleRoot"][2:])
        print('        .nonce = "%s",' % request["nonce"][2:])
        print('        .request_id = "%s",' % recorded["requestId"][2:])
        print("        .slot_ids =\n            {")
        for slot in recorded["slotIds"][:SLOTS]:
            print('                {UINT64_C(%s), "%s"},' % (slot["slotIndex"], slot["slotId"][2:]))
        print("            },\n    },")
    print("};\n\n#endif")


main()
