/** Colours that stay apart in light and dark mode, on paper, and for most colour-blind readers. */
export const STYLE = `
:root { color-scheme: light dark; --page: #fff; --text: #1c2024; --soft: #60646c; --rule: #dcdfe4; --shade: #f5f6f8;
  --pass: #17713b; --fail: #c02b2b; --stated: #0b66a8; --skipped: #7a5a00;
  --measured: #0b66a8; --unpromised: #a15c00; --global: #a03d93; --sparse: #7db4dc; --local: #0b66a8; }
@media screen and (prefers-color-scheme: dark) { :root { --page: #15171a; --text: #e6e8eb; --soft: #a0a6ae;
  --rule: #33373d; --shade: #1e2125; --pass: #5fcf8a; --fail: #ff7b72; --stated: #6cb6f5; --skipped: #e0b54a;
  --measured: #6cb6f5; --unpromised: #e8a35a; --global: #d98acb; --sparse: #2c5a80; --local: #6cb6f5; } }
@media print { :root { color-scheme: light; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 60rem; padding: 2rem 1.25rem 4rem; background: var(--page); color: var(--text);
  font: 16px/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 1rem; }
h2 { font-size: 1.15rem; margin: 2.5rem 0 .75rem; }
h3 { font-size: 1rem; margin: 1.25rem 0 .25rem; }
p { margin: .25rem 0 .75rem; }
.verdict { display: flex; gap: .9rem; align-items: baseline; padding: .9rem 1.1rem; border-left: .4rem solid;
  background: var(--shade); font-size: 1.1rem; }
.verdict p { margin: 0; color: var(--text); }
.word { font-weight: 700; white-space: nowrap; }
.pass { color: var(--pass); } .fail { color: var(--fail); }
.stated { color: var(--stated); } .skipped { color: var(--skipped); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1.25rem; margin: 1.25rem 0; }
dt { color: var(--soft); } dd { margin: 0; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .92rem; font-variant-numeric: tabular-nums; }
th, td { padding: .45rem .75rem .45rem 0; text-align: left; vertical-align: top; border-top: 1px solid var(--rule); }
th { color: var(--soft); font-weight: 500; border-top: 0; white-space: nowrap; }
.number { text-align: right; white-space: nowrap; }
.soft { color: var(--soft); }
table.plain { width: auto; min-width: 50%; }
ul { margin: .25rem 0 .75rem; padding-left: 1.25rem; max-height: 24rem; overflow: auto; }
table.plain td { white-space: pre-wrap; }
figure { margin: 0 0 1.5rem; overflow-x: auto; } figcaption { color: var(--soft); font-size: .92rem; }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(20rem, 1fr)); gap: 0 1.5rem; }
summary { cursor: pointer; color: var(--soft); }
footer { margin-top: 3rem; color: var(--soft); font-size: .85rem; }
.chart { display: block; width: 100%; min-width: 32rem; height: auto; font-size: 12px; }
.pair .chart { min-width: 0; }
.chart text { fill: var(--text); stroke: none; } .chart .tick { fill: var(--soft); }
.chart .grid { stroke: var(--rule); } .chart .axis { stroke: var(--soft); }
.chart .line { fill: none; stroke: currentColor; stroke-width: 1.8; stroke-linejoin: round; }
.chart circle { fill: currentColor; stroke: currentColor; stroke-width: 1.4; }
.chart .measured { color: var(--measured); } .chart .unpromised { color: var(--unpromised); }
.chart .unpromised circle { fill: var(--page); }
.chart .alternative { color: var(--unpromised); } .chart .alternative circle { fill: var(--page); }
.chart .rival-1 { color: var(--measured); } .chart .rival-2 { color: var(--unpromised); }
.chart .rival-3 { color: var(--pass); } .chart .rival-4 { color: var(--global); }
.chart .rival-5 { color: var(--fail); } .chart .rival-6 { color: var(--skipped); }
.chart .bar { fill: none; stroke: currentColor; stroke-width: 1; opacity: .6; }
.chart .border-line { stroke: var(--soft); stroke-dasharray: 2 4; }
.chart .limit { color: var(--text); } .chart .limit .line { stroke-dasharray: 6 4; stroke-width: 1.3; }
.chart .over { color: var(--fail); } .chart .cross { fill: none; stroke: currentColor; stroke-width: 2.4; }
.chart .local { fill: var(--local); } .chart .sparse { fill: var(--sparse); }
.chart .global { fill: var(--global); } .chart .unseen { fill: var(--shade); stroke: var(--rule); }
.chart .border { stroke: var(--page); stroke-width: .8; }
@media print { body { max-width: none; padding: 0; font-size: 11pt; print-color-adjust: exact; }
  ul { max-height: none; } figure, tr, .verdict { break-inside: avoid; } h2, h3 { break-after: avoid; }
  details::details-content { content-visibility: visible; block-size: auto; } }
`;
