// Keeps a part of the page fresh while somebody can see it, asks only for what is new, and counts ages by itself.

import { within } from "./call.js";

const part = document.getElementById("part");
const stale = document.getElementById("stale");
const every = Number(part.dataset.every);
let mark = part.dataset.mark ? `"${part.dataset.mark}"` : "";

function age(seconds) {
  if (seconds >= 3600) return part.dataset.hours.replace("{hours}", Math.floor(seconds / 3600)).replace("{minutes}", Math.floor(seconds / 60) % 60);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

function count() {
  const now = Math.floor(Date.now() / 1000);
  for (const place of part.querySelectorAll("[data-since]")) {
    place.textContent = age(Math.max(0, now - Number(place.dataset.since)));
  }
}

function isAtEnd() {
  return window.innerHeight + window.scrollY >= document.body.scrollHeight - 80;
}

async function refresh() {
  if (document.hidden) return;
  const limit = within(8000);
  try {
    const headers = mark ? { Accept: "text/html", "If-None-Match": mark } : { Accept: "text/html" };
    const answer = await fetch(part.dataset.part, { headers, signal: limit.signal, redirect: "manual" });
    if (answer.type === "opaqueredirect" || answer.status === 401) {
      location.reload();
      return;
    }
    if (answer.status !== 304) {
      if (!answer.ok) throw new Error(String(answer.status));
      const follows = "follow" in part.dataset && isAtEnd();
      mark = answer.headers.get("ETag") ?? "";
      // The server has escaped every value; scripts in it would not run under the page's content policy.
      part.innerHTML = await answer.text();
      count();
      if (follows) window.scrollTo(0, document.body.scrollHeight);
    }
    stale.hidden = true;
  } catch {
    stale.hidden = false;
  } finally {
    limit.done();
  }
}

count();
setInterval(count, 1000);
document.addEventListener("visibilitychange", refresh);
(async function keepOn() {
  await new Promise((wake) => setTimeout(wake, every));
  await refresh();
  keepOn();
})();
