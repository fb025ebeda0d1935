// One call, over HTTP: dials, asks for commands, sends keys in order and exactly once. Knows no page and no sound.

const ASK_WAIT_S = 8;
const SILENCE_MS = 14000; // the server ends a call whose page has been silent this long: then we may stop trying

export class Refused extends Error {
  // What the server said no with: a code, a message in both languages.
  constructor(status, error) {
    super(error?.code ?? String(status));
    this.status = status;
    this.code = error?.code ?? "fault";
    this.texts = error?.message ?? {};
    this.expected = error?.expected;
  }
}

async function send(path, body, options = {}) {
  const answer = await fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
    ...options,
  });
  if (answer.ok) return answer.status === 204 ? null : answer.json();
  const told = await answer.json().catch(() => ({}));
  throw new Refused(answer.status, told.error);
}

const pause = (ms) => new Promise((wake) => setTimeout(wake, ms));

export class Call {
  // `on` is told: command(command), network(fine), over(cause).
  constructor(on) {
    this.on = on;
    this.path = "";
    this.over = false;
    this.pressed = 0;
    this.outbox = Promise.resolve();
    this.asking = new AbortController();
  }

  async dial(caller) {
    const { call } = await send("/phone/calls", { caller }, { signal: AbortSignal.timeout(10000) });
    this.path = `/phone/calls/${call}`;
    if (this.over) {
      this.tellHangUp();
      return;
    }
    this.ask();
  }

  press(key, tag, heardMs) {
    const seq = ++this.pressed;
    this.post("keys", { key, seq, tag, heard_ms: Math.max(0, Math.round(heardMs)) });
  }

  played(tag) {
    this.post("played", { tag });
  }

  hangUp() {
    this.end("caller_hung_up");
    this.tellHangUp();
  }

  tellHangUp() {
    // keepalive: this must arrive even when the page is being closed.
    if (this.path) send(`${this.path}/hang-up`, {}, { keepalive: true }).catch(() => {});
  }

  end(cause) {
    if (this.over) return;
    this.over = true;
    this.asking.abort();
    this.on.over(cause);
  }

  // One report after the other: keys must arrive in the order they were pressed.
  post(what, body) {
    this.outbox = this.outbox.then(() => this.tryToPost(what, body));
  }

  async tryToPost(what, body) {
    for (let wait = 200; !this.over; wait = Math.min(wait * 2, 2000)) {
      try {
        await send(`${this.path}/${what}`, body, { signal: AbortSignal.timeout(5000) });
        return;
      } catch (error) {
        if (error instanceof Refused && error.status < 500) {
          if (error.code === "no_call") this.end("dead_line");
          return;
        }
        await pause(wait); // a repeated key carries its number: the server takes it once
      }
    }
  }

  async ask() {
    let after = 0;
    let lastHeard = performance.now();
    let fine = true;
    while (!this.over) {
      try {
        const told = await this.askOnce(after, fine ? ASK_WAIT_S : 0); // back again: an answer at once shows it
        fine = true;
        lastHeard = performance.now();
        this.on.network(true);
        for (const command of told.commands) {
          if (this.over || command.n <= after) continue;
          after = command.n;
          if (command.do === "hang_up") this.end(command.cause);
          else this.on.command(command);
        }
      } catch (error) {
        if (this.over) return;
        if (error instanceof Refused && error.status < 500) return this.end("dead_line");
        if (performance.now() - lastHeard > SILENCE_MS) return this.end("network");
        fine = false;
        this.on.network(false);
        await pause(700);
      }
    }
  }

  async askOnce(after, waitS) {
    const limit = AbortSignal.any([this.asking.signal, AbortSignal.timeout((ASK_WAIT_S + 4) * 1000)]);
    const answer = await fetch(`${this.path}/commands?after=${after}&wait=${waitS}`, { signal: limit });
    if (answer.ok) return answer.json();
    throw new Refused(answer.status, (await answer.json().catch(() => ({}))).error);
  }
}
