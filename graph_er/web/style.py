"""How the page looks: fonts of the system alone, and colours that go with light and dark."""

from __future__ import annotations

from graph_er.display.page import WIDTH
from graph_er.report.palette import DARK, LIGHT

FONTS = (
    *("system-ui", "-apple-system", "Segoe UI", "Noto Sans KR", "Noto Sans CJK KR"),
    *("Apple SD Gothic Neo", "Malgun Gothic", "NanumGothic", "sans-serif"),
)
MONOSPACE = ("ui-monospace", "Consolas", "NanumGothicCoding", "monospace")

CSS = f"""
/* Korean lines end between words, as Koreans write, unless a word is longer than its line. */
.gradio-container {{ max-width: 1240px !important; margin: 0 auto !important;
  word-break: keep-all; overflow-wrap: break-word; }}
#head h1 {{ font-size: 1.6rem; margin: 0 0 4px; }}
.ger-muted {{ color: var(--block-label-text-color); font-size: .875rem; margin: 0; }}
#table, #table * {{ font-family: var(--font); word-break: keep-all; }}
.ger-done {{ margin: 0; font-weight: 600; }}
.ger-error {{ border: 1px solid var(--error-border-color); background: var(--error-background-fill);
  border-radius: 8px; padding: 10px 14px; color: var(--error-text-color); }}
.ger-error pre {{ white-space: pre-wrap; overflow-wrap: anywhere; margin: 6px 0 0;
  max-height: 16em; overflow-y: auto; font-size: .85rem; background: none; }}
.ger-legend {{ display: flex; flex-wrap: wrap; gap: 4px 16px; margin: 8px 0; font-size: .875rem; }}
.ger-legend i {{ display: inline-block; width: 12px; height: 12px; border-radius: 3px;
  margin-right: 6px; vertical-align: -1px; }}
.ger-scroll {{ overflow: auto; max-height: 560px; }}
/* Wide ones scroll by themselves; the page is not to grow with them. */
#table, .ger-scroll {{ contain: inline-size; }}
.ger svg {{ display: block; width: 100%; min-width: 720px; height: auto; }}
.ger svg text {{ font-size: 12px; }}
/* However wide its letters, no name runs into the turns. */
.ger svg .name {{ fill: var(--body-text-color); font-size: 13px; font-weight: 600;
  clip-path: inset(0 {WIDTH + 26}px 0 0) view-box; }}
.ger svg .clock {{ fill: var(--block-label-text-color); font-size: 11px; text-anchor: middle; }}
.ger svg .lane {{ fill: var(--border-color-primary); fill-opacity: .4; }}
.ger svg .label {{ text-anchor: middle; pointer-events: none; }}
.ger svg .under {{ fill: {LIGHT.paper}; }}
/* Pale and dark colours alike are to be seen on the page. */
.ger svg .box {{ stroke: var(--block-label-text-color); stroke-width: 1px; }}
.ger-legend i, .ger-bar b i, .ger-why b i {{
  box-shadow: inset 0 0 0 1px var(--block-label-text-color); }}
.ger svg .turn {{ cursor: pointer; outline: none; }}
.ger svg .turn:hover .box, .ger svg .turn:focus-visible .box {{
  stroke: var(--body-text-color); stroke-width: 2px; }}
.ger-said {{ margin: 0 0 8px; overflow-wrap: anywhere; max-height: 9em; overflow-y: auto; }}
#timeline h2, .ger-reasons h2 {{ font-size: 1rem; }}
.ger h3 {{ margin: 10px 0 2px; font-size: .875rem; overflow-wrap: anywhere; }}
.ger-reasons h2 {{ margin: 14px 0 2px; }}
.ger-bar, .ger-why {{ display: grid; gap: 8px; align-items: center; font-size: .85rem;
  line-height: 1.7; }}
.ger-bar {{ grid-template-columns: 5.5em 1fr 3em; }}
.ger-why {{ grid-template-columns: minmax(0, 10em) 1fr 8.5em; }}
.ger-bar span, .ger-why span {{ overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }}
.ger-bar b i {{ display: block; height: 9px; border-radius: 3px; min-width: 1px; }}
.ger-why b {{ display: block; position: relative; height: 12px;
  background: linear-gradient(var(--border-color-primary) 0 0) center / 1px 100% no-repeat; }}
.ger-why b i {{ position: absolute; top: 1px; height: 10px; min-width: 1px; border-radius: 2px; }}
.ger-why .for {{ left: 50%; background: {LIGHT.methods[2]}; }}
.ger-why .against {{ right: 50%; background: {LIGHT.methods[3]}; }}
.ger-why em {{ white-space: nowrap; }}
.dark .ger-why .for {{ background: {DARK.methods[2]}; }}
.dark .ger-why .against {{ background: {DARK.methods[3]}; }}
.ger-bar em, .ger-why em {{ font-style: normal; font-variant-numeric: tabular-nums; }}
.ger-bar em {{ text-align: right; }}
.ger-why small {{ color: var(--block-label-text-color); }}
@media (max-width: 500px) {{
  .row:has(#head) {{ flex-wrap: wrap; }}
  #head {{ flex-basis: 100%; }}
}}
/* Beside the table, too, there is little room for bars then. */
@media (max-width: 1080px) {{
  .ger-why {{ grid-template-columns: 1fr auto; gap: 0 8px; margin-bottom: 4px; }}
  .ger-why b {{ grid-area: 2 / 1 / auto / -1; }}
}}
"""
