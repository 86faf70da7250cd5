// Live updates: no polls while the page is hidden or paused, a growing delay after failed polls, and the age
// of the data. Also: confirmation dialogs, toasts, and <details> that stay open when the page is updated.
(() => {
  "use strict";
  const LOG_LIMIT = 2000;
  const TOAST_LIMIT = 3;
  const TOAST_SECONDS = 12;
  const pill = document.querySelector("[data-live]");
  let paused = false;
  let failures = 0;
  let freshAt = Date.now();
  let notBefore = 0;

  const isPoll = (ctx) => ctx?.sourceElement?.hasAttribute?.("data-poll");
  const age = () => Math.round((Date.now() - freshAt) / 1000);

  function trim(list, limit) {
    while (list?.childElementCount > limit) list.firstElementChild.remove();
  }

  function show() {
    if (!pill) return;
    const { fresh, paused: off, late } = pill.dataset;
    pill.hidden = !document.querySelector("[data-poll]");
    pill.dataset.state = paused ? "paused" : failures ? "late" : "fresh";
    pill.textContent = paused ? off : failures ? `${late} ${age()} s` : fresh;
  }

  function recordPoll(ctx) {
    if (!isPoll(ctx)) return;
    const succeeded = ctx.response && (ctx.response.status < 400 || ctx.response.status === 410);
    failures = succeeded ? 0 : failures + 1;
    if (succeeded) freshAt = Date.now();
    notBefore = succeeded ? 0 : Date.now() + Math.min(30000, 500 * 2 ** failures);
    show();
  }

  const wake = () => document.hidden || paused || document.body.dispatchEvent(new Event("app:wake"));

  document.addEventListener("htmx:config:request", (event) => {
    const { ctx } = event.detail;
    if (!isPoll(ctx)) return;
    ctx.request.headers["X-Poll"] = "1";
    if (paused || document.hidden || Date.now() < notBefore) event.preventDefault();
  });
  document.addEventListener("htmx:after:request", (event) => recordPoll(event.detail.ctx));
  document.addEventListener("htmx:error", (event) => recordPoll(event.detail.ctx));
  document.addEventListener("htmx:after:swap", () => {
    trim(document.getElementById("log-lines"), LOG_LIMIT);
    trim(document.getElementById("toasts"), TOAST_LIMIT);
    show();
  });
  document.addEventListener("visibilitychange", wake);
  pill?.addEventListener("click", () => { paused = !paused; show(); wake(); });
  setInterval(() => failures && show(), 1000);
  // A confirmation opens in a dialog; if its request fails, the browser loads it as a page
  document.addEventListener("htmx:after:swap", () => document.querySelector("[data-modal]:not([open])")?.showModal());
  document.addEventListener("close", (event) => event.target.matches("[data-modal]") && event.target.remove(), true);
  document.addEventListener("htmx:after:request", ({ detail: { ctx } }) => {
    const source = ctx.sourceElement;
    if (source?.getAttribute?.("hx-target") !== "#dialog" || !(ctx.response?.status > 401)) return;
    if (source.form) source.form.requestSubmit(source);
    else location.assign(source.href);
  });
  // A toast disappears after a while, except while it has the pointer or the focus
  document.addEventListener("click", ({ target }) => target.closest("[data-close]")?.closest("[data-toast]")?.remove());
  setInterval(() => {
    for (const toast of document.querySelectorAll("[data-toast]:not(:hover, :focus-within)")) {
      if (!document.hidden && (toast.age = (toast.age ?? 0) + 1) > TOAST_SECONDS) toast.remove();
    }
  }, 1000);
  const ownZone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  for (const field of document.querySelectorAll("[data-browser-zone]")) field.value = ownZone ?? "";
  for (const button of document.querySelectorAll("[data-own-zone]")) {
    const field = document.getElementById(button.dataset.ownZone);
    if (!ownZone || field.value === ownZone) continue;
    button.append(` (${ownZone})`);
    button.hidden = false;
    button.addEventListener("click", () => {
      field.value = ownZone;
      field.dispatchEvent(new Event("input", { bubbles: true }));
      button.hidden = true;
    });
  }
  htmx.registerExtension("keep-open", {
    htmx_before_morph_attr: (element, { attrName }) => !(attrName === "open" && element.matches("details, dialog")),
  });
  show();
})();
