# SPDX-License-Identifier: Apache-2.0
"""A run of `tools.decisions` in plain text, for a reader who has never seen the kiosk."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from tools.evaluation.bootstrap import Estimate
from tools.evaluation.cases import Kind, Said
from tools.evaluation.halves import Catalog
from tools.evaluation.honest import Findings
from tools.evaluation.rates import Rates
from tools.evaluation.scenarios import Line, Table
from tools.evaluation.text import NOT_MEASURED, table

_SHOWN_WRONG = 12
_SHOWN_PROBLEMS = 20


def as_text(found: Findings) -> str:
    """The whole run, some screens long."""
    return "\n".join(_lines(found)) + "\n"


def _lines(found: Findings) -> Iterator[str]:
    yield from _about(found)
    for risk, kinds in found.rates.items():
        catalogs = [each for each in found.catalogs if each.risk == risk]
        yield from _asked(risk, kinds, catalogs)
        yield from _wrong(found, risk)
    for each in found.tables:
        yield from _scenarios(each)
    if found.problems:
        yield ""
        yield f"{len(found.problems)} problems (not in the numbers):"
        yield from (f"  {each}" for each in found.problems[:_SHOWN_PROBLEMS])


def _about(found: Findings) -> Iterator[str]:
    first = found.catalogs[0].plan
    halves = len({each.half for each in found.catalogs})
    yield (
        f"{halves} catalogs, each of a random half of {len(first.skus) + len(first.left_out)} SKUs "
        f"({', '.join(map(str, found.settings['manifests']))}); "  # type: ignore[call-overload]
        f"models: detector {found.models[0][:12]}, embedder {found.models[1][:12]}"
    )
    yield (
        "Every photo is held against every catalog, as an item that lies there until the kiosk has "
        "decided. Rates: share of photos [95 % interval, whole things resampled]; things: share of "
        "which any photo in any catalog was accepted wrongly [exact interval]."
    )


def _asked(risk: float, kinds: Mapping[Kind, Rates], catalogs: Sequence[Catalog]) -> Iterator[str]:
    accept = [each.thresholds.accept for each in catalogs]
    prints = [each.thresholds.by_print for each in catalogs]
    yield ""
    yield f"ASKED: at most {percent(risk)} wrong accepts"
    yield f"limits: accept {_span(accept)}, by print {_span(prints)}"
    yield ""
    head = ["shown", "photos", "wrong", "rate", "things", "releases state", "kept", "asked kept"]
    yield from table(head, [_row(kind, each, risk) for kind, each in kinds.items()])
    yield ""
    head = ["shown", *(said.value for said in Said if said is not Said.HINT), "category named"]
    yield from table(head, [_shares(kind, each) for kind, each in kinds.items()])
    known = kinds[Kind.KNOWN]
    yield ""
    yield f"coverage (known photos accepted rightly): {share(known.said[Said.RIGHT])}; " + (
        f"right among accepted: {share(known.accuracy)}"
    )
    other = kinds.get(Kind.OTHER)
    if other:
        yield f"other things: {_per_thousand(other.wrong_rate)} wrong accepts per 1,000 photos"


def _row(kind: Kind, found: Rates, risk: float) -> list[str]:
    stated = found.stated
    kept = NOT_MEASURED
    if stated is not None:
        kept = f"{found.within} of {len(found.halves)}"
    held = found.wrong <= risk * found.photos
    low = found.wrong_rate.low
    return [
        kind.value,
        f"{found.photos:,}",
        str(found.wrong),
        share(found.wrong_rate),
        f"{found.wrong_things} of {found.things}: {share(found.wrong_things_rate)}",
        "nothing" if stated is None else f"at most {_percents(*stated)}",
        kept,
        "yes" if held else "within the interval" if low is not None and low <= risk else "no",
    ]


def _shares(kind: Kind, found: Rates) -> list[str]:
    said = [share(found.said[each], interval=False) for each in Said if each is not Said.HINT]
    named = f"{found.named}, {found.named_right} right" if found.named else NOT_MEASURED
    return [kind.value, *said, named]


def _wrong(found: Findings, risk: float) -> Iterator[str]:
    counts: dict[tuple[str, str], list[float]] = {}
    for case in found.wrong[risk]:
        counts.setdefault((case.picture.sku, case.sku), []).append(case.similarity)
    if not counts:
        return
    yield ""
    order = sorted(counts.items(), key=lambda each: (-len(each[1]), each[0]))
    rows = [[sku, named, str(len(near)), f"{max(near):.3f}"] for (sku, named), near in order]
    yield from table(
        ["accepted wrongly: shown", "named", "times", "similarity"], rows[:_SHOWN_WRONG]
    )
    if len(rows) > _SHOWN_WRONG:
        yield f"and {len(rows) - _SHOWN_WRONG} pairs more; --json has all"


def _scenarios(found: Table) -> Iterator[str]:
    yield ""
    yield (
        f"SCENARIOS, asked {percent(found.risk)}, {found.group}: photos in a catalog of all SKUs; "
        "wrong: with hints (the rule alone); left out: the same photos without their SKU"
    )
    yield ""
    head = ["seen", "photos", "right", "choose, right there", "choose, not there", "hint"]
    head += ["unknown", "nothing", "wrong", "left out", "wrong", "stated", "kept"]
    yield from table(head, [_line(each) for each in found.lines])


def _line(found: Line) -> list[str]:
    shown = (Said.RIGHT, Said.OFFERED, Said.CHOOSE, Said.HINT, Said.UNKNOWN, Said.NOTHING)
    stated = [each for each in (found.stated, found.left_out_stated) if each is not None]
    return [
        found.way,
        str(found.photos),
        *(share(found.said[each], interval=False) for each in shown),
        f"{found.wrong} ({found.wrong_unhinted})",
        str(found.left_out) if found.left_out else NOT_MEASURED,
        f"{found.left_out_wrong} ({found.left_out_unhinted})" if found.left_out else NOT_MEASURED,
        " / ".join(map(percent, stated)) or "nothing",
        ("yes" if found.within else "no") if stated else NOT_MEASURED,
    ]


def share(found: Estimate, *, interval: bool = True) -> str:
    """`1.2 % [0.3, 2.2]`; a dash when there is nothing to measure."""
    if found.value is None:
        return NOT_MEASURED
    if not interval or found.low is None or found.high is None:
        return percent(found.value)
    return f"{percent(found.value)} [{100 * found.low:.3g}, {100 * found.high:.3g}]"


def percent(value: float) -> str:
    """`0.1 %`, three digits that matter."""
    return f"{100 * value:.3g} %"


def _percents(low: float, high: float) -> str:
    return percent(low) if percent(low) == percent(high) else f"{percent(low)} to {percent(high)}"


def _per_thousand(found: Estimate) -> str:
    if found.value is None:
        return NOT_MEASURED
    if found.low is None or found.high is None:
        return f"{1000 * found.value:.2f}"
    return f"{1000 * found.value:.2f} [{1000 * found.low:.2f}, {1000 * found.high:.2f}]"


def _span(values: Sequence[float]) -> str:
    return f"{min(values):.3f} to {max(values):.3f}"
