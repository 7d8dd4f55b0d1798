#!/usr/bin/env python3
# Writes first inputs for the targets, made of the requests that were recorded from the real contract: seeds.py DIRECTORY.
import json, os, struct, sys, zlib

here = os.path.dirname(os.path.abspath(__file__))
recorded = json.load(open(os.path.join(here, "../tests/data/requests.json")))["requests"]
out = sys.argv[1]


def put(target, name, data):
    os.makedirs(os.path.join(out, target), exist_ok=True)
    with open(os.path.join(out, target, name), "wb") as file:
        file.write(data)


def seal(body):
    # A record within another has no key.
    record = b"\x02" + body
    return record + struct.pack("<I", zlib.crc32(record))


def raw(text):
    return bytes.fromhex(text[2:])


def u64(value):
    return struct.pack("<Q", int(value))


def u256(value):
    return int(value).to_bytes(32, "little")


def blob(data):
    return struct.pack("<I", len(data)) + data


for n, one in enumerate(recorded):
    r = one["request"]
    ask, content = r["ask"], r["content"]
    sizes = b"".join(u64(ask[name]) for name in ("slots", "slotSize", "duration", "maxSlotLoss"))
    money = [ask[name] for name in ("proofProbability", "pricePerBytePerSecond", "collateralPerByte")]
    cid, root, nonce, client = raw(content["cid"]), raw(content["merkleRoot"]), raw(r["nonce"]), raw(r["client"])
    whole = client + b"".join(map(u256, money)) + sizes + u64(r["expiry"]) + root + nonce + blob(cid)
    told = raw(one["requestId"]) + b"".join(map(u256, money)) + sizes + u64(10_000) + u64(20_000) + blob(seal(whole))
    # records: which record, sealed by the target, its bytes behind the version.
    put("records", f"ask-{n}", b"\x07\x00" + told)
    put("records", f"known-{n}", b"\x06\x00" + u64(20_000) + b"\x01" + struct.pack("<II", 2, 3) + blob(seal(told)))
    # requests: which test, and its request. Numbers are told by 255 and eight bytes, money by 0 and 32 (big-endian).
    number = lambda value: b"\xff" + u64(value)
    fields = [number(ask[name]) for name in ("slots", "slotSize", "duration", "maxSlotLoss")] + [number(r["expiry"])]
    big = b"".join(b"\x00" + int(value).to_bytes(32, "big") for value in money)
    request = struct.pack("<H", len(cid)) + client + big + b"".join(fields) + root + nonce + cid
    for test in (1, 2, 3):
        put("requests", f"{test}-{n}", bytes([test]) + request)
    for m, value in enumerate(money):
        put("requests", f"decimal-{n}-{m}", b"\x00" + value.encode())
