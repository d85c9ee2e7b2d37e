# SPDX-License-Identifier: Apache-2.0
"""The architecture, held by reading every import in `kiosk/` with `ast`."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "kiosk"

# Longest prefix wins. A module imports only modules of a lower layer, or of its own package.
LAYERS = {
    "kiosk": 0,
    "kiosk.values": 0,
    "kiosk.errors": 0,
    "kiosk.config": 0,
    "kiosk.log": 0,
    "kiosk.connection": 1,
    "kiosk.durable": 1,
    "kiosk.notify": 1,
    "kiosk.stamp": 1,
    "kiosk.sqlite_file": 2,
    "kiosk.vision.boxes": 1,
    "kiosk.vision.image": 1,
    "kiosk.vision.decode": 1,
    "kiosk.vision.session": 1,
    "kiosk.vision": 2,
    "kiosk.scene": 2,
    "kiosk.search": 2,
    "kiosk.barcode": 2,
    "kiosk.decide": 2,
    "kiosk.verify": 2,
    "kiosk.capture": 3,
    "kiosk.catalog": 3,
    "kiosk.refusals": 3,
    "kiosk.announcement": 3,
    "kiosk.imports": 4,
    "kiosk.event": 3,
    "kiosk.mqtt": 3,
    "kiosk.store": 4,
    "kiosk.workshop": 5,
    "kiosk.publish": 4,
    "kiosk.additions.values": 3,
    "kiosk.additions": 4,
    "kiosk.upload": 5,
    "kiosk.receive": 5,
    "kiosk.sync": 5,
    "kiosk.models": 3,
    "kiosk.orders.values": 3,
    "kiosk.orders": 4,
    "kiosk.recognise": 4,
    "kiosk.journal": 4,
    "kiosk.board": 4,
    "kiosk.replay": 5,
    "kiosk.station": 5,
    "kiosk.api": 5,
    "kiosk.web": 5,
    "kiosk.service": 6,
    "kiosk.demo": 6,
    "kiosk.check": 6,
    "kiosk.bench": 6,
    "kiosk.cli": 7,
    "kiosk.__main__": 8,
}
# Packages whose modules may import each other (without cycles, which a second test proves).
PACKAGES = (
    "additions",
    "api",
    "capture",
    "catalog",
    "cli",
    "config",
    "decide",
    "imports",
    "journal",
    "refusals",
    "orders",
    "publish",
    "receive",
    "scene",
    "recognise",
    "replay",
    "search",
    "service",
    "station",
    "store",
    "sync",
    "upload",
    "verify",
    "web",
    "workshop",
)

THIRD_PARTIES = {
    "annoy": {"kiosk.search.annoy_index"},
    "cryptography": {"kiosk.publish"},
    "dask": {"kiosk.catalog.engines"},
    "distributed": {"kiosk.catalog.engines"},
    "fsspec": {"kiosk.publish"},
    "paho": {"kiosk.mqtt", "kiosk.receive", "kiosk.upload"},
    "psycopg": {"kiosk.receive", "kiosk.workshop"},
    "securesystemslib": {"kiosk.publish", "kiosk.sync"},
    "tuf": {"kiosk.publish", "kiosk.sync"},
    "urllib3": {"kiosk.connection", "kiosk.sync", "kiosk.upload"},
    "cv2": {
        "kiosk.capture.video",
        "kiosk.scene",
        "kiosk.vision.features",
        "kiosk.vision.image",
        "kiosk.vision.prepare",
    },
    "flask": {"kiosk.api", "kiosk.receive", "kiosk.web"},
    "libcamera": {"kiosk.capture.picamera"},
    "numpy": {"kiosk"},
    "onnxruntime": {"kiosk.vision.session"},
    "picamera2": {"kiosk.capture.picamera"},
    "PIL": {"kiosk.vision.decode", "kiosk.scene.art"},
    "sqlite3": {
        "kiosk.additions",
        "kiosk.catalog",
        "kiosk.journal",
        "kiosk.orders",
        "kiosk.receive",
        "kiosk.refusals",
        "kiosk.sqlite_file",
        "kiosk.upload",
        "kiosk.workshop",
    },
    "tqdm": {"kiosk.cli"},
    "waitress": {"kiosk.cli.receive", "kiosk.web"},
    "werkzeug": {"kiosk.api", "kiosk.receive", "kiosk.web"},
    "zxingcpp": {"kiosk.barcode"},
}


def modules() -> dict[str, Path]:
    found = {}
    for path in sorted(ROOT.rglob("*.py")):
        parts = ("kiosk", *path.relative_to(ROOT).with_suffix("").parts)
        found[".".join(part for part in parts if part != "__init__")] = path
    return found


MODULES = modules()


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                yield name if name in MODULES else str(node.module)


def under(name: str, prefix: str) -> bool:
    return name == prefix or name.startswith(prefix + ".")


def layer(name: str) -> int:
    prefixes = [prefix for prefix in LAYERS if prefix != "kiosk" and under(name, prefix)]
    return LAYERS[max(prefixes, key=len)] if prefixes else LAYERS.get(name, -1)


@pytest.mark.parametrize("name", MODULES)
def test_every_module_has_a_layer(name: str) -> None:
    assert layer(name) >= 0 or name == "kiosk", f"give {name} a layer"


@pytest.mark.parametrize("name", MODULES)
def test_a_module_imports_only_lower_layers_or_its_own_package(name: str) -> None:
    for imported in imports(MODULES[name]):
        if not under(imported, "kiosk") or imported == "kiosk":
            continue
        lower = layer(imported) < layer(name)
        same_package = any(
            under(name, f"kiosk.{package}") and under(imported, f"kiosk.{package}")
            for package in PACKAGES
        )
        vocabulary = layer(name) == 0 and layer(imported) == 0
        assert lower or same_package or vocabulary or layer_one(name, imported), (
            f"{name} (layer {layer(name)}) imports {imported} (layer {layer(imported)})"
        )


def layer_one(name: str, imported: str) -> bool:
    # Pixels know boxes; nothing else in layer 1 knows another.
    return imported == "kiosk.vision.boxes" and layer(name) == 1


@pytest.mark.parametrize("name", MODULES)
def test_third_parties_are_imported_only_where_the_table_allows(name: str) -> None:
    for imported in imports(MODULES[name]):
        package = imported.split(".")[0]
        if package == "kiosk" or (package in sys.stdlib_module_names and package != "sqlite3"):
            continue
        allowed = THIRD_PARTIES.get(package)
        assert allowed is not None, f"{name} imports {package}, which is in no table"
        assert any(under(name, prefix) for prefix in allowed), f"{name} imports {package}"


def test_no_module_is_part_of_an_import_cycle() -> None:
    graph = {
        name: {other for other in imports(path) if other in MODULES and other != name}
        for name, path in MODULES.items()
    }
    done: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, " -> ".join((*trail, name))
        if name in done:
            return
        for other in graph[name]:
            visit(other, (*trail, name))
        done.add(name)

    for name in graph:
        visit(name, ())


def test_modules_stay_small() -> None:
    long = {n: len(p.read_text().splitlines()) for n, p in MODULES.items()}
    assert {name: lines for name, lines in long.items() if lines > 300} == {}


def test_functions_stay_under_sixty_lines() -> None:
    for name, path in MODULES.items():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or 0) - node.lineno + 1
                assert lines <= 60, f"{name}.{node.name} has {lines} lines"


def test_nothing_in_the_product_imports_the_tools() -> None:
    for name, path in MODULES.items():
        assert not any(under(imported, "tools") for imported in imports(path)), name
