"""Whether what was answered for one slot can have happened in some order that ends where the store stands.

A slot is None, or (bytes asked, bytes consumed). Each act took effect at one moment between its question and its answer; one
that was never answered, because the host was killed, took effect before the kill or not at all."""

NEVER = 1 << 63  # later than every moment: the answer of what was not answered


class Act:
    """One call for the slot, with the moments of its question and its answer. `must`: it was answered."""

    def __init__(self, asked, answered, kind, amount):
        self.asked, self.answered, self.kind, self.amount = asked, answered, kind, amount
        self.must = answered != NEVER

    def apply(self, state):
        """The state after it, and whether it can have been answered so in this state."""
        if self.kind == "reserve":  # OK
            return (self.amount, 0), state is None
        if self.kind == "reserved":  # ALREADY
            return state, state is not None and state[0] == self.amount
        if self.kind == "release":  # OK, QUEUED
            return None, state is not None
        if self.kind == "gone":  # ALREADY or NOT_FOUND
            return state, state is None
        if self.kind == "consume":  # OK; two that tell the same at once are both recorded
            fits = state is not None and self.amount <= state[0]
            return (state and (state[0], max(state[1], self.amount))), fits
        if self.kind == "consumed":  # ALREADY
            return state, state is not None and self.amount <= state[1]
        raise ValueError(self.kind)


def explains(acts, start, end):
    """Whether some order of the acts leads from one state to the other."""
    acts = sorted(acts, key=lambda act: act.asked)
    seen = set()
    todo = [(0, frozenset(), start)]  # all acts before the number are done, and those in the set
    while todo:
        first, done, state = todo.pop()
        while first < len(acts) and first in done:
            done, first = done - {first}, first + 1
        if (first, done, state) in seen:
            continue
        seen.add((first, done, state))
        rest = [at for at in range(first, len(acts)) if at not in done]
        if state == end and not any(acts[at].must for at in rest):
            return True
        earliest_answer = min((acts[at].answered for at in rest), default=NEVER)
        for at in rest:
            if acts[at].asked > earliest_answer:
                break
            after, fits = acts[at].apply(state)
            if fits:
                todo.append((first, done | {at}, after))
    return False
