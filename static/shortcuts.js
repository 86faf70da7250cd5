// Keyboard shortcuts; "?" lists them (templates/page/_keys.html). Ignored while the user types in a field.
(() => {
  "use strict";
  const PAUSE = 1000; // milliseconds to press the second key of a pair
  let first = "";
  let firstAt = 0;

  const rows = () => [...document.querySelectorAll("[data-row]")];
  const link = (row) => row?.querySelector("a");
  const current = () => document.activeElement.closest("[data-row]");

  function move(step) {
    const all = rows();
    const at = all.indexOf(current());
    const next = at < 0 ? 0 : Math.min(Math.max(at + step, 0), all.length - 1);
    link(all[next])?.focus();
    all[next]?.scrollIntoView({ block: "nearest" });
  }

  function toggleSelection() {
    current()?.querySelector("input[type=checkbox]")?.click();
  }

  const actions = {
    "/": () => document.querySelector("[data-search]")?.select(),
    "j": () => move(1),
    "k": () => move(-1),
    "x": toggleSelection,
    "u": () => document.querySelector("[data-live]:not([hidden])")?.click(),
    "?": () => document.getElementById("keys")?.showModal(),
  };

  function pressed(key) {
    const pair = Date.now() - firstAt < PAUSE ? `${first} ${key}` : "";
    const goal = pair && document.querySelector(`[data-key="${pair.replaceAll("\"", "")}"]`);
    first = key;
    firstAt = Date.now();
    if (goal) goal.click();
    return Boolean(goal) || Boolean(actions[key] && (actions[key](), true));
  }

  const typing = (element) => element.isContentEditable
    || element.matches("textarea, select, input:not([type=checkbox], [type=radio], [type=button], [type=submit])");

  // the bar of bulk actions appears at the lower edge: a row that was just selected there scrolls to above it
  document.addEventListener("change", (event) => {
    if (event.target.checked) event.target.closest("[data-row]")?.scrollIntoView({ block: "nearest" });
  });

  document.addEventListener("keydown", (event) => {
    const busy = event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.defaultPrevented;
    if (busy || typing(event.target) || document.querySelector("dialog[open], :popover-open")) return;
    if (pressed(event.key)) event.preventDefault();
  });
})();
