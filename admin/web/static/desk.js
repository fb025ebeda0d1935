// The agent desk by keyboard: Enter goes from code to cartons and on, an empty code reads back, Esc goes back.
// Every form is sent by fetch and answered with the changing part of the page; without this script forms work too.

import { within } from "./call.js";

const draft = document.getElementById("draft");

function begin() {
  (draft.querySelector(".decide [data-first]") ?? draft.querySelector("[data-first]"))?.focus();
}

function leave() {
  draft.querySelector(".decide")?.remove();
  begin();
}

function trouble() {
  const told = document.createElement("p");
  told.className = "told bad";
  told.setAttribute("role", "alert");
  told.textContent = draft.dataset.trouble;
  draft.querySelector(".told.bad")?.remove();
  draft.querySelector("h2").after(told);
}

let sending = false;

async function send(form) {
  // One after another: a key held down must not order twice.
  if (sending) return;
  sending = true;
  const limit = within(10000);
  try {
    const method = form.method.toUpperCase();
    const answer = await fetch(form.action, {
      method,
      body: method === "POST" ? new FormData(form) : undefined,
      headers: { "X-Part": "1", Accept: "text/html" },
      signal: limit.signal,
      redirect: "manual",
    });
    const goTo = answer.headers.get("X-Go-To");
    if (goTo) {
      location.assign(goTo);
      return;
    }
    if (answer.type === "opaqueredirect" || answer.status === 401) {
      location.reload();
      return;
    }
    if (!answer.ok && answer.status !== 400) throw new Error(String(answer.status));
    // The server has escaped every value; scripts in it would not run under the page's content policy.
    draft.innerHTML = await answer.text();
    begin();
  } catch {
    trouble();
  } finally {
    limit.done();
    sending = false;
  }
}

draft.addEventListener("submit", (event) => {
  event.preventDefault();
  const form = event.target;
  if ("entry" in form.dataset) {
    const { code, quantity } = form.elements;
    if (!code.value.trim()) {
      send(draft.querySelector("[data-review]"));
      return;
    }
    if (!quantity.value.trim()) {
      quantity.focus();
      return;
    }
  }
  send(form);
});

draft.addEventListener("click", (event) => {
  if (event.target.closest("[data-leave]")) leave();
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const back = draft.querySelector("[data-back]");
  if (back) back.click();
  else leave();
});

begin();
