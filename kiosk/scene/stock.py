# SPDX-License-Identifier: Apache-2.0
"""From a product to its solid: measures, artwork and material of every article."""

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache

from kiosk.scene import bottle_art, can_art, carton_art, household_art, pendant_forms, ring_forms
from kiosk.scene import round_shapes as shapes
from kiosk.scene.carton import Carton
from kiosk.scene.carton_faces import Design, Faces
from kiosk.scene.duck_form import duck
from kiosk.scene.products import PRODUCTS
from kiosk.scene.relief import Form, Relief
from kiosk.scene.round_shapes import BottleShape, bottle
from kiosk.scene.sprite import Solid
from kiosk.scene.turned import Turned
from kiosk.scene.view import Pixels, View

_CARTONS: dict[str, tuple[tuple[float, float, float], Design]] = {
    "CTN-GRANOLA": ((11.5, 16.0, 5.0), carton_art.granola),
    "CTN-TEA": ((12.5, 9.5, 7.0), carton_art.tea),
    "CTN-PASTA": ((8.6, 16.5, 4.6), carton_art.pasta),
    "CTN-OATDRINK": ((7.6, 16.0, 7.6), carton_art.oat_drink),
    "CTN-BISCUIT": ((16.5, 7.0, 6.0), carton_art.biscuits),
    "CTN-BULB": ((8.4, 12.0, 8.4), household_art.bulb),
    "CTN-CALM-200": ((13.5, 7.2, 4.8), household_art.tablets("200 mg")),
    "CTN-CALM-400": ((13.5, 7.2, 4.8), household_art.tablets("400 mg")),
    "OUT-PARCEL": ((14.0, 9.5, 10.0), household_art.parcel),
}
_CANS: dict[str, tuple[shapes.Shape, can_art.Label]] = {
    "CAN-ZINGO-TEAL": (
        lambda: shapes.drink_can(3.7, 12.6, "#f47c12"),
        can_art.soda("#0fa3a3", "#0b6f75"),
    ),
    "CAN-ZINGO-PLUM": (
        lambda: shapes.drink_can(3.7, 12.6, "#f47c12"),
        can_art.soda("#8e2a86", "#5c1a5e"),
    ),
    "CAN-TOMATO": (lambda: shapes.food_can(4.2, 11.6), can_art.tomatoes),
    "CAN-TUNA": (lambda: shapes.food_can(5.3, 5.0), can_art.tuna),
    "CAN-COFFEE": (lambda: shapes.drink_can(3.05, 14.2, "#1b1d20"), can_art.coffee),
    "CAN-CHICKPEA": (lambda: shapes.food_can(4.2, 11.0), can_art.chickpeas),
    "OUT-SPRAY": (lambda: shapes.spray_can(3.3, 16.2), can_art.spray),
}
_BOTTLES: dict[str, tuple[BottleShape, can_art.Label]] = {
    "BTL-OLIVE": (
        BottleShape(
            3.6, 10.6, 1.35, 14.0, 17.0, "#8a8f1e", "#c9a64a", (2.0, 9.6), paper=shapes.PAPER
        ),
        bottle_art.olive_oil,
    ),
    "BTL-WATER": (
        BottleShape(
            3.3,
            12.2,
            1.35,
            15.0,
            17.0,
            "#a6dcf2",
            "#1767a0",
            (5.0, 9.4),
            paper=shapes.VARNISH,
            waist=0.28,
        ),
        bottle_art.water,
    ),
    "BTL-JUICE": (
        BottleShape(
            3.6, 8.8, 2.1, 12.2, 14.2, "#ffae1f", "#ffffff", (1.2, 8.2), paper=shapes.PAPER
        ),
        bottle_art.juice,
    ),
    "BTL-CHILI": (
        BottleShape(
            2.9, 9.6, 1.1, 13.2, 15.8, "#d8341c", "#1d1d1f", (1.4, 8.8), paper=shapes.VARNISH
        ),
        bottle_art.hot_sauce,
    ),
    "BTL-SHAMPOO": (
        BottleShape(
            3.5,
            12.6,
            2.4,
            13.8,
            16.6,
            "#d9caef",
            "#6a43a8",
            (0.9, 12.0),
            shapes.PLASTIC,
            shapes.VARNISH,
            False,
        ),
        bottle_art.shampoo,
    ),
    "BTL-HONEY": (
        BottleShape(4.4, 7.6, 3.7, 8.8, 10.8, "#f2a01c", "#d9b13f", (1.2, 7.0), paper=shapes.PAPER),
        bottle_art.honey,
    ),
}
_FORMS: dict[str, Callable[[], Form]] = {
    "RNG-SAPPHIRE": ring_forms.sapphire_ring,
    "RNG-BAND": ring_forms.braided_band,
    "RNG-RUBY": ring_forms.ruby_ring,
    "PDT-HEART": pendant_forms.heart,
    "PDT-SUN": pendant_forms.sun_medallion,
    "PDT-DROP": pendant_forms.emerald_drop,
    "OUT-DUCK": duck,
}
_CODES = {product.sku: product.barcode for product in PRODUCTS}


@lru_cache(maxsize=64)
def solid(sku: str, view: View) -> Solid:
    """The drawable item of a product in one view; built at first use and kept."""
    return build(sku, view)


def build(sku: str, view: View, step: float = 0.5) -> Solid:
    """A new drawable item of a product; `step` is the pixel pitch of traced forms."""
    if sku in _FORMS:
        form = _FORMS[sku]()
        if step >= 1.0:
            form = replace(form, turn_step=max(form.turn_step, 0.3))
        return Relief(form, view, step)
    if sku in _CARTONS:
        return Carton(_CARTONS[sku][0], _faces(sku), view)
    return Turned(_profile(sku).outline, _skin(sku), view, min(max(step, 0.6), 0.75))


@lru_cache(maxsize=2)
def _faces(sku: str) -> Faces:
    size, design = _CARTONS[sku]
    return design(size, _CODES[sku])


@lru_cache(maxsize=2)
def _skin(sku: str) -> Pixels:
    label = _CANS[sku][1] if sku in _CANS else _BOTTLES[sku][1]
    return _profile(sku).skin(label, _CODES[sku])


def _profile(sku: str) -> shapes.Build:
    return _CANS[sku][0]() if sku in _CANS else bottle(_BOTTLES[sku][0])
