// Colours of the style sheet, for what is drawn on a canvas.

const dark = matchMedia("(prefers-color-scheme: dark)");

export const nonce = () => document.querySelector('meta[name="csp-nonce"]').content;
const colour = (element, name) => getComputedStyle(element).getPropertyValue(name).trim();
export const whenScheme = (repaint) => dark.addEventListener("change", repaint);

export function paint(element) {
  return {
    waveColor: colour(element, "--wave"),
    progressColor: colour(element, "--accent"),
    cursorColor: colour(element, "--ink"),
  };
}
