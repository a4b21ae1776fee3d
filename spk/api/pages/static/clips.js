// Clips with a waveform, drawn when they come into sight; without the library the browser's own player stays.

import { nonce, paint, whenScheme } from "./look.js";

const PLAY =
  '<svg class="start" viewBox="0 0 16 16" aria-hidden="true"><path d="M3 1.5v13l11-6.5z"/></svg>' +
  '<svg class="pause" viewBox="0 0 16 16" aria-hidden="true"><path d="M3 2h4v12H3zM9 2h4v12H9z"/></svg>';
let library;

async function draw(figure) {
  const kept = figure.querySelector("audio");
  library ??= import("./vendor/wavesurfer.js").then((module) => module.default).catch(() => null);
  const WaveSurfer = await library;
  if (!WaveSurfer) return;
  const answer = await fetch(kept.src).catch(() => null);
  if (!answer?.ok) return; // the player stays, and says what is wrong
  const audio = new Audio(); // one that knows no address, or the library fetches it again
  kept.replaceWith(audio);
  figure.classList.add("drawn");

  const button = document.createElement("button");
  button.type = "button";
  button.className = "play";
  button.innerHTML = PLAY;
  button.setAttribute("aria-pressed", "false");
  button.setAttribute("aria-label", `Play ${figure.dataset.clip}`);
  if (!figure.closest("[data-card]")?.querySelector(".play")) button.dataset.key = " ";
  const wave = document.createElement("div");
  wave.className = "wave";
  const time = document.createElement("span");
  time.className = "number small quiet";
  figure.append(button, wave, time);

  const wavesurfer = WaveSurfer.create({
    container: wave,
    media: audio,
    height: 44,
    barWidth: 2,
    barGap: 1,
    barRadius: 2,
    normalize: true,
    cspNonce: nonce(),
    ...paint(wave),
  });
  whenScheme(() => wavesurfer.setOptions(paint(wave)));
  const seconds = (value) => (time.textContent = `${value.toFixed(1)} s`);
  wavesurfer.on("ready", seconds);
  wavesurfer.on("timeupdate", seconds);
  wavesurfer.on("finish", () => seconds(wavesurfer.getDuration()));
  wavesurfer.on("error", () => {
    time.textContent = "cannot be played";
  });
  wavesurfer.on("play", () => {
    button.setAttribute("aria-pressed", "true");
    document.querySelectorAll("audio").forEach((other) => other !== audio && other.pause());
  });
  wavesurfer.on("pause", () => button.setAttribute("aria-pressed", "false"));
  button.addEventListener("click", () => wavesurfer.playPause());
  await wavesurfer.loadBlob(await answer.blob()); // one request for the picture and the sound
}

// In tables a button is enough.

function shrink(audio) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "play";
  button.innerHTML = PLAY;
  button.setAttribute("aria-pressed", "false");
  button.setAttribute("aria-label", `Play ${audio.getAttribute("aria-label")}`);
  audio.parentElement.classList.add("small-play");
  audio.after(button);
  button.addEventListener("click", () => (audio.paused ? audio.play() : audio.pause()));
  audio.addEventListener("play", () => {
    button.setAttribute("aria-pressed", "true");
    document.querySelectorAll("audio").forEach((other) => other !== audio && other.pause());
  });
  for (const end of ["pause", "ended"]) audio.addEventListener(end, () => button.setAttribute("aria-pressed", "false"));
  audio.addEventListener("error", () => {
    button.disabled = true;
    button.title = "It cannot be played";
  });
}

const sight = new IntersectionObserver(
  (entries) => {
    for (const { isIntersecting, target } of entries) {
      if (isIntersecting) {
        sight.unobserve(target);
        draw(target);
      }
    }
  },
  { rootMargin: "300px" },
);

document.querySelectorAll(".clip").forEach((figure) => sight.observe(figure));
document.querySelectorAll("td audio").forEach(shrink);
