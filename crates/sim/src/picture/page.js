"use strict";
// The diagram and its table. All that they show is in the element #data; times are microseconds.
const data = JSON.parse(document.getElementById("data").textContent);
const [KIND, AT, END, LOST, NODE, TO, GROUP, TERM, SAY] = [0, 1, 2, 3, 4, 5, 6, 7, 8];
const $ = (id) => document.getElementById(id);
const kindOf = (word) => data.kinds.indexOf(word);
const K = Object.fromEntries(data.kinds.map((word, at) => [word, at]));
const style = { "AppendEntries": ["append", "→"], "heartbeats": ["heart", "→"], "RequestVote": ["vote", "→"],
  "reads": ["read", "→"], "forwards": ["forward", "→"], "InstallSnapshot": ["transfer", "→"],
  "other messages": ["soft", "→"], "leaderships": ["ink", "★"], "followers": ["soft", "☆"], "commits": ["good", "▾"],
  "disk syncs": ["soft", "▂"], "checkpoints": ["transfer", "◆"], "client calls": ["good", "⊔"], "crashes": ["bad", "✕"],
  "power losses": ["bad", "ϟ"], "starts": ["good", "▸"], "pauses": ["soft", "▬"], "partitions": ["hatch", "▨"],
  "disk faults": ["bad", "!"], "notes": ["ink", "·"] };
const MESSAGES = new Set(["AppendEntries", "heartbeats", "RequestVote", "reads", "forwards", "InstallSnapshot", "other messages"].map(kindOf));
const MARKS = new Set(["followers", "commits", "checkpoints", "crashes", "power losses", "starts", "disk faults", "notes"].map(kindOf));
const TINTS = ["#56b4e9", "#e69f00", "#009e73", "#cc79a7", "#d5b000", "#d55e00"];
const shots = data.shots, end = Math.max(1, data.end);
const name = (node) => node < 0 ? "" : "n" + (node + 1);
const ms = (us) => (us / 1000).toFixed(us < 1e7 ? 2 : 1);

const state = { group: 1, off: new Set(), from: data.view[0], to: data.view[1], chosen: -1, page: 0 };
const longest = shots.reduce((most, it) => it[KIND] !== K["pauses"] ? Math.max(most, it[END] - it[AT]) : most, 0);
const shown = (it) => !state.off.has(it[KIND]) && (it[GROUP] < 0 || it[GROUP] === state.group);
const first = (at) => { let [low, high] = [0, shots.length];
  while (low < high) { const mid = (low + high) >> 1; shots[mid][AT] < at ? low = mid + 1 : high = mid; } return low; };

// Calls that overlap at a node stand below each other.
const level = new Map();
{ const ends = [];
  shots.forEach((it, at) => {
    if (it[KIND] !== K["client calls"]) return;
    const rows = ends[it[NODE]] ??= [0, 0, 0];
    const row = Math.max(0, rows.findIndex((end) => end <= it[AT]));
    rows[row] = it[END] < 0 ? it[AT] + 20000 : it[END];
    level.set(it, row);
  }); }
const under = (it) => 15 + 12 * level.get(it);

// What lasts: leaderships, absences, cuts. Few, so they are gone through every time.
let spans = [];
function lasting() {
  spans = [];
  const open = {};
  const shut = (key, at) => { if (open[key]) { open[key].to = at; delete open[key]; } };
  const begin = (key, span) => { shut(key, span.from); open[key] = { to: end, ...span }; spans.push(open[key]); };
  for (let node = 0; node < data.nodes; node++) begin("down" + node, { what: "down", node, from: 0 });
  shots.forEach((it, at) => {
    const [kind, node] = [it[KIND], it[NODE]];
    if (kind === K["leaderships"] && it[GROUP] === state.group) {
      begin("lead" + node, { what: "lead", node, from: it[AT], term: it[TERM], at });
    } else if (kind === K["followers"] && it[GROUP] === state.group) {
      shut("lead" + node, it[AT]);
    } else if (kind === K["crashes"] || kind === K["power losses"]) {
      shut("lead" + node, it[AT]);
      begin("down" + node, { what: "down", node, from: it[AT] });
    } else if (kind === K["starts"]) {
      shut("down" + node, it[AT]);
    } else if (kind === K["pauses"]) {
      spans.push({ what: "pause", node, from: it[AT], to: it[END] });
    } else if (kind === K["partitions"]) {
      if (node < 0) shut("cut" + it[TERM], it[AT]);
      else begin("cut" + it[TERM], { what: "cut", node, other: it[TO], from: it[AT] });
    } else if (kind === K["notes"] && node < 0) {
      Object.keys(open).filter((key) => key.startsWith("cut")).forEach((key) => shut(key, it[AT]));
    }
  });
}

const canvas = $("diagram"), pen = canvas.getContext("2d");
const LEFT = 44, TOP = 30, ROW = Math.max(64, Math.min(120, 420 / data.nodes));
const HEIGHT = TOP + ROW * data.nodes + 14;
let width = 1000, colour = {};
const y = (node) => TOP + ROW * (node + 0.45);
const x = (at) => LEFT + (at - state.from) / (state.to - state.from) * (width - LEFT - 8);
const timeAt = (px) => state.from + (px - LEFT) / (width - LEFT - 8) * (state.to - state.from);

function measure() {
  const ratio = window.devicePixelRatio || 1;
  width = Math.max(320, canvas.parentElement.clientWidth);
  canvas.style.height = HEIGHT + "px";
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(HEIGHT * ratio);
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  const css = getComputedStyle(document.documentElement);
  ["paper", "ink", "soft", "line", "rule", "panel", "append", "heart", "vote", "read", "forward", "transfer", "good",
    "bad", "mark", "hatch"].forEach((it) => { colour[it] = css.getPropertyValue("--" + it).trim(); });
  draw();
}

let due = false;
function draw() { if (!due) { due = true; requestAnimationFrame(() => { due = false; paint(); table(); }); } }

function paint() {
  pen.fillStyle = colour.paper;
  pen.fillRect(0, 0, width, HEIGHT);
  pen.font = "12px system-ui, sans-serif";
  rule();
  pen.save();
  pen.beginPath();
  pen.rect(LEFT, 0, width - LEFT, HEIGHT);
  pen.clip();
  spans.filter((it) => it.what === "lead").forEach(lead);
  lanes();
  spans.filter((it) => it.what !== "lead" && it.what !== "down").forEach(trouble);
  const visible = inView();
  const messages = visible.filter((at) => MESSAGES.has(shots[at][KIND]));
  const detail = messages.length < 160;
  pen.globalAlpha = messages.length > 1500 ? 0.35 : messages.length > 500 ? 0.6 : 1;
  messages.forEach((at) => arrow(shots[at], false, detail && messages.length < 45));
  pen.globalAlpha = 1;
  visible.filter((at) => !MESSAGES.has(shots[at][KIND])).forEach((at) => mark(shots[at], detail));
  spans.filter((it) => it.what === "lead").forEach(title);
  if (state.chosen >= 0) choose();
  pen.restore();
}

function inView() {
  const found = [];
  for (let at = first(state.from - longest); at < shots.length && shots[at][AT] <= state.to; at++) {
    if (shown(shots[at]) && Math.max(shots[at][END], shots[at][AT]) >= state.from) found.push(at);
  }
  return found;
}

function rule() {
  const span = state.to - state.from;
  let step = 10 ** Math.floor(Math.log10(span / 5));
  step *= span / step > 25 ? 5 : span / step > 10 ? 2 : 1;
  pen.textAlign = "center";
  for (let at = Math.ceil(state.from / step) * step; at <= state.to; at += step) {
    pen.strokeStyle = colour.rule;
    pen.beginPath(); pen.moveTo(x(at), 20); pen.lineTo(x(at), HEIGHT); pen.stroke();
    pen.fillStyle = colour.soft;
    pen.fillText((at / 1000).toLocaleString("en", { maximumFractionDigits: 3 }) + " ms", x(at), 14);
  }
  pen.textAlign = "left";
  for (let node = 0; node < data.nodes; node++) {
    pen.fillStyle = colour.ink;
    pen.font = "bold 14px system-ui, sans-serif";
    pen.fillText(name(node), 12, y(node) + 5);
  }
  pen.font = "12px system-ui, sans-serif";
}

function lead(it) {
  if (it.to < state.from || it.from > state.to || state.off.has(K["leaderships"])) return;
  const [a, b] = [Math.max(x(it.from), LEFT - 2), x(it.to)];
  pen.globalAlpha = 0.38;
  pen.fillStyle = TINTS[it.term % TINTS.length];
  pen.fillRect(a, y(it.node) - 13, Math.max(2, b - a), 26);
  pen.globalAlpha = 1;
}

function title(it) {
  const [a, b] = [Math.max(x(it.from), LEFT - 2), x(it.to)];
  if (b < LEFT || a > width || b - a < 30 || state.off.has(K["leaderships"])) return;
  const text = b - a > 110 ? "★ leader of term " + it.term : "★ " + it.term;
  pen.strokeStyle = colour.paper; pen.lineWidth = 4; pen.strokeText(text, a + 5, y(it.node) - 17);
  pen.fillStyle = colour.ink; pen.lineWidth = 1; pen.fillText(text, a + 5, y(it.node) - 17);
}

function lanes() {
  pen.strokeStyle = colour.line;
  pen.lineWidth = 1.5;
  for (let node = 0; node < data.nodes; node++) {
    pen.beginPath(); pen.moveTo(LEFT, y(node)); pen.lineTo(width, y(node)); pen.stroke();
  }
  spans.filter((it) => it.what === "down" && it.to > state.from && it.from < state.to).forEach((it) => {
    pen.strokeStyle = colour.paper; pen.lineWidth = 5;
    pen.beginPath(); pen.moveTo(x(it.from), y(it.node)); pen.lineTo(x(it.to), y(it.node)); pen.stroke();
    pen.strokeStyle = colour.line; pen.lineWidth = 1.5; pen.setLineDash([2, 5]);
    pen.beginPath(); pen.moveTo(x(it.from), y(it.node)); pen.lineTo(x(it.to), y(it.node)); pen.stroke();
    pen.setLineDash([]);
  });
  pen.lineWidth = 1;
}

function trouble(it) {
  if (it.to < state.from || it.from > state.to) return;
  const [a, b] = [Math.max(x(it.from), LEFT - 4), Math.min(x(it.to), width + 4)];
  if (it.what === "pause" && !state.off.has(K["pauses"])) {
    pen.strokeStyle = colour.line; pen.lineWidth = 9; pen.globalAlpha = 0.6;
    pen.beginPath(); pen.moveTo(a, y(it.node)); pen.lineTo(b, y(it.node)); pen.stroke();
    pen.lineWidth = 1; pen.globalAlpha = 1;
    pen.fillStyle = colour.ink; pen.fillText("stands still", a + 4, y(it.node) - 8);
  }
  if (it.what !== "cut" || state.off.has(K["partitions"])) return;
  pen.strokeStyle = colour.hatch;
  if (it.other >= 0) {
    pen.setLineDash([6, 4]);
    const middle = (y(it.node) + y(it.other)) / 2;
    pen.beginPath(); pen.moveTo(a, middle); pen.lineTo(b, middle); pen.stroke();
    pen.setLineDash([]);
    pen.fillStyle = colour.hatch;
    pen.fillText("nothing from " + name(it.node) + " to " + name(it.other), a + 4, middle - 3);
    return;
  }
  pen.save();
  pen.beginPath(); pen.rect(a, y(it.node) - 20, b - a, 40); pen.clip();
  pen.globalAlpha = 0.3;
  for (let at = a - 40 - ((a - 40) % 9); at < b; at += 9) {
    pen.beginPath(); pen.moveTo(at, y(it.node) + 20); pen.lineTo(at + 40, y(it.node) - 20); pen.stroke();
  }
  pen.restore();
  pen.fillStyle = colour.hatch;
  if (b - a > 44) pen.fillText("cut off", a + 4, y(it.node) + 32);
}

function ends(it) {
  const gone = it[END] < 0 ? it[AT] + (state.to - state.from) * 0.02 : it[END];
  const [xa, ya, xb, yb] = [x(it[AT]), y(it[NODE]), x(gone), y(it[TO])];
  return it[LOST] && it[END] < 0 ? [xa, ya, xa + (xb - xa) * 0.5, ya + (yb - ya) * 0.5] : [xa, ya, xb, yb];
}

function arrow(it, strong, words) {
  const [xa, ya, xb, yb] = ends(it);
  const ink = strong ? colour.mark : colour[style[data.kinds[it[KIND]]][0]];
  pen.strokeStyle = pen.fillStyle = ink;
  pen.lineWidth = strong ? 3 : it[KIND] === K["heartbeats"] ? 0.8 : 1.3;
  if (it[LOST]) pen.setLineDash([5, 4]);
  pen.beginPath(); pen.moveTo(xa, ya); pen.lineTo(xb, yb); pen.stroke();
  pen.setLineDash([]);
  const turn = Math.atan2(yb - ya, xb - xa);
  if (it[LOST]) cross(xb, yb, 4);
  else {
    pen.beginPath(); pen.moveTo(xb, yb);
    [2.75, -2.75].forEach((by) => pen.lineTo(xb + 8 * Math.cos(turn + by), yb + 8 * Math.sin(turn + by)));
    pen.fill();
  }
  pen.lineWidth = 1;
  if (words) {
    pen.save();
    pen.translate(xa + (xb - xa) * 0.3, ya + (yb - ya) * 0.3);
    pen.rotate(turn > Math.PI / 2 || turn < -Math.PI / 2 ? turn + Math.PI : turn);
    pen.font = "10.5px system-ui, sans-serif";
    const text = it[SAY].split(/[:;]/)[0] + (it[TERM] ? " · term " + it[TERM] : "");
    pen.strokeStyle = colour.paper; pen.lineWidth = 3; pen.strokeText(text, 4, -3);
    pen.fillText(text, 4, -3);
    pen.restore();
  }
}

function cross(px, py, by) {
  pen.beginPath(); pen.moveTo(px - by, py - by); pen.lineTo(px + by, py + by);
  pen.moveTo(px - by, py + by); pen.lineTo(px + by, py - by); pen.stroke();
}

function mark(it, detail) {
  if (it[NODE] < 0) {
    pen.strokeStyle = colour.soft; pen.setLineDash([3, 3]);
    pen.beginPath(); pen.moveTo(x(it[AT]), 20); pen.lineTo(x(it[AT]), HEIGHT); pen.stroke(); pen.setLineDash([]);
    return;
  }
  const word = data.kinds[it[KIND]], px = x(it[AT]), py = y(it[NODE]);
  const ink = colour[style[word][0]];
  pen.strokeStyle = pen.fillStyle = ink;
  if (word === "disk syncs") {
    pen.fillStyle = it[LOST] ? colour.bad : colour.soft;
    pen.fillRect(px, py + 4, Math.max(1, x(it[END]) - px), 4);
  } else if (word === "client calls") {
    const to = it[END] < 0 ? px + 14 : x(it[END]);
    pen.strokeStyle = pen.fillStyle = it[LOST] ? colour.bad : colour.good;
    if (it[LOST]) pen.setLineDash([3, 2]);
    const top = py + under(it);
    pen.beginPath(); pen.moveTo(px, top - 3); pen.lineTo(px, top + 4); pen.lineTo(to, top + 4);
    if (it[END] >= 0) pen.lineTo(to, top - 3);
    pen.stroke(); pen.setLineDash([]);
    if (detail && to - px > 60) {
      pen.save(); pen.beginPath(); pen.rect(px + 2, top - 9, to - px - 4, 12); pen.clip();
      pen.font = "10.5px system-ui, sans-serif"; pen.fillText(it[SAY], Math.max(px, LEFT) + 4, top + 1); pen.restore();
    }
  } else if (word === "commits") {
    pen.beginPath(); pen.moveTo(px - 4, py - 9); pen.lineTo(px + 4, py - 9); pen.lineTo(px, py - 1); pen.fill();
  } else if (word === "crashes") { pen.lineWidth = 2.5; cross(px, py, 7); pen.lineWidth = 1; }
  else if (word === "pauses" || word === "partitions" || word === "leaderships") return;
  else if (word === "checkpoints") {
    pen.beginPath(); pen.moveTo(px, py - 8); pen.lineTo(px + 6, py); pen.lineTo(px, py + 8); pen.lineTo(px - 6, py); pen.fill();
  } else {
    pen.font = "bold 17px system-ui, sans-serif"; pen.textAlign = "center";
    pen.fillText(style[word][1], px, py + 6);
    pen.textAlign = "left"; pen.font = "12px system-ui, sans-serif";
  }
}

function choose() {
  const it = shots[state.chosen];
  if (MESSAGES.has(it[KIND]) && it[TO] >= 0) return arrow(it, true, true);
  pen.strokeStyle = colour.mark; pen.lineWidth = 2.5;
  const px = x(it[AT]), py = it[NODE] < 0 ? TOP : y(it[NODE]);
  pen.beginPath(); pen.arc(px, py, 13, 0, 7); pen.stroke(); pen.lineWidth = 1;
}

function tell(it) {
  const way = it[TO] >= 0 ? name(it[NODE]) + " → " + name(it[TO]) : name(it[NODE]);
  const time = it[END] >= 0 ? ms(it[AT]) + " to " + ms(it[END]) + " ms" : ms(it[AT]) + " ms";
  const lost = it[LOST] && MESSAGES.has(it[KIND]) ? ", does not arrive" : "";
  return [time, way, it[TERM] && it[KIND] !== K["partitions"] ? "term " + it[TERM] : "", it[SAY] + lost].filter(Boolean).join(" · ");
}

function near(px, py) {
  let [best, least] = [-1, 9];
  for (const at of inView()) {
    const it = shots[at];
    let far = 99;
    if (MESSAGES.has(it[KIND])) {
      const [xa, ya, xb, yb] = ends(it), [dx, dy] = [xb - xa, yb - ya];
      const part = Math.max(0, Math.min(1, ((px - xa) * dx + (py - ya) * dy) / (dx * dx + dy * dy || 1)));
      far = Math.hypot(px - xa - part * dx, py - ya - part * dy) + 1;
    } else if (it[NODE] >= 0 && it[KIND] === K["client calls"]) {
      const to = it[END] < 0 ? x(it[AT]) + 14 : x(it[END]);
      far = px >= x(it[AT]) - 2 && px <= to + 2 ? Math.abs(py - y(it[NODE]) - under(it)) : 99;
    } else if (it[NODE] >= 0 && it[KIND] === K["disk syncs"]) {
      far = px >= x(it[AT]) - 1 && px <= x(it[END]) + 1 ? Math.abs(py - y(it[NODE]) - 6) + 2 : 99;
    } else if (it[NODE] >= 0) far = Math.hypot(px - x(it[AT]), py - y(it[NODE])) * 0.7;
    if (far < least) [best, least] = [at, far];
  }
  return best;
}

function pick(at, move) {
  state.chosen = at;
  if (at < 0) { $("chosen").textContent = "Nothing is chosen."; return draw(); }
  const it = shots[at], span = state.to - state.from;
  if (move && (it[AT] < state.from + span * 0.05 || it[AT] > state.to - span * 0.05)) view(it[AT] - span / 2, it[AT] + span / 2);
  $("chosen").textContent = tell(it);
  const place = listed().indexOf(at);
  if (place >= 0) state.page = Math.floor(place / PAGE);
  draw();
}

function view(from, to) {
  const span = Math.min(end, Math.max(200, to - from));
  state.from = Math.max(-span * 0.02, Math.min(end * 1.02 - span, from));
  state.to = state.from + span;
  if ($("inview").checked) state.page = 0;
  draw();
}
const zoom = (by, at = (state.from + state.to) / 2) => view(at - (at - state.from) * by, at + (state.to - at) * by);
const pan = (part) => view(state.from + (state.to - state.from) * part, state.to + (state.to - state.from) * part);
function hop(way) {
  const leads = spans.filter((it) => it.what === "lead");
  const here = state.chosen >= 0 ? shots[state.chosen][AT] : way > 0 ? state.from - 1 : state.to;
  const next = way > 0 ? leads.find((it) => it.from > here) : leads.findLast((it) => it.from < here);
  if (next) { const span = state.to - state.from; view(next.from - span * 0.6, next.from + span * 0.4); pick(next.at, false); }
}
function stride(way) {
  const all = inView();
  const here = all.indexOf(state.chosen);
  pick(all[Math.max(0, Math.min(all.length - 1, here + way))] ?? -1, true);
}

const PAGE = 200;
let cache = null, cached = "";
function listed() {
  const key = [state.group, [...state.off], $("inview").checked && [state.from, state.to], $("words").value].join();
  if (cached === key) return cache;
  const words = $("words").value.toLowerCase();
  const all = $("inview").checked ? inView() : shots.map((_, at) => at).filter((at) => shown(shots[at]));
  cached = key;
  cache = words ? all.filter((at) => tell(shots[at]).toLowerCase().includes(words)) : all;
  return cache;
}
let drawn = "";
function table() {
  const all = listed(), pages = Math.max(1, Math.ceil(all.length / PAGE));
  state.page = Math.max(0, Math.min(pages - 1, state.page));
  const key = cached + "|" + state.page + "|" + state.chosen;
  if (drawn === key) return;
  drawn = key;
  $("where").textContent = all.length + " events, page " + (state.page + 1) + " of " + pages;
  const rows = all.slice(state.page * PAGE, (state.page + 1) * PAGE).map((at) => {
    const it = shots[at], row = document.createElement("tr");
    [ms(it[AT]), name(it[NODE]), name(it[TO]), null, it[TERM] && it[KIND] !== K["partitions"] ? it[TERM] : "",
      it[SAY] + (it[LOST] && MESSAGES.has(it[KIND]) ? " (does not arrive)" : "")].forEach((text) => {
      const cell = row.insertCell();
      if (text !== null) { cell.textContent = text; return; }
      const button = cell.appendChild(document.createElement("button"));
      button.type = "button"; button.textContent = data.kinds[it[KIND]];
    });
    row.onclick = () => pick(at, true);
    if (at === state.chosen) row.className = "on";
    return row;
  });
  $("rows").replaceChildren(...rows);
  const on = $("rows").querySelector(".on");
  if (on) $("scroll").scrollTop = Math.max(0, on.offsetTop - 100);
}

function legend() {
  data.kinds.forEach((word, kind) => {
    if (!shots.some((it) => it[KIND] === kind)) return;
    const label = $("kinds").appendChild(document.createElement("label"));
    const box = label.appendChild(document.createElement("input"));
    box.type = "checkbox"; box.checked = true;
    box.onchange = () => { box.checked ? state.off.delete(kind) : state.off.add(kind); draw(); };
    const sign = label.appendChild(document.createElement("i"));
    sign.textContent = style[word][1]; sign.style.color = `var(--${style[word][0]})`;
    label.append(word);
  });
  document.querySelectorAll("[name=group]").forEach((it) => it.onchange = () => {
    state.group = Number(it.value); lasting(); draw(); });
}

let grip = null;
canvas.onpointerdown = (event) => { grip = { x: event.offsetX, from: state.from, to: state.to, moved: false }; canvas.setPointerCapture(event.pointerId); };
canvas.onpointermove = (event) => {
  if (grip) {
    const by = (event.offsetX - grip.x) / (width - LEFT) * (grip.to - grip.from);
    if (Math.abs(event.offsetX - grip.x) > 3) grip.moved = true;
    if (grip.moved) { $("tip").hidden = true; view(grip.from - by, grip.to - by); }
    return;
  }
  const at = near(event.offsetX, event.offsetY), tip = $("tip");
  tip.hidden = at < 0;
  if (at >= 0) {
    tip.textContent = data.kinds[shots[at][KIND]] + "\n" + tell(shots[at]);
    tip.style.left = Math.min(event.offsetX + 14, Math.max(0, width - 380)) + "px";
    tip.style.top = Math.min(event.offsetY + 14, HEIGHT - 50) + "px";
  }
};
canvas.onpointerup = (event) => { if (grip && !grip.moved) pick(near(event.offsetX, event.offsetY), false); grip = null; };
canvas.onpointerleave = () => { $("tip").hidden = true; };
canvas.addEventListener("wheel", (event) => { event.preventDefault();
  event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY) ? pan(Math.sign(event.deltaX || event.deltaY) * 0.1)
    : zoom(event.deltaY > 0 ? 1.25 : 0.8, timeAt(event.offsetX)); }, { passive: false });
canvas.onkeydown = (event) => {
  const act = { ArrowLeft: () => pan(-0.2), ArrowRight: () => pan(0.2), "+": () => zoom(0.7), "=": () => zoom(0.7),
    "-": () => zoom(1.43), Home: () => view(0, end), "[": () => hop(-1), "]": () => hop(1), ",": () => stride(-1),
    ".": () => stride(1), Escape: () => pick(-1, false) }[event.key];
  if (act) { event.preventDefault(); act(); }
};
const press = { in: () => zoom(0.7), out: () => zoom(1.43), left: () => pan(-0.2), right: () => pan(0.2), all: () => view(0, end),
  before: () => hop(-1), after: () => hop(1), first: () => { state.page = 0; draw(); },
  prev: () => { state.page--; draw(); }, next: () => { state.page++; draw(); } };
Object.entries(press).forEach(([id, act]) => { $(id).onclick = act; });
$("inview").onchange = $("words").oninput = () => { state.page = 0; draw(); };
if (data.left) { $("cut").hidden = false; $("cut").textContent = data.left; }
window.addEventListener("resize", measure);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", measure);
legend(); lasting(); measure();
