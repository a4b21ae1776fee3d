// What every page does beyond its plain forms: shortcuts, a word for screen readers, the token that requests carry.

const meta = (name) => document.querySelector(`meta[name="${name}"]`)?.content ?? "";
const typing = (element) => element.matches("input:not([type=checkbox], [type=radio]), select, textarea");
const cards = () => [...document.querySelectorAll("[data-card]")];

function say(text) {
  const live = document.getElementById("live");
  live.textContent = "";
  setTimeout(() => (live.textContent = text), 50);
}

document.addEventListener("htmx:config:request", ({ detail }) => {
  const token = meta("csrf");
  if (token) detail.ctx.request.headers["X-CSRF-Token"] = token;
});

// What refuses a request before it reaches a page answers with a problem document: it is shown as the pages show theirs.
document.addEventListener("htmx:after:request", ({ detail }) => {
  const { ctx } = detail;
  if (!ctx.response.headers.get("Content-Type")?.startsWith("application/problem+json")) return;
  const said = document.createElement("p");
  said.className = "notice bad";
  said.setAttribute("role", "alert");
  said.textContent = JSON.parse(ctx.text).detail;
  if (ctx.response.status === 401) said.insertAdjacentHTML("beforeend", ' <a href="/login" target="_blank">Log in</a>');
  ctx.text = said.outerHTML;
});

document.addEventListener("htmx:after:swap", ({ detail }) => {
  const result = detail.ctx.target?.closest(".result");
  if (!result) return;
  const preview = result.querySelector("[data-focus]") ?? result.querySelector("[role=alert]");
  preview?.setAttribute("tabindex", preview.getAttribute("tabindex") ?? "-1");
  preview?.focus();
  result.scrollIntoView({ block: "nearest" });
});

document.addEventListener("htmx:error", ({ detail }) => {
  const result = detail.ctx?.target;
  if (result?.matches?.(".result")) {
    result.innerHTML = '<p class="notice bad" role="alert">The service does not answer: try again.</p>';
  }
});

document.addEventListener("click", ({ target }) => {
  const close = target.closest("[data-close]");
  if (close) {
    const card = close.closest("[data-card]");
    close.closest(".result").replaceChildren();
    card?.focus();
  }
});

// Cards: one is current, and shortcuts are about it.

let current = -1;

function choose(index, { focus = true } = {}) {
  const all = cards();
  if (!all.length) return;
  current = Math.max(0, Math.min(index, all.length - 1));
  all.forEach((card, at) => card.classList.toggle("current", at === current));
  if (focus) {
    all[current].focus({ preventScroll: true });
    all[current].scrollIntoView({ block: "nearest" });
  }
}

document.addEventListener("focusin", ({ target }) => {
  const card = target.closest?.("[data-card]");
  if (card) choose(cards().indexOf(card), { focus: false });
});

document.addEventListener("submit", () => {
  if (current >= 0) sessionStorage.setItem(`card ${location.pathname}`, String(current));
});

// Shortcuts are single letters, so they can be switched off (WCAG 2.1.4).

const SWITCH = "no shortcuts";
const help = document.getElementById("help");
const shortcuts = document.getElementById("shortcuts");
shortcuts.checked = !localStorage.getItem(SWITCH);
shortcuts.addEventListener("change", () => {
  if (shortcuts.checked) localStorage.removeItem(SWITCH);
  else localStorage.setItem(SWITCH, "1");
});
const opener = document.getElementById("help-open");
if (opener) {
  opener.hidden = false;
  opener.addEventListener("click", () => help.showModal());
}

function press(key) {
  const all = cards();
  const own = `[data-key="${CSS.escape(key)}"]:not(:disabled)`;
  const inCard = all[current]?.querySelector(own);
  const found = inCard ?? [...document.querySelectorAll(own)].findLast((one) => !one.closest("[data-card]"));
  if (!found) return false;
  if (typing(found)) {
    found.focus();
    found.select?.();
  } else found.click();
  return true;
}

document.addEventListener("keydown", (event) => {
  const { target, key } = event;
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || help.open) return;
  if (key === "Escape") {
    const result = target.closest(".result");
    if (result) result.querySelector("[data-close]")?.click();
    else if (typing(target)) (target.closest("[data-card]") ?? document.getElementById("main")).focus();
    return;
  }
  if (!shortcuts.checked || typing(target)) return;
  const free = !target.closest("button, a, summary, audio, input, [tabindex='0']");
  let done = true;
  if (key === "?" && opener) help.showModal();
  else if (key === "j" || (key === "ArrowDown" && free && current >= 0)) choose(current + 1);
  else if (key === "k" || (key === "ArrowUp" && free && current >= 0)) choose(Math.max(current, 0) - 1);
  else if (key === " " && !free) done = false;
  else done = press(key);
  if (done) event.preventDefault();
});

// On a phone the menu is wider than the screen.

document.querySelector("nav [aria-current]")?.scrollIntoView({ inline: "center", block: "nearest", behavior: "instant" });

// After something was done: say it, and go on where one was.

const done = document.getElementById("done");
if (done) {
  say(done.querySelector("span").textContent);
  const kept = sessionStorage.getItem(`card ${location.pathname}`);
  if (kept !== null && cards().length) choose(Number(kept));
  else done.focus();
  history.replaceState(null, "", location.pathname); // loading it again says it no more
}
sessionStorage.removeItem(`card ${location.pathname}`);

if (document.querySelector(".clip, td audio")) import("./clips.js");
