"""Kills a host that eight threads keep busy (busy.c), with SIGKILL, at random instants of every phase of its life; starts it again,
kills that start too now and then, and has it audited from outside (judge.py) after each.

A kill is counted in the phase in which the host was when it died, and an instant is chosen within a phase by its length as seen so
far. The last line is `kills=N exact=N`."""

import argparse
import mmap
import os
import random
import shutil
import signal
import struct
import subprocess
import sys
import time

from judge import Judge, Wrong

PHASES = ["not begun", "create", "open", "start", "load", "restart", "close", "ended"]
NONE, CREATE, OPEN, START, LOAD, RESTART, CLOSE, END = range(8)
CALLS = ["outside", "reserve", "release", "consumed", "request", "end", "offer new", "offer change", "offer remove", "tick",
         "stop, start"]
AIMS = [(CREATE, 6), (OPEN, 8), (START, 20), (LOAD, 46), (RESTART, 8), (CLOSE, 12)]
BOARD_SIZE = 256 + 8192 * 128
LIFE_MS = 60  # of a host that is to be killed at its close
PATIENCE_S = 180  # longer is a host that hangs
FAILURES_MAX = 5
NODE_LIVES = 20  # then a new node


class Node:
    """A node: its directory, its board, its auditor."""

    def __init__(self, options, number):
        self.options, self.path, self.lives = options, f"{options.dir}/node", 0
        shutil.rmtree(self.path, ignore_errors=True)
        os.makedirs(self.path)
        with open(f"{self.path}/board", "wb") as file:
            file.truncate(BOARD_SIZE)
        file = os.open(f"{self.path}/board", os.O_RDWR)
        self.board = mmap.mmap(file, BOARD_SIZE)
        os.close(file)
        open(f"{self.path}/notes", "wb").close()
        self.judge = Judge(self.path)
        self.created = False
        self.seed = number * 1000

    def phase(self):
        return struct.unpack_from("<I", self.board, 16)[0]

    def start(self, *arguments):
        self.lives += 1
        struct.pack_into("<I", self.board, 16, NONE)
        struct.pack_into("<I", self.board, 28, self.lives)
        self.board[64:128] = bytes(64)
        command = [self.options.host, "-d", self.path, "-n", str(self.seed + self.lives), *arguments]
        return subprocess.Popen(command, stdout=self.options.log, stderr=self.options.log)

    def run(self, *arguments):
        """A life that nobody disturbs."""
        host = self.start(*arguments)
        try:
            code = host.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            host.kill()
            host.wait()
            raise Wrong(f"busy {' '.join(arguments)} hangs in phase {PHASES[self.phase()]}") from None
        if code != 0:
            raise Wrong(f"busy {' '.join(arguments)} ended with {code}")

    def threads(self):
        """What each of its threads was doing: (call, in the repo)."""
        numbers = struct.unpack_from("<16I", self.board, 64)
        return list(zip(numbers[::2], numbers[1::2]))


class Killer:
    """Kills, and counts."""

    def __init__(self, options):
        self.options, self.dice = options, random.Random(options.seed)
        self.length = {CREATE: 8e-3, OPEN: 2e-3, START: 5e-3, LOAD: 0.15, RESTART: 5e-3, CLOSE: 4e-3}
        self.kills = dict.fromkeys(range(len(PHASES)), 0)
        self.inside, self.in_repo, self.idle = dict.fromkeys(range(len(CALLS)), 0), 0, 0
        self.all = self.exact = self.failures = self.answers = self.again = 0

    def wait_for(self, node, host, aim):
        """Until the host is in the phase; False: it came to its end before."""
        begun = time.monotonic()
        while node.phase() != aim:
            if host.poll() is not None:
                return False
            if time.monotonic() - begun > PATIENCE_S:
                host.kill()
                host.wait()
                raise Wrong(f"the host hangs in phase {PHASES[node.phase()]}")
            time.sleep(0.0001)
        return True

    def kill(self, node, aim, *arguments):
        """One start and one kill. Answers whether it was killed in time."""
        host = node.start(*arguments)
        if self.wait_for(node, host, aim):
            time.sleep(self.dice.uniform(0, self.length[aim]))
        host.kill()
        code = host.wait()
        phase = node.phase()
        if aim != LOAD:  # which lasts as long as it is let
            # A phase left before the blow is shorter than thought; the instants shall cover all of it and little more.
            self.length[aim] *= 1.05 if phase == aim else 0.9
        if code != -signal.SIGKILL:
            if code != 0:
                raise Wrong(f"the host ended with {code} in phase {PHASES[phase]}")
            return False
        self.all += 1
        self.kills[phase] += 1
        if phase in (LOAD, RESTART, CLOSE) and not arguments[:1] == ("-s",):
            threads = node.threads()
            for call, _ in threads:
                self.inside[call] += 1
            self.in_repo += sum(repo for _, repo in threads)
            self.idle += phase == LOAD and all(call == 0 for call, _ in threads)
        return True

    def blow(self, node):
        """A kill, perhaps another of the start that follows, then an audit. Answers the kills."""
        before = self.all
        aims = [aim for aim in AIMS if (aim[0] == CREATE) == (not node.created)]
        aim = self.dice.choices([aim for aim, _ in aims], [weight for _, weight in aims])[0]
        close = aim == CLOSE
        self.kill(node, aim, "-t", str(LIFE_MS if close else 10_000))
        while self.all > before and self.all < self.options.kills and self.dice.random() < 0.3:
            if node.phase() == CREATE:
                break
            self.again += self.kill(node, self.dice.choice([OPEN, START, START, CLOSE]), "-s")
        node.run("-s")
        node.created = True
        self.answers += node.judge.audit()
        return self.all - before

    def life(self, number):
        """A node from its creation to its end."""
        node, before = Node(self.options, number), self.all
        try:
            for _ in range(self.dice.randint(1, NODE_LIVES)):
                if self.all >= self.options.kills:
                    break
                self.blow(node)
                if sys.stdout.isatty():
                    print(f"\rkilled {self.all} of {self.options.kills}", end="", flush=True)
            node.run("-f")
            self.answers += node.judge.audit(last=True)
            self.exact += self.all - before
        except Wrong as wrong:
            self.failures += 1
            kept = f"{self.options.dir}/failed-{self.failures}"
            shutil.rmtree(kept, ignore_errors=True)
            shutil.copytree(node.path, kept)
            print(f"\nnot exact, after {self.all} kills: {wrong}\nthe node is kept in {kept}", flush=True)
            self.options.log.flush()
            with open(self.options.log.name) as log:
                print("".join(log.readlines()[-8:]), end="")

    def show(self):
        print(f"\n{'phase':<12}{'kills':>8}")
        for phase in range(CREATE, END + 1):
            print(f"{PHASES[phase]:<12}{self.kills[phase]:>8}")
        inside = ", ".join(f"{CALLS[call]} {self.inside[call]}" for call in range(1, len(CALLS)))
        print(f"threads at the kill: {inside}; outside {self.inside[0]}; of them in the repo {self.in_repo}")
        print(f"kills of a start after a kill: {self.again}; under load with no thread inside: {self.idle}; "
              f"answers compared: {self.answers}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", required=True)
    parser.add_argument("--dir", required=True)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--until-failure", action="store_true", help="one failure is enough")
    options = parser.parse_args()
    os.makedirs(options.dir, exist_ok=True)
    options.log = open(f"{options.dir}/log", "w")
    killer, number = Killer(options), 0
    while killer.all < options.kills and killer.failures < (1 if options.until_failure else FAILURES_MAX):
        number += 1
        killer.life(number + options.seed * 1000)
    killer.show()
    never = [PHASES[phase] for phase in range(CREATE, END) if killer.kills[phase] == 0]
    if never:
        print(f"never killed in: {', '.join(never)}")
    print(f"kills={killer.all} exact={killer.exact}")
    complete = options.kills < 100 or not never
    return 0 if complete and killer.failures == 0 and killer.exact == killer.all >= options.kills else 1


if __name__ == "__main__":
    sys.exit(main())
