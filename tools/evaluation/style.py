# SPDX-License-Identifier: Apache-2.0
"""How the page looks: readable on paper and on a screen, light or dark, without a network."""

from __future__ import annotations

STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --paper: #ffffff; --faint: #667080;
  --line: #d7dce2; --blue: #1f6feb; --soft: #1f6feb2b; --green: #1a7f4b; --bad: #b3261e;
  --card: #f5f7f9; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ee; --paper: #14171b; --faint: #9aa4b2;
  --line: #343b45; --blue: #6cabff; --soft: #6cabff2b; --green: #55c78a; --bad: #ff8a80;
  --card: #1d2127; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 76rem; padding: 1.5rem; color: var(--ink);
  background: var(--paper); font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.7rem; margin: 0 0 .3rem; } h2 { font-size: 1.25rem; margin: 2.4rem 0 .6rem; }
p { margin: .4rem 0; max-width: 60rem; } .faint, small { color: var(--faint); }
.cards { display: flex; flex-wrap: wrap; gap: .8rem; margin: 1.2rem 0; }
.card { background: var(--card); border-radius: .6rem; padding: .7rem 1rem; min-width: 9.5rem; }
.card b { display: block; font-size: 1.8rem; line-height: 1.2; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .92rem; }
th, td { padding: .35rem .8rem .35rem 0; border-bottom: 1px solid var(--line);
  text-align: right; vertical-align: top; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; white-space: normal; min-width: 11rem; }
td span { display: block; color: var(--faint); font-size: .8rem; }
.charts { display: flex; flex-wrap: wrap; gap: 1.2rem; } .chart { width: 260px; }
.chart h3 { font-size: 1rem; margin: 0; } .chart p { font-size: .82rem; margin: 0; }
.chart small { display: block; }
svg text { font: 11px system-ui, sans-serif; fill: var(--ink); } svg .faint { fill: var(--faint); }
svg .grid { stroke: var(--line); } svg polyline { fill: none; stroke-width: 2; }
svg .top1 { stroke: var(--blue); } svg .top5 { stroke: var(--green); stroke-dasharray: 4 3; }
svg .band { fill: var(--soft); } svg .dot { fill: var(--blue); }
.pairs { display: flex; flex-wrap: wrap; gap: .9rem; }
.pair { background: var(--card); border-radius: .6rem; padding: .7rem; }
.pair h3 { font-size: .95rem; margin: 0 0 .4rem; max-width: 36rem; overflow-wrap: anywhere; }
.row { display: flex; gap: .6rem; } figure { margin: 0; width: 172px; }
figure img { max-width: 100%; height: auto; border-radius: .3rem; display: block; }
figcaption { font-size: .8rem; color: var(--faint); overflow-wrap: anywhere; }
.none { width: 172px; height: 120px; border: 1px dashed var(--line); border-radius: .3rem; }
.bad { color: var(--bad); } ul { padding-left: 1.2rem; } li { overflow-wrap: anywhere; }
"""
