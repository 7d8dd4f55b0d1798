#!/usr/bin/env python3
"""Turns the recording of the marketplace contract (tests/data/trace.json) into the plain text that the C host reads.

Usage: convert.py TRACE.json DIRECTORY

One file a scenario: what the client asked for, then every transaction that was mined, one a line. Calls that were
only tried (reverted, or never sent) moved nothing and are left out.
"""

import itertools
import json
import pathlib
import sys

MOVES = {
    "requestStorage": "request",
    "reserveSlot": "reserve",
    "fillSlot": "fill",
    "submitProof": "prove",
    "markProofAsMissing": "miss",
    "freeSlot": "free",
    "withdrawFunds": "withdraw",
}

HEADER = """\
# {scenario}, as recorded from the marketplace contract. Made by convert.py: do not edit.
name {scenario}
id {id}
client {client}
proof_probability {proofProbability}
price_per_byte_per_second {pricePerBytePerSecond}
collateral_per_byte {collateralPerByte}
slots {slots}
slot_size {slotSize}
duration {duration}
max_slot_loss {maxSlotLoss}
expiry {expiry}
cid {cid}
merkle_root {merkleRoot}
nonce {nonce}

# time, who, what, slot, period
"""


def name_of(step):
    return MOVES[step["call"].split("(")[0]]


def plain(value):
    return value.removeprefix("0x").lower()


def slot_indexes(steps):
    """The index of each slot id: a host proves and frees the slot that it filled last; a lost slot changes state."""
    filled, indexes = {}, {}
    for step in steps:
        if name_of(step) == "fill":
            filled[step["from"]] = step["args"][1]
        elif name_of(step) in ("prove", "free"):
            indexes[step["args"][0]] = filled[step["from"]]
        elif name_of(step) == "miss":
            pairs = zip(step["before"]["slots"].split(), step["after"]["slots"].split())
            changed = [before.split(":")[0] for before, after in pairs if before != after]
            if changed:
                indexes[step["args"][0]] = int(changed[0])
    return indexes


def line(step, request_id, indexes):
    """One move as text; None for one that concerns another request."""
    name, args = name_of(step), step["args"]
    text = f"{step['timestamp']} {step['from']} {name}"
    if name in ("reserve", "fill"):
        return f"{text} {args[1]}" if args[0] == request_id else None
    if name in ("prove", "free"):
        return f"{text} {indexes[args[0]]}"
    if name == "miss":
        return f"{text} {indexes[args[0]]} {args[1]}"
    return text


def convert(scenario, steps):
    """The text of a scenario."""
    mined = [step for step in steps if step["kind"] == "tx"]
    posted = mined[0]["args"][0]
    request_id = mined[1]["args"][0]
    indexes = slot_indexes(mined)
    fields = posted | posted["ask"] | posted["content"]
    fields = {key: plain(value) for key, value in fields.items() if isinstance(value, str)}
    header = HEADER.format(scenario=scenario, id=plain(request_id), **fields)
    lines = [line(step, request_id, indexes) for step in mined]
    return header + "".join(f"{text}\n" for text in lines if text is not None)


def main():
    trace, directory = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    steps = json.loads(trace.read_text())
    for scenario, group in itertools.groupby(steps, key=lambda step: step["scenario"]):
        path = directory / f"{scenario}.txt"
        path.write_text(convert(scenario, list(group)))
        print(path)


if __name__ == "__main__":
    main()
