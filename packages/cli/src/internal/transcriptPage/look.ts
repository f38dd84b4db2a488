/**
 * The style and the script of the page.
 */

export const style = `
:root{--bg:#fbfbfa;--card:#fff;--ink:#1d1f23;--soft:#666c75;--line:#e2e3e6;--accent:#2f6fde;--good:#1f8a4c;--bad:#c0392b;
--wait:#b7791f;--code:#f4f4f2;--add:#e2f5e8;--del:#fde7e5;--addink:#14602f;--delink:#8e231a;color-scheme:light}
@media(prefers-color-scheme:dark){:root:not([data-theme=light]){--bg:#15171a;--card:#1c1f23;--ink:#e6e7e9;--soft:#9aa1ab;--line:#2e3238;
--accent:#7aa7f7;--good:#5cc288;--bad:#f0867a;--wait:#dfae5b;--code:#121417;--add:#15331f;--del:#3b1a17;--addink:#9be0b4;--delink:#f5b1a8;color-scheme:dark}}
:root[data-theme=dark]{--bg:#15171a;--card:#1c1f23;--ink:#e6e7e9;--soft:#9aa1ab;--line:#2e3238;
--accent:#7aa7f7;--good:#5cc288;--bad:#f0867a;--wait:#dfae5b;--code:#121417;--add:#15331f;--del:#3b1a17;--addink:#9be0b4;--delink:#f5b1a8;color-scheme:dark}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--ink);font:15px/1.5 system-ui,sans-serif;overflow-wrap:anywhere}
header{position:sticky;top:0;z-index:1;background:var(--bg);border-bottom:1px solid var(--line);padding:.6rem 1rem}
header,main{max-width:70rem;margin:0 auto}main{padding:1rem}
main.side{max-width:none;display:grid;grid-template-columns:repeat(auto-fit,minmax(min(26rem,100%),1fr));gap:1.5rem}
article{min-width:0}
h1{font-size:1.15rem;margin:0 0 .4rem}h2{font-size:1.05rem;margin:0}h2 small{font-weight:400;color:var(--soft)}
h2 small span{margin-left:.7em}
.bar{display:flex;flex-wrap:wrap;gap:.5rem;align-items:center}
input,button{font:inherit;color:inherit;background:var(--card);border:1px solid var(--line);border-radius:.4rem;padding:.25rem .6rem}
input{flex:1 1 10rem;min-width:0}button{cursor:pointer}output{color:var(--soft);font-size:.85rem}
.tiles{display:grid;grid-template-columns:repeat(auto-fill,minmax(8.5rem,1fr));gap:.6rem}
.tile{background:var(--card);border:1px solid var(--line);border-radius:.6rem;padding:.6rem .8rem}
.tile b{display:block;font-size:1.25rem}.tile span,.tile em{display:block;font-size:.8rem;color:var(--soft)}.tile em{color:var(--bad);font-style:normal}
dl{display:grid;grid-template-columns:auto 1fr;gap:.15rem 1rem;margin:1rem 0}dt{color:var(--soft)}dd{margin:0}
.cut{color:var(--wait)}.id{margin:0 0 .4rem;color:var(--soft);font-size:.75rem}
figure{margin:1rem 0;overflow-x:auto}figcaption{color:var(--soft);font-size:.85rem}
svg{display:block;width:100%;min-width:36rem;height:auto;background:var(--card);border:1px solid var(--line);border-radius:.6rem}
svg text{fill:var(--soft);font:11px system-ui,sans-serif}
svg .turn{fill:var(--line)}svg .command{fill:var(--accent)}svg .change{fill:var(--good)}svg .tool{fill:#8e6cd8}svg .message,svg .thought,svg .other{fill:var(--soft)}
svg .approval{fill:var(--wait)}svg .error{fill:var(--bad)}svg .grid{stroke:var(--line)}svg .curve{fill:none;stroke:var(--accent);stroke-width:2}
section.turn{border-left:3px solid var(--line);padding-left:.9rem;margin:1.6rem 0}section.good{border-color:var(--good)}section.bad{border-color:var(--bad)}
.piece{background:var(--card);border:1px solid var(--line);border-radius:.5rem;margin:.4rem 0;padding:.4rem .7rem}
summary{cursor:pointer}.piece,summary{display:flow-root}summary{display:list-item}.piece b{font-size:.8rem;color:var(--soft);font-weight:600}
.head{font-family:ui-monospace,monospace;font-size:.88rem}.piece.message .head{font-family:inherit;font-size:.95rem}
.status{margin-left:.6rem;color:var(--soft);font-size:.82rem}time{float:right;color:var(--soft);font-size:.78rem;margin:.15rem 0 0 .6rem}
.bad>summary .status,div.bad .status{color:var(--bad)}.piece.approval{border-left:3px solid var(--wait)}.piece.error{border-left:3px solid var(--bad)}.piece.warning{border-left:3px solid var(--wait)}article>h2{margin-bottom:.6rem}
pre{background:var(--code);border-radius:.4rem;padding:.6rem;margin:.5rem 0 .2rem;white-space:pre-wrap;font:12.5px/1.45 ui-monospace,monospace;max-height:32rem;overflow:auto}
.piece.message[open]>summary .head{display:none}.message>pre.text{background:none;padding:0;font:inherit;max-height:none}
.gap{color:var(--wait)}.add{background:var(--add);color:var(--addink)}.del{background:var(--del);color:var(--delink)}.hunk{color:var(--accent)}
.plan ul{list-style:none;padding:0;margin:.4rem 0}.plan li::before{content:"○ "}.plan li.done::before{content:"● ";color:var(--good)}.plan li.doing::before{content:"◐ ";color:var(--wait)}
.before{max-width:70rem;margin:0 auto;padding:1rem 1rem 0}.wide{overflow-x:auto}
table{border-collapse:collapse;width:100%;min-width:34rem;table-layout:fixed;font-size:.88rem;margin:.5rem 0}
th,td{border-top:1px solid var(--line);padding:.3rem .5rem;text-align:left;vertical-align:top}
tr>:first-child{width:9rem;font-weight:400;color:var(--soft)}tr>:last-child{width:5.5rem;color:var(--soft);font-size:.8rem}
td .status{display:block;margin:0}td pre{max-height:12rem;margin:0}
tr.changed>.mark,.compared.changed>summary .status{color:var(--wait)}tr.onlyA{background:var(--del)}tr.onlyB{background:var(--add)}tr.changed{background:var(--code)}
[hidden]{display:none!important}
@media(max-width:40rem){main{padding:.6rem}section.turn{padding-left:.5rem}.before{padding:.6rem .6rem 0}
table{min-width:0}table,tbody,tr,th,td{display:block;width:auto!important}thead{display:none}tr{border-top:1px solid var(--line);padding:.3rem}
th,td{border:0;padding:.1rem .2rem}td.a:not(:empty)::before{content:"A ";color:var(--soft)}td.b:not(:empty)::before{content:"B ";color:var(--soft)}td:empty{display:none}}
@page{margin:14mm}
@media print{:root,:root[data-theme=dark]{--bg:#fff;--card:#fff;--ink:#000;--soft:#50555c;--line:#cfd1d5;--accent:#2f6fde;--good:#1f8a4c;--bad:#b03024;
--wait:#8f5d12;--code:#f4f4f2;--add:#e2f5e8;--del:#fde7e5;--addink:#14602f;--delink:#8e231a;color-scheme:light}
*{print-color-adjust:exact;-webkit-print-color-adjust:exact}body{font-size:10.5pt}
header{position:static;border:0}.bar{display:none}header,main,.before{max-width:none;padding:0}main.side{display:block}article{break-before:page}
details::details-content{display:block;content-visibility:visible;block-size:auto}summary{list-style:none}summary::-webkit-details-marker{display:none}
pre,td pre{max-height:none;overflow:visible}figure,.wide{overflow:visible}svg,table{min-width:0}
h1,h2,summary,.id,thead{break-after:avoid}div.piece,summary,figure,.tile,tr,dl{break-inside:avoid}pre{orphans:3;widows:3}}
`

export const script = `
const all=(selector)=>Array.from(document.querySelectorAll(selector))
const set=(open)=>all("details").forEach((each)=>{each.open=open})
document.getElementById("open").onclick=()=>set(true)
document.getElementById("close").onclick=()=>set(false)
document.getElementById("theme").onclick=()=>{
  const root=document.documentElement
  const dark=root.dataset.theme?root.dataset.theme==="dark":matchMedia("(prefers-color-scheme: dark)").matches
  root.dataset.theme=dark?"light":"dark"
}
let folded=[]
addEventListener("beforeprint",()=>{folded=all("details:not([open])");set(true)})
addEventListener("afterprint",()=>folded.forEach((each)=>{each.open=false}))
const pieces=all(".piece").map((piece)=>[piece,piece.textContent.toLowerCase()])
const hits=document.getElementById("hits")
document.getElementById("search").oninput=(event)=>{
  const words=event.target.value.trim().toLowerCase()
  let found=0
  for(const [piece,text] of pieces){
    const isHit=text.includes(words)
    piece.hidden=!isHit
    if(isHit)found++
  }
  hits.textContent=words===""?"":found+" of "+pieces.length
}
document.documentElement.dataset.ready="true"
`
