"""Audits a node from outside. It knows nothing of the library: it reads the repo's file, the store as LMDB's own tool prints it
(the layouts are those of docs/STORE.md), the host's notes and the board.

It holds against each other: what the repo has reserved and what the ledger holds (S1), what was answered OK and what is in the
store (S3), what each slot holds and who reserved it (S4), the filled slots and their space (S5)."""

import os
import re
import struct
import subprocess
import zlib
from collections import defaultdict

from order import NEVER, Act, explains

RESERVE, RELEASE, CONSUMED, REQUEST, ENDED, OFFER_NEW, OFFER_CHANGE, OFFER_REMOVE = range(1, 9)
OK, PENDING, ALREADY, QUEUED, NOT_FOUND = 0, 1, 2, 4, -106
NOTE = struct.Struct("<QIHBBQQiI24s")
LAYOUT = 2  # of every record; its checksum covers the key too
SLOTS = 24
SLOT_SIZE = 4096  # of a request
HISTORY = 100_000  # events that are remembered, and with them what has ended
REQUESTS_AT, REQUEST_SIZE = 256, 128


class Wrong(Exception):
    """The books do not fit."""


def slot_id(number):
    return bytes([number]) + b"\x5a" * 31


def read_store(store):
    """Table -> key -> value, every checksum compared."""
    run = subprocess.run(["mdb_dump", "-a", store], capture_output=True, text=True)
    if run.returncode != 0:
        raise Wrong(f"mdb_dump: {run.stderr.strip()}")
    tables, table, key = defaultdict(dict), None, None
    for line in run.stdout.splitlines():
        if line.startswith("database="):
            table = line[len("database="):]
        elif line.startswith(" "):
            if key is None:
                key = bytes.fromhex(line[1:])
            else:
                tables[table][key] = bytes.fromhex(line[1:])
                key = None
    for name in ("slots", "sales", "requests", "offers", "history"):
        for key, value in tables[name].items():
            if value[0] != LAYOUT or zlib.crc32(key + value[:-4]) != int.from_bytes(value[-4:], "little"):
                raise Wrong(f"a record of {name} has another layout, or its checksum does not fit: {key.hex()}")
    return tables


def read_notes(path):
    """(asked, answered or None), in the order in which they were asked; both are tuples of NOTE."""
    with open(path, "rb") as file:
        notes = file.read()
    if len(notes) % NOTE.size:
        raise Wrong("a note is cut short")
    calls, waiting = [], {}
    for note in NOTE.iter_unpack(notes):
        _, life, thread, answered = note[:4]
        if not answered:
            waiting[life, thread] = len(calls)
            calls.append((note, None))
        else:
            at = waiting.pop((life, thread))
            calls[at] = (calls[at][0], note)
    return calls


class Record:
    """A record of the table `slots`."""

    def __init__(self, value):
        self.asked, self.held, self.consumed, self.releasing, self.consuming = struct.unpack_from("<5Q", value, 2)
        self.ended, self.of_sale = value[1] & 1, value[1] & 2
        self.live = self.asked > 0 and not self.ended


class Judge:
    """The auditor of one node, from its creation on. What it found at rest is where the next audit begins."""

    def __init__(self, node):
        self.node = node
        self.slots = dict.fromkeys(range(SLOTS))  # number -> None or (asked, consumed)
        self.offers = {}  # the first 24 bytes of an id -> its size
        self.accepted = set()  # numbers of requests that were answered OK
        self.ended = set()  # of those whose end was

    def audit(self, last=False):
        """At rest, after the books were settled. `last`: everything was given back. Answers how many answers were compared."""
        tables = read_store(f"{self.node}/store")
        calls = read_notes(f"{self.node}/notes")
        records = {key: Record(value) for key, value in tables["slots"].items()}
        self.totals(tables, records, last)
        acts = defaultdict(list)
        for asked, answered in calls:
            self.sort(asked, answered, acts)
        self.own_slots(records, acts, last)
        self.compare_offers(tables, calls)
        self.requests(tables, records)
        open(f"{self.node}/notes", "wb").close()  # the host is not running
        return sum(answered is not None for _, answered in calls)

    def totals(self, tables, records, last):
        reserved = 0  # as long as nothing was
        if os.path.exists(f"{self.node}/repo/total"):
            with open(f"{self.node}/repo/total") as file:
                reserved = int(re.match(r"reserved (\d+)\n", file.read())[1])
        books = tables["meta"][b"ledger.books"]
        held, consumed, releasing, short, surplus, live = struct.unpack_from("<6Q", books, 18)
        alive = [record for record in records.values() if record.live]
        for what, seen, expected in [
            ("what the repo has reserved, and the ledger holds", reserved, held),
            ("held, the total and the sum", held, sum(record.held for record in records.values())),
            ("consumed, the total and the sum", consumed, sum(record.consumed for record in alive)),
            ("live, the total and the count", live, len(alive)),
            ("releasing, of a node at rest", releasing + sum(r.releasing + r.consuming for r in records.values()), 0),
            ("shortfall", short, 0),
            ("surplus", surplus, 0),
        ]:
            if seen != expected:
                raise Wrong(f"{what}: {seen} and {expected}")
        for key, record in records.items():
            if record.live and record.held + record.consumed != record.asked:
                raise Wrong(f"slot {key.hex()}: held {record.held} and consumed {record.consumed} of {record.asked}")
            if not record.live:
                raise Wrong(f"slot {key.hex()}: ended, and still recorded at rest")
        if last and (reserved or records):
            raise Wrong(f"at the end the repo has {reserved} bytes for us, and {len(records)} slots are recorded")

    def sort(self, asked, answered, acts):
        """An error had no effect: only what was answered well, or never, is to be explained."""
        moment, call, subject, amount = asked[0], asked[4], asked[5], asked[6]
        end, status = (answered[0], answered[7]) if answered else (NEVER, None)
        if status == PENDING:  # how it ended is not noted
            end, status = NEVER, None
        kinds = {
            RESERVE: {OK: "reserve", ALREADY: "reserved", None: "reserve"},
            RELEASE: {OK: "release", QUEUED: "release", ALREADY: "gone", NOT_FOUND: "gone", None: "release"},
            CONSUMED: {OK: "consume", ALREADY: "consumed", NOT_FOUND: "gone", None: "consume"},
        }
        if call in kinds and status in kinds[call]:
            acts[subject].append(Act(moment, end, kinds[call][status], amount))
        if call == REQUEST and status in (OK, ALREADY):
            self.accepted.add(subject)
        if call == ENDED and status == OK:
            self.ended.add(subject)

    def own_slots(self, records, acts, last):
        for number, before in self.slots.items():
            record = records.get(slot_id(number))
            after = (record.asked, record.consumed) if record else None
            if not last and not explains(acts[number], before, after):
                told = [f"{a.kind} {a.amount} {a.asked}-{a.answered if a.must else 'killed'}" for a in acts[number]]
                raise Wrong(f"slot {number} was {before}, is {after}, and that does not follow from: {'; '.join(told)}")
            self.slots[number] = after

    def compare_offers(self, tables, calls):
        """Each offer belongs to one thread, so its calls follow each other."""
        found = {key[:24]: struct.unpack_from("<Q", value, 2)[0]
                 for key, value in tables["offers"].items() if not value[1] & 1}
        unknown, maybe = 0, {}
        for asked, answered in calls:
            call, amount = asked[4], asked[6]
            if call not in (OFFER_NEW, OFFER_CHANGE, OFFER_REMOVE):
                continue
            if answered is None:
                unknown += call == OFFER_NEW
                maybe[asked[1], asked[2]] = (call, amount)
            elif answered[7] == OK:
                self.offers.pop(answered[9], None)
                if call != OFFER_REMOVE:
                    self.offers[answered[9]] = amount
        new = {key for key in found if key not in self.offers}
        lost = {key for key in self.offers if key not in found}
        changed = {key for key in found if key in self.offers and found[key] != self.offers[key]}
        changes = {amount for call, amount in maybe.values() if call == OFFER_CHANGE}
        if len(new) > unknown:
            raise Wrong(f"{len(new)} offers that nobody made")
        if len(lost) > sum(call == OFFER_REMOVE for call, _ in maybe.values()):
            raise Wrong(f"{len(lost)} offers that were answered OK are lost")
        if any(found[key] not in changes for key in changed):
            raise Wrong("an offer does not have the size that was answered OK")
        self.offers = found

    def requests(self, tables, records):
        with open(f"{self.node}/board", "rb") as file:
            board = file.read()
        count = struct.unpack_from("<I", board, 20)[0]
        known = {slot_id(number) for number in range(SLOTS)}
        for number in range(count):
            place = REQUESTS_AT + number * REQUEST_SIZE
            told, ended, *rest = struct.unpack_from("<8I", board, place)
            filled, request = rest[:2], board[place + 32:place + 64]
            slots = [board[place + 64 + 32 * i:place + 96 + 32 * i] for i in range(2)]
            known.update(slots)
            forgotten = ended and len(tables["history"]) >= HISTORY
            there = request in tables["requests"] and all(request + slot in tables["by_request"] for slot in slots)
            if number in self.accepted and not there and not forgotten:
                raise Wrong(f"request {number} was accepted and is lost")
            for slot, times in zip(slots, filled):
                if times > 1:
                    raise Wrong(f"a slot of request {number} was filled {times} times")
                record = records.get(slot)
                if times and not ended and not (record and record.of_sale and record.asked == SLOT_SIZE):
                    raise Wrong(f"a slot of request {number} is filled, and its space is not kept")
                if number in self.ended and record:
                    raise Wrong(f"request {number} has ended, and its space is kept")
        for key in records:
            if key not in known:
                raise Wrong(f"a slot is recorded that nobody asked for: {key.hex()}")
