// Keeps the status page fresh: fetches its changing part every few seconds while somebody can see it.

import { within } from "./call.js";

const EVERY_MS = 3000;
const part = document.getElementById("status");
const stale = document.getElementById("stale");

async function refresh() {
  if (document.hidden) return;
  const limit = within(8000);
  try {
    const answer = await fetch(part.dataset.part, { headers: { Accept: "text/html" }, signal: limit.signal });
    // 503 is a page too: it says what is wrong with the database.
    if (!answer.ok && answer.status !== 503) throw new Error(String(answer.status));
    const html = await answer.text();
    // The server has escaped every value; scripts in it would not run under the page's content policy.
    if (html !== part.innerHTML) part.innerHTML = html;
    stale.hidden = true;
  } catch {
    stale.hidden = false;
  } finally {
    limit.done();
  }
}

document.addEventListener("visibilitychange", refresh);
(async function keepOn() {
  await new Promise((wake) => setTimeout(wake, EVERY_MS));
  await refresh();
  keepOn();
})();
