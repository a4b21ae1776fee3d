// The timeline of a recording: turns are moved in the picture or in the table, which follow each other. What is sent
// is the text below, which is all that is shown without this script.

import { nonce, paint, whenScheme } from "./look.js";

const LANE = 34; // pixels, where there are few
const LEAST_LANE = 14;
const TALL = 480; // pixels that all lanes share, where there are many
const FAR = 1; // pixels a second, below which edges and names are not drawn
const LEAST = 0.05; // seconds
const wave = document.getElementById("wave");
const body = document.querySelector("#editor tbody");
const text = document.getElementById("turns");
const legend = document.querySelector(".timeline .legend");
const play = document.getElementById("play");
const duration = Number(wave.dataset.duration);
const lanes = []; // who, in the order of the lanes
const regions = new Map(); // by row
let wavesurfer = null;
let plugin = null;
let dirty = false;
let sent = false;

const rows = () => [...body.rows];
const field = (row, name) => row.querySelector(`[data-${name}]`);
const who = (row) => field(row, "who").value.trim();
const times = (row) => [Number(field(row, "start").value), Number(field(row, "end").value)];
const right = (row) => {
  const [start, end] = times(row);
  return start >= 0 && end - start >= LEAST && who(row) !== "";
};

function lane(name) {
  if (!lanes.includes(name)) {
    if (lanes.length >= legend.children.length) {
      const entry = document.createElement("li");
      entry.innerHTML = `<span class="swatch v${lanes.length % 8}"></span>`;
      entry.append(name);
      legend.append(entry);
    }
    lanes.push(name);
  }
  return lanes.indexOf(name);
}

function write() {
  text.value = rows()
    .map((row) => `${field(row, "start").value} ${field(row, "end").value} ${row.dataset.id} ${who(row)}`)
    .join("\n");
}

function fresh() {
  const row = document.getElementById("new").content.querySelector("tr").cloneNode(true);
  field(row, "play").disabled = play.disabled;
  return row;
}

function read() {
  const known = new Map(rows().map((row) => [row.dataset.id, row]));
  const lines = text.value.split("\n").filter((line) => line.trim());
  const found = lines.map((line) => {
    const [start, end, id = "-", ...name] = line.trim().split(/\s+/);
    const row = known.get(id) ?? fresh();
    known.delete(id);
    row.dataset.id = id;
    field(row, "start").value = start;
    field(row, "end").value = end;
    field(row, "who").value = name.join(" ");
    return row;
  });
  body.replaceChildren(...found);
  found.forEach(mark);
  dirty = true;
  if (wavesurfer) drawRows();
}

function mark(row) {
  const number = lane(who(row)) % 8;
  field(row, "swatch").className = `swatch v${number}`;
  for (const name of ["start", "end", "who"]) {
    field(row, name).setAttribute("aria-invalid", String(!right(row)));
  }
  return number;
}

function look(row) {
  const number = mark(row);
  const [start, end] = times(row);
  return { start, end, color: `color-mix(in srgb, var(--v${number}) 45%, transparent)` };
}

function lay() {
  // Each voice has a lane: the colour is not all that tells them apart.
  const count = Math.max(lanes.length, 1);
  wavesurfer.setOptions({ height: count * Math.max(LEAST_LANE, Math.min(LANE, TALL / count)), ...paint(wave) });
  for (const [row, region] of regions) {
    if (!region.element) continue;
    region.element.style.top = `${(100 * lane(who(row))) / count}%`;
    region.element.style.height = `${100 / count}%`;
  }
}

function drawRows() {
  plugin.clearRegions();
  regions.clear();
  rows().forEach(place);
  lay();
}

function place(row) {
  if (!plugin || !right(row)) return;
  const label = document.createElement("span");
  label.textContent = who(row);
  label.setAttribute("part", "name");
  const region = plugin.addRegion({ ...look(row), minLength: LEAST });
  region.element.append(label); // as its content, the library would compare it with all others, and move it
  regions.set(row, region);
  region.on("update", () => fill(row, region));
  region.on("update-end", () => changed(row));
  region.on("click", (event) => {
    event.stopPropagation();
    choose(row);
    field(row, "start").focus({ preventScroll: true });
  });
}

function fill(row, region) {
  field(row, "start").value = region.start.toFixed(3);
  field(row, "end").value = region.end.toFixed(3);
}

function changed(row) {
  dirty = true;
  mark(row);
  write();
}

function again(row) {
  regions.get(row)?.remove();
  regions.delete(row);
  place(row);
  if (wavesurfer) lay();
  changed(row);
}

function choose(row) {
  rows().forEach((other) => other.classList.toggle("current", other === row));
  row.scrollIntoView({ block: "nearest" });
}

body.addEventListener("change", ({ target }) => again(target.closest("tr")));
body.addEventListener("keydown", (event) => {
  const { target, key, shiftKey } = event;
  if (target.type !== "number" || !["ArrowUp", "ArrowDown"].includes(key)) return;
  const step = (shiftKey ? 0.5 : 0.05) * (key === "ArrowUp" ? 1 : -1);
  target.value = Math.min(Math.max(Number(target.value) + step, 0), duration).toFixed(3);
  event.preventDefault();
  again(target.closest("tr"));
});
body.addEventListener("focusin", ({ target }) => choose(target.closest("tr")));
body.addEventListener("click", ({ target }) => {
  const row = target.closest("tr");
  if (target.closest("[data-remove]")) {
    const next = row.nextElementSibling ?? row.previousElementSibling;
    regions.get(row)?.remove();
    regions.delete(row);
    row.remove();
    dirty = true;
    write();
    (next ? field(next, "remove") : document.getElementById("add")).focus();
  } else if (target.closest("[data-play]")) wavesurfer.play(...times(row));
});

document.getElementById("add").addEventListener("click", () => {
  const row = fresh();
  const start = Math.min(wavesurfer?.getCurrentTime() ?? 0, Math.max(duration - 1, 0));
  field(row, "start").value = start.toFixed(3);
  field(row, "end").value = Math.min(start + 1, duration).toFixed(3);
  const after = rows().find((other) => times(other)[0] > start);
  body.insertBefore(row, after ?? null);
  again(row);
  field(row, "who").select();
});

text.addEventListener("change", read);

// What was sent may leave the page; a preview, a refusal or a failure shown here means that nothing is kept yet.
const result = document.getElementById("turns-result");
for (const forms of [document.getElementById("correct"), result]) {
  forms.addEventListener("submit", () => (sent = true));
}
for (const end of ["htmx:after:swap", "htmx:error"]) {
  document.addEventListener(end, ({ detail }) => {
    if (detail.ctx?.target === result) sent = false;
  });
}
addEventListener("beforeunload", (event) => {
  if (dirty && !sent) event.preventDefault();
});

function clock(seconds) {
  const minutes = Math.floor(seconds / 60);
  return `${minutes}:${(seconds - 60 * minutes).toFixed(1).padStart(4, "0")}`;
}

async function draw() {
  const [{ default: WaveSurfer }, { default: Regions }] = await Promise.all([
    import("./vendor/wavesurfer.js"),
    import("./vendor/regions.js"),
  ]);
  const levels = wave.dataset.levels ? wave.dataset.levels.split(",").map((level) => Number(level) / 255) : [0, 0];
  wave.hidden = false;
  document.getElementById("drawn").hidden = true;
  plugin = Regions.create();
  wavesurfer = WaveSurfer.create({
    container: wave,
    peaks: [levels],
    duration,
    barWidth: 2,
    barGap: 1,
    cspNonce: nonce(),
    plugins: [plugin],
    ...paint(wave),
  });
  await new Promise((resolve) => wavesurfer.once("ready", resolve));
  drawRows();
  const far = () => wave.classList.toggle("far", wavesurfer.getWrapper().scrollWidth < FAR * duration);
  far();
  wavesurfer.on("redrawcomplete", far);
  whenScheme(lay);
  const at = document.getElementById("at");
  wavesurfer.on("timeupdate", (time) => (at.textContent = clock(time)));
  wavesurfer.on("play", () => play.setAttribute("aria-pressed", "true"));
  wavesurfer.on("pause", () => play.setAttribute("aria-pressed", "false"));
  play.addEventListener("click", () => wavesurfer.playPause());
  document.getElementById("zoom").addEventListener("input", ({ target }) => {
    wavesurfer.zoom(Number(target.value));
    lay();
  });
  document.getElementById("file").addEventListener("change", async ({ target }) => {
    if (!target.files.length) return;
    await wavesurfer.loadBlob(target.files[0], [levels], duration); // which frees the one before
    drawRows();
    document.querySelectorAll("#play, [data-play]").forEach((button) => (button.disabled = false));
  });
  document.getElementById("tools").hidden = false; // not before they are listened to
}

legend.querySelectorAll("li").forEach((entry) => lane(entry.textContent.trim()));
rows().forEach(mark);
// What was typed before this script ran, or what the browser put back, counts too.
if (text.value !== text.defaultValue) read();
document.getElementById("editor").hidden = false;
document.getElementById("plain").open = false;
document.getElementById("add").hidden = false;
draw().catch((error) => {
  wave.hidden = true; // the table and the text remain
  document.getElementById("drawn").hidden = false;
  console.warn("no timeline to drag in:", error.message);
});
