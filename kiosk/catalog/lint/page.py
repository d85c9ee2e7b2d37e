# SPDX-License-Identifier: Apache-2.0
"""A lint's report as one HTML file with its pictures in it: no script, nothing fetched.

Whatever comes out of a catalog is escaped.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from html import escape
from pathlib import Path

from kiosk.catalog.lint.findings import Finding, Pair, Report, Severity, Shown
from kiosk.catalog.lint.words import EXPLAINED, TITLES, counted, evidence, sections, summary
from kiosk.values import NEVER_APART

MOST_PICTURES = 3000
"""Pictures in one file: with some 10 KB each a browser still opens it."""
_STYLE = Path(__file__).with_name("page.css")
_MOST_PAIRS, _MOST_SKUS = 12, 200


def to_html(report: Report, release: Path) -> str:
    """The page; thumbnails are read from the release folder `release`.

    A thumbnail that cannot be read is left blank.
    """
    return "\n".join(_Page(report, release).lines()) + "\n"


class _Page:
    def __init__(self, report: Report, release: Path) -> None:
        self._report = report
        self._release = release
        self._left = MOST_PICTURES

    def lines(self) -> Iterator[str]:
        report = self._report
        title = f"Catalog check: release {escape(report.release)}"
        yield '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">'
        yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
        policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
        yield f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        yield f"<title>{title}</title>"
        yield f"<style>\n{_STYLE.read_text(encoding='utf-8')}</style>\n</head>\n<body>"
        margin = ""
        if report.margin < NEVER_APART:
            margin = f" To be accepted a SKU needs a lead of {report.margin:.3f} over the next one."
        yield f"<header><h1>Catalog check</h1>\n<p>{escape(summary(report))}</p>"
        yield (
            f'<p class="quiet">Release {escape(report.release)}, built {escape(report.built_at)}: '
            f"{counted(report.skus, 'SKU')}, {counted(report.pictures, 'picture')}.{margin}</p>"
        )
        yield from self._contents()
        yield "</header>\n<main>"
        for number, (severity, code, findings) in enumerate(sections(report.findings)):
            yield f'<section id="s{number}"><h2>{_badge(severity)} {escape(TITLES[code])}</h2>'
            yield f'<p class="quiet">{escape(EXPLAINED[code])} ({escape(code)})</p>'
            for finding in findings:
                yield from self._card(finding)
            yield "</section>"
        yield "</main>\n</body>\n</html>"

    def _contents(self) -> Iterator[str]:
        found = list(sections(self._report.findings))
        if found:
            yield "<nav><ul>"
            for number, (severity, code, findings) in enumerate(found):
                link = f'<a href="#s{number}">{escape(TITLES[code])}</a>'
                yield f"<li>{_badge(severity)} {link} <b>{len(findings)}</b></li>"
            yield "</ul></nav>"

    def _card(self, finding: Finding) -> Iterator[str]:
        yield "<article>"
        yield f'<h3 dir="auto">{escape(finding.message)}</h3>'
        if finding.pairs:
            for pair in finding.pairs[:_MOST_PAIRS]:
                yield from self._pair(pair)
            if len(finding.pairs) > _MOST_PAIRS:
                yield f"<p>{len(finding.pairs) - _MOST_PAIRS} more pairs are in the JSON.</p>"
        elif finding.pictures:
            yield '<div class="row">'
            yield from (self._picture(picture) for picture in finding.pictures)
            yield "</div>"
        if not finding.pictures or len(finding.skus) > 2:
            yield from self._skus(finding)
        yield f'<p class="advice" dir="auto">{escape(finding.advice)}</p>\n</article>'

    def _pair(self, pair: Pair) -> Iterator[str]:
        yield '<div class="row pair">'
        yield self._picture(pair.left)
        yield self._picture(pair.right)
        yield f"</div><p>{escape(evidence(pair))}</p>"

    def _picture(self, picture: Shown) -> str:
        record = self._report.records.get(picture.sku)
        name = record.name if record and record.name != picture.sku else ""
        role = f'<span class="quiet">{escape(picture.role)}</span><br>' if picture.role else ""
        return (
            f'<figure>{self._image(picture)}<figcaption dir="auto">{role}'
            f"<b>{escape(picture.sku)}</b><br>"
            f"{escape(name)}{'<br>' if name else ''}<small>{escape(picture.name)}</small>"
            "</figcaption></figure>"
        )

    def _image(self, picture: Shown) -> str:
        self._left -= 1
        try:
            data = picture.thumbnail.read(self._release) if self._left >= 0 else b""
        except OSError:
            data = b""
        if not data:
            return '<div class="none">no picture</div>'
        source = f"data:image/jpeg;base64,{b64encode(data).decode()}"
        return f'<img src="{source}" alt="{escape(picture.name)}" loading="lazy">'

    def _skus(self, finding: Finding) -> Iterator[str]:
        shown = finding.skus[:_MOST_SKUS]
        items = "".join(f'<li dir="auto">{escape(sku)}</li>' for sku in shown)
        more = len(finding.skus) - len(shown)
        rest = f"<li>and {more} more</li>" if more else ""
        many = len(finding.skus) > 12
        if many:
            yield f"<details><summary>{counted(len(finding.skus), 'SKU')}</summary>"
        yield f'<ul class="skus">{items}{rest}</ul>'
        if many:
            yield "</details>"


def _badge(severity: Severity) -> str:
    return f'<span class="badge {severity}">{severity}</span>'
