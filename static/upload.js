// Forms with files: the whole field takes dropped files, and an upload shows its progress. Without this script the form
// is sent like any other.
(() => {
  "use strict";
  const UNITS = ["kB", "MB", "GB"];

  function size(bytes) {
    let unit = 0;
    let value = bytes / 1000;
    while (value >= 1000 && unit < UNITS.length - 1) { value /= 1000; unit += 1; }
    return `${value.toLocaleString(document.documentElement.lang, { maximumFractionDigits: value < 100 ? 1 : 0 })} ${UNITS[unit]}`;
  }

  const droppable = ({ dataTransfer, target }) =>
    dataTransfer?.types.includes("Files") ? target.closest?.(".field:has(input[type=file])") : null;
  const mark = (field) => {
    for (const each of document.querySelectorAll(".field--drop")) each.classList.toggle("field--drop", each === field);
    field?.classList.add("field--drop");
  };

  for (const name of ["dragenter", "dragover", "dragleave"]) {
    document.addEventListener(name, (event) => {
      const field = droppable(event);
      if (field && name !== "dragleave") event.preventDefault();
      if (name !== "dragover") mark(name === "dragleave" && !field?.contains(event.relatedTarget) ? null : field);
    });
  }
  document.addEventListener("drop", (event) => {
    const input = droppable(event)?.querySelector("input[type=file]");
    mark(null);
    if (!input) return;
    event.preventDefault();
    const chosen = new DataTransfer();
    const dropped = [...event.dataTransfer.files];
    for (const file of input.multiple ? [...input.files, ...dropped] : dropped.slice(0, 1)) chosen.items.add(file);
    input.files = chosen.files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
  });

  // Shows the answer to a form that was rejected, as the browser would
  function show(answer) {
    const page = new DOMParser().parseFromString(answer.responseText, "text/html");
    document.title = page.title;
    document.querySelector("main").replaceWith(page.querySelector("main"));
    htmx.process(document.querySelector("main"));
    const place = document.getElementById(new URL(answer.asked).hash.slice(1));
    const first = document.querySelector("main [autofocus]") ?? document.querySelector("main");
    first.focus();
    (place ?? first).scrollIntoView();
  }

  function send(form, submitter) {
    const panel = form.querySelector("[data-upload]");
    const [bar, text, stop] = ["progress", "[data-text]", "button"].map((each) => panel.querySelector(each));
    const buttons = [...form.querySelectorAll(".form__actions button")];
    const request = new XMLHttpRequest();
    const end = (words = "") => {
      text.textContent = words;
      bar.hidden = stop.hidden = true;
      panel.hidden = !words;
      for (const button of buttons) button.disabled = false;
    };
    request.asked = submitter?.hasAttribute("formaction") ? submitter.formAction : form.action;
    request.open("POST", request.asked);
    request.upload.addEventListener("progress", ({ loaded, total }) => {
      bar.value = loaded / total;
      text.textContent = loaded < total ? `${size(loaded)} / ${size(total)}` : panel.dataset.received;
    });
    request.addEventListener("load", () => {
      if (request.status < 400 && new URL(request.responseURL).pathname !== new URL(request.asked).pathname) {
        location.assign(request.responseURL);
      } else if (request.responseText.includes("<main")) {
        show(request);
      } else {
        end(panel.dataset.failed);
      }
    });
    request.addEventListener("error", () => end(panel.dataset.failed));
    request.addEventListener("abort", () => end());
    stop.onclick = () => request.abort();
    request.send(new FormData(form, submitter));
    for (const button of buttons) button.disabled = true;
    panel.hidden = bar.hidden = stop.hidden = false;
    bar.value = 0;
  }

  document.addEventListener("submit", (event) => {
    const form = event.target;
    const hasFiles = [...form.querySelectorAll("input[type=file]")].some((input) => input.files.length);
    if (event.defaultPrevented || !hasFiles || !form.querySelector("[data-upload]")) return;
    event.preventDefault();
    send(form, event.submitter);
  });
})();
