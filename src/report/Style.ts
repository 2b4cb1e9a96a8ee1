/**
 * How a page looks, and the little that moves on it.
 *
 * @since 0.2.0
 */

const light = `color-scheme: light; --paper: #ffffff; --card: #f7f9fb; --text: #1f2933; --faint: #52606d; --grid: #dde2e8;
  --blue: #0072b2; --green: #007a5a; --red: #c43d50; --purple: #8a5fa8; --orange: #a86200;`
const dark = `color-scheme: dark; --paper: #14191f; --card: #1c232b; --text: #e6eaee; --faint: #a3afbb; --grid: #36414c;
  --blue: #62b6ec; --green: #45c49a; --red: #f0808f; --purple: #c3a0dd; --orange: #eda64f;`

/**
 * Pictures are drawn twice, for narrow and for wide screens, so that their words are as large as those around them.
 *
 * @since 0.2.0
 * @category constants
 */
export const widths = { narrow: 352, wide: 900 }

/**
 * The style sheet.
 *
 * @since 0.2.0
 * @category constants
 */
export const css = `
:root { ${light} }
@media (prefers-color-scheme: dark) { :root:not([data-theme="light"]) { ${dark} } }
:root[data-theme="dark"] { ${dark} }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--text); font: 15px/1.5 system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; }
main { max-width: 1120px; margin: 0 auto; padding: 16px 12px 48px; overflow-wrap: break-word; }
header { overflow-wrap: anywhere; display: flex; flex-wrap: wrap; gap: 8px 16px; align-items: start; justify-content: space-between; }
h1 { font-size: 24px; line-height: 1.25; margin: 0; }
h2 { font-size: 18px; margin: 0 0 8px; }
p { margin: 4px 0 8px; }
.faint, caption, th { color: var(--faint); }
button { font: inherit; color: var(--text); background: var(--card); border: 1px solid var(--faint); border-radius: 6px; padding: 4px 12px; cursor: pointer; }
:focus-visible { outline: 3px solid var(--blue); outline-offset: 2px; }
section { background: var(--card); border: 1px solid var(--grid); border-radius: 8px; padding: 14px 11px; margin-top: 16px; }
dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(145px, 1fr)); gap: 12px; margin: 0; }
dt { color: var(--faint); font-size: 13px; }
dd { margin: 0; font-size: 19px; line-height: 1.3; }
dd small { display: block; font-size: 13px; color: var(--faint); }
.at dd { font-size: 15px; }
.at .why { grid-column: 1 / -1; }
table { border-collapse: collapse; width: 100%; font-size: 14px; font-variant-numeric: tabular-nums; }
caption { text-align: left; padding-bottom: 4px; }
th { font-weight: 500; text-align: left; vertical-align: bottom; }
th, td { padding: 5px 8px 5px 0; border-bottom: 1px solid var(--grid); }
td { vertical-align: top; }
.number { text-align: right; white-space: nowrap; }
th.number { white-space: normal; }
.free { overflow-wrap: anywhere; min-width: 84px; }
.more { display: none; }
button[aria-pressed="true"] { color: var(--paper); background: var(--text); }
.bar { display: block; height: 8px; margin-top: 3px; border-radius: 2px; background: var(--blue); min-width: 1px; }
summary { cursor: pointer; padding: 6px 0; }
figure { margin: 0; }
.picture { position: relative; touch-action: pan-y; }
.picture svg { display: block; width: 100%; height: auto; }
.wide { display: none; }
.narrow { max-width: 520px; }
.cursor { position: absolute; top: 0; bottom: 0; width: 1px; background: var(--text); opacity: 0.6; pointer-events: none;
  left: calc((var(--left) + var(--at, 0) * (var(--width) - var(--left) - var(--right))) / var(--width) * 100%); }
label { display: block; margin-top: 8px; }
input[type="range"] { width: 100%; accent-color: var(--blue); margin: 4px 0 8px; }
@media (min-width: 760px) { .wide { display: block; } .narrow { display: none; } .more { display: table-cell; } section { padding: 16px; } }
@media print { button, input, label { display: none; } }
`

/**
 * The script: a switch between light and dark colours, and a look at one instant of the timeline.
 *
 * @since 0.2.0
 * @category constants
 */
export const script = `
"use strict"
const root = document.documentElement
const theme = document.getElementById("theme")
const prefersDark = matchMedia("(prefers-color-scheme: dark)")
const isDark = () => (root.dataset.theme ?? (prefersDark.matches ? "dark" : "light")) === "dark"
const show = () => theme.setAttribute("aria-pressed", String(isDark()))
theme.addEventListener("click", () => { root.dataset.theme = isDark() ? "light" : "dark"; show() })
prefersDark.addEventListener("change", show)
theme.hidden = false
show()

const slider = document.getElementById("instant")
const { names, reasons, rows } = JSON.parse(document.getElementById("timeline").textContent)
const fields = names.map((name) => document.getElementById(name))
const figure = slider.closest("figure")
const look = () => {
  const place = Number(slider.value)
  const [at, reason, ...values] = rows[place]
  fields.forEach((field, index) => { field.textContent = index === 0 ? reasons[reason] : values[index - 1] })
  slider.setAttribute("aria-valuetext", at)
  document.getElementById("moment").textContent = at
  figure.style.setProperty("--at", String((place + 0.5) / rows.length))
}
slider.addEventListener("input", look)
for (const picture of figure.querySelectorAll(".picture")) {
  const { left, right, width } = picture.dataset
  picture.addEventListener("pointermove", ({ clientX }) => {
    const box = picture.getBoundingClientRect()
    const along = (((clientX - box.left) / box.width) * width - left) / (width - left - right)
    slider.value = String(Math.floor(Math.min(Math.max(along, 0), 0.9999) * rows.length))
    look()
  })
}
figure.querySelector(".controls").hidden = false
look()
`
