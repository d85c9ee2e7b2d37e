# SPDX-License-Identifier: Apache-2.0
"""The demo shop's articles: fictional brands, in-store barcodes, two pairs of look-alikes, three
outsiders.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Product:
    """One article of the demo shop. Those with `in_catalog` False stand on the counter but in no
    catalog.
    """

    sku: str
    name: str
    category: str
    barcode: str
    in_catalog: bool = True
    look_alikes: tuple[str, ...] = ()
    attributes: tuple[tuple[str, str], ...] = ()


def ean13(article: int) -> str:
    """In-store EAN-13 (prefix 20) of an article number below 10**10, check digit included."""
    body = f"20{article:010d}"
    weighted = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(body))
    return body + str(-weighted % 10)


_ROWS: tuple[tuple[str, str, str, str, str], ...] = (
    ("CTN-GRANOLA", "Morning Field Oat & Berry Crunch", "cartons", "450 g", "5.90"),
    ("CTN-TEA", "Alpental Herb Garden Tea", "cartons", "20 bags", "3.40"),
    ("CTN-PASTA", "Luna & Sole Penne Rigate", "cartons", "500 g", "2.20"),
    ("CTN-OATDRINK", "Nordhav Oat Drink Barista", "cartons", "1 L", "2.80"),
    ("CTN-BISCUIT", "Petit Moulin Dark Chocolate Biscuits", "cartons", "175 g", "3.10"),
    ("CTN-BULB", "Lumen Warm White LED 8 W", "cartons", "E27", "6.50"),
    ("CTN-CALM-200", "Calmoral 200 mg Tablets", "cartons", "24 tablets", "7.20"),
    ("CTN-CALM-400", "Calmoral 400 mg Tablets", "cartons", "24 tablets", "9.80"),
    ("CAN-ZINGO-TEAL", "Zingo Orange Classic (teal band)", "cans", "330 ml", "1.20"),
    ("CAN-ZINGO-PLUM", "Zingo Orange Zero (plum band)", "cans", "330 ml", "1.20"),
    ("CAN-TOMATO", "Rosso Vivo Peeled Tomatoes", "cans", "400 g", "1.70"),
    ("CAN-TUNA", "Maris Tuna in Olive Oil", "cans", "160 g", "2.90"),
    ("CAN-COFFEE", "Black Heron Cold Brew", "cans", "250 ml", "2.40"),
    ("CAN-CHICKPEA", "Green Acre Chickpeas", "cans", "400 g", "1.40"),
    ("BTL-OLIVE", "Colline d'Oro Extra Virgin Olive Oil", "bottles", "500 ml", "11.90"),
    ("BTL-WATER", "Isfjord Still Glacier Water", "bottles", "500 ml", "1.10"),
    ("BTL-JUICE", "Solana Mango & Lime Juice", "bottles", "300 ml", "3.20"),
    ("BTL-CHILI", "Dragon Field Chili Sauce", "bottles", "200 ml", "3.70"),
    ("BTL-SHAMPOO", "Lavanna Calming Shampoo", "bottles", "250 ml", "4.60"),
    ("BTL-HONEY", "Wildhive Blossom Honey", "bottles", "350 g", "6.90"),
    ("RNG-SAPPHIRE", "Halo Ring, gold with sapphire", "rings", "size 54", "890.00"),
    ("RNG-BAND", "Braided Band, white gold", "rings", "size 58", "420.00"),
    ("RNG-RUBY", "Trilogy Ring, rose gold with rubies", "rings", "size 52", "760.00"),
    ("PDT-HEART", "Heart Pendant, silver", "pendants", "45 cm", "95.00"),
    ("PDT-SUN", "Sun Medallion, gold", "pendants", "50 cm", "310.00"),
    ("PDT-DROP", "Teardrop Pendant, emerald", "pendants", "45 cm", "540.00"),
)
_OUTSIDERS: tuple[tuple[str, str, str], ...] = (
    ("OUT-PARCEL", "Brown parcel", "cartons"),
    ("OUT-SPRAY", "Glossolux spray paint", "cans"),
    ("OUT-DUCK", "Rubber duck", "toys"),
)
_PAIRS = {
    "CTN-CALM-200": "CTN-CALM-400",
    "CTN-CALM-400": "CTN-CALM-200",
    "CAN-ZINGO-TEAL": "CAN-ZINGO-PLUM",
    "CAN-ZINGO-PLUM": "CAN-ZINGO-TEAL",
}


def _catalog() -> tuple[Product, ...]:
    listed = [
        Product(
            sku,
            name,
            category,
            ean13(4_170_000 + 37 * number),
            True,
            (_PAIRS[sku],) if sku in _PAIRS else (),
            (("size", size), ("price", price)),
        )
        for number, (sku, name, category, size, price) in enumerate(_ROWS, start=1)
    ]
    outside = [
        Product(sku, name, category, ean13(9_900_000 + number), False)
        for number, (sku, name, category) in enumerate(_OUTSIDERS, start=1)
    ]
    return (*listed, *outside)


PRODUCTS: tuple[Product, ...] = _catalog()
