# SPDX-License-Identifier: Apache-2.0
"""The comparison of prepared references, by its one command, on items that tiny models tell."""

from __future__ import annotations

from pathlib import Path

import pytest
from evaluate_toys import shop, write_manifest
from tiny_models import write_models

from kiosk.vision.prepare import CLEAN
from tools.evaluation.plan import Choice
from tools.evaluation.results import as_json
from tools.evaluation.run import Request, evaluate
from tools.preparation import main


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("preparation")
    write_models(root / "models")
    write_manifest(root / "manifest.csv", shop(root, range(3), photos=1))
    return root


def test_each_way_is_a_row_and_only_the_first_has_nothing_to_be_held_against(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ways = ("--way", "clean, light", "--step", "1")
    main([str(root / "manifest.csv"), "--models", str(root / "models"), *ways])
    head, *rows = capsys.readouterr().out.splitlines()
    assert head.split()[:2] == ["catalog", "prepared"]
    assert [row.split()[0] for row in rows] == ["references", "references", "3", "3"]
    assert ["clean, light" in row for row in rows] == [False, True, False, True]
    assert [" [" in row for row in rows] == [False, True, False, True]


def test_a_run_says_how_its_references_were_prepared(root: Path) -> None:
    def asked(*steps: str) -> str:
        request = Request(
            manifests=(root / "manifest.csv",),
            choice=Choice(),
            models=str(root / "models"),
            prepare=steps,
        )
        return as_json(evaluate(request, lambda what, done, total: None))  # type: ignore[arg-type]

    plain, clean = asked(), asked(CLEAN)
    assert '"prepare": []' in plain and f'"{CLEAN}"' in clean
