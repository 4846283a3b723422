"""The colours of day and night, and the layout: one column on a phone, more on a wide page.

Every colour of text is read on both backgrounds with a contrast of 4.5 at least; a test computes
it.
"""

from __future__ import annotations

DAY = {
    "ground": "#ffffff",
    "panel": "#f3f5f8",
    "text": "#1a2027",
    "soft": "#505b66",
    "rule": "#c9d1d9",
    "s0": "#0b57a4",
    "s1": "#b3400a",
    "s2": "#1d6f42",
    "s3": "#7a2e8e",
    "s4": "#6b5b00",
    "s5": "#56606b",
}
NIGHT = {
    "ground": "#12161b",
    "panel": "#1c232b",
    "text": "#e6ebf0",
    "soft": "#a6b1bc",
    "rule": "#3d4853",
    "s0": "#6cb3ff",
    "s1": "#ff9e64",
    "s2": "#6fd39a",
    "s3": "#d7a1f0",
    "s4": "#e0cc5a",
    "s5": "#b6bfc9",
}
_BASE = """
*{box-sizing:border-box}
html{font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;
 background:var(--ground);color:var(--text);-webkit-text-size-adjust:100%}
body{margin:0 auto;max-width:64rem;padding:0 1rem 3rem;overflow-wrap:anywhere}
h1{font-size:1.7rem;line-height:1.2;margin:1.2rem 0 .4rem}
h2{font-size:1.25rem;margin:2.4rem 0 .5rem;border-top:1px solid var(--rule);padding-top:1rem}
h3{font-size:1rem;margin:1.4rem 0 .3rem}
p{margin:.5rem 0;max-width:46rem}
.soft,figcaption,dt,summary{color:var(--soft)}
a{color:var(--s0)}
a:focus-visible,summary:focus-visible,[tabindex="0"]:focus-visible{
 outline:3px solid var(--s1);outline-offset:2px}
.skip{position:absolute;left:-100rem}
.skip:focus{left:.5rem;top:.5rem;background:var(--ground);padding:.5rem}
.hidden{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);
 white-space:nowrap}
nav ul{display:flex;flex-wrap:wrap;gap:.2rem 1.1rem;list-style:none;padding:0;margin:.8rem 0}
nav a{display:inline-block;padding:.35rem 0}
dl{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,13rem),1fr));
 gap:.3rem 1.5rem;margin:.6rem 0}
dt{font-size:.85rem}
dd{margin:0;unicode-bidi:isolate}
.key dd{font-size:1.35rem}
.scroll{overflow-x:auto;position:relative;max-width:100%;margin:.6rem 0}
table{border-collapse:collapse;font-variant-numeric:tabular-nums;overflow-wrap:normal}
th,td{padding:.3rem .7rem .3rem 0;text-align:right;border-bottom:1px solid var(--rule);
 vertical-align:top;unicode-bidi:isolate;white-space:nowrap}
th{font-weight:400}
thead th{color:var(--soft);font-size:.85rem;vertical-align:bottom;white-space:normal}
th[scope=row]{text-align:left;white-space:normal;overflow-wrap:anywhere;min-width:6.5rem;
 max-width:18rem}
thead th:first-child{text-align:left}
.words td{text-align:left;white-space:normal;max-width:20rem}
.words thead th{text-align:left}
.long{display:inline-block;min-width:14rem}
.right{font-weight:700}
pre{margin:0;padding:.7rem;background:var(--panel);white-space:pre;font-size:.85rem}
.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,20rem),1fr));gap:1rem}
figure{margin:0;max-width:30rem;min-width:0}
figure>svg{width:100%;height:auto;display:block}
svg{color:var(--text);overflow:visible}
svg text{fill:currentColor;font-size:12px}
.rule{stroke:var(--rule);stroke-width:1;fill:none}
.line{fill:none;stroke-width:2}
.line.quiet{stroke:var(--soft);stroke-width:1.2}
.legend{list-style:none;padding:0;margin:.3rem 0;font-size:.9rem}
.swatch{width:34px;height:12px}
.bar{width:190px;height:18px;display:block}
.images{display:grid;grid-template-columns:repeat(auto-fill,minmax(9rem,1fr));gap:1rem;padding:0;
 list-style:none}
.images img{max-width:100%;height:auto;image-rendering:pixelated;border:1px solid var(--rule)}
.note{background:var(--panel);padding:.6rem .8rem;border-left:4px solid var(--s1)}
footer{margin-top:3rem;font-size:.85rem}
@media print{nav,.skip{display:none}}
"""


def style() -> str:
    """Return the style sheet of the page."""
    lines = "".join(
        f".line.s{k}{{stroke:var(--s{k})}}.dot.s{k}{{fill:var(--s{k})}}" for k in range(6)
    )
    return (
        f":root{{color-scheme:light dark;{_variables(DAY)}}}\n"
        f"@media (prefers-color-scheme:dark){{:root{{{_variables(NIGHT)}}}}}{_BASE}{lines}\n"
    )


def _variables(colours: dict[str, str]) -> str:
    return "".join(f"--{name}:{value};" for name, value in colours.items())
