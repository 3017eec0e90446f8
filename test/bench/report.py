"""Samples, goals and the table. Nothing here measures."""
import statistics


class Samples:
    """Samples of one engine for one test. `is_speed`: more is better."""

    def __init__(self, is_speed):
        self.is_speed, self.values = is_speed, []

    @property
    def best(self):
        return max(self.values) if self.is_speed else min(self.values)

    @property
    def median(self):
        return statistics.median(self.values)


class AtLeast:
    def __init__(self, limit, unit="x"):
        self.limit, self.unit = limit, unit

    def __str__(self):
        return f"≥ {self.limit:g}{'x' if self.unit == 'x' else ' ' + self.unit}"

    def is_met(self, value):
        return value >= self.limit


class AtMost(AtLeast):
    def __str__(self):
        return super().__str__().replace("≥", "≤")

    def is_met(self, value):
        return value <= self.limit


class Row:
    """One line: what was measured of both engines, and the number that the goal is
    about (`value`, in the unit of the goal; None where there is no goal)."""

    def __init__(self, title, unit, ours, peer=None, goal=None, value=None, note=""):
        self.title, self.unit, self.ours, self.peer = title, unit, ours, peer
        self.goal, self.value, self.note = goal, value, note

    @property
    def is_met(self):
        return None if self.goal is None else self.goal.is_met(self.value)

    def ratio(self, which):
        """How many times better ours is: of the best samples or of the medians."""
        if self.peer is None:
            return None
        ours, peer = getattr(self.ours, which), getattr(self.peer, which)
        return ours / peer if self.ours.is_speed else peer / ours


def number(value):
    """Three significant digits, without an exponent."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def cell(samples):
    return "" if samples is None else f"{number(samples.best)} ({number(samples.median)})"


def markdown(rows, facts, peer="llama.cpp"):
    """The table, best samples first and medians in parentheses, under its facts. A `peer`
    of None leaves out its column and the ratio."""
    columns = ["test", "unit", "gemcut", peer, "ratio", "goal", "is", "met"]
    kept = [i for i, name in enumerate(columns) if peer or name not in (None, "ratio")]
    lines = [f"{name}: {value}  " for name, value in facts.items()]
    lines += ["", "| " + " | ".join(columns[i] for i in kept) + " |"]
    lines += ["|" + "|".join("---:" if columns[i] in ("gemcut", peer, "ratio") else "---" for i in kept) + "|"]
    for row in rows:
        ratio = "" if row.peer is None else f"{number(row.ratio('best'))}x ({number(row.ratio('median'))}x)"
        value = ""
        if row.goal is not None:
            value = number(row.value) + ("x" if row.goal.unit == "x" else " " + row.goal.unit)
        met = {None: "", True: "yes", False: "no"}[row.is_met]
        cells = [row.title, row.unit, cell(row.ours), cell(row.peer), ratio, str(row.goal or ""), value, met]
        lines.append("| " + " | ".join(cells[i] for i in kept) + " |")
    notes = [row.note for row in rows if row.note]
    return "\n".join(lines + [""] + [f"* {note}" for note in dict.fromkeys(notes)]) + "\n"


def as_json(rows, facts):
    def samples(of):
        return None if of is None else {"best": of.best, "median": of.median, "samples": of.values}

    return {
        "facts": facts,
        "rows": [
            {
                "test": row.title,
                "unit": row.unit,
                "ours": samples(row.ours),
                "peer": samples(row.peer),
                "ratio_best": row.ratio("best"),
                "ratio_median": row.ratio("median"),
                "goal": None if row.goal is None else str(row.goal),
                "value": row.value,
                "is_met": row.is_met,
            }
            for row in rows
        ],
    }
