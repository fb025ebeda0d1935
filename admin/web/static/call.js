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

async function ask(path, options, ms, call) {
  const limit = within(ms, call);
  try {
    const answer = await fetch(path, { ...options, signal: limit.signal });
    if (answer.ok) return answer.status === 204 ? null : await answer.json();
    const told = await answer.json().catch(() => ({}));
    throw new Refused(answer.status, told.error);
  } finally {
    limit.done();
  }
}

function send(path, body, ms, options = {}) {
  const headers = { "Content-Type": "application/json" };
  return ask(path, { method: "POST", headers, body: JSON.stringify(body), ...options }, ms);
}

// Ends a request after some time, or with the call. (AbortSignal.any and .timeout are missing in browsers still in use.)
export function within(ms, call) {
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(), ms);
  const end = () => {
    clearTimeout(timer);
    limit.abort();
  };
  call?.addEventListener("abort", end, { once: true });
  return { signal: limit.signal, done: () => (clearTimeout(timer), call?.removeEventListener("abort", end)) };
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
    const { call } = await send("/phone/calls", { caller }, 10000);
    this.path = `/phone/calls/${call}`;
    if (this.over) {
      this.tellHangUp();
      return;
    }
    this.listen();
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
    if (this.path) send(`${this.path}/hang-up`, {}, 5000, { keepalive: true }).catch(() => {});
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
        await send(`${this.path}/${what}`, body, 5000);
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

  async listen() {
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

  askOnce(after, waitS) {
    return ask(`${this.path}/commands?after=${after}&wait=${waitS}`, {}, (ASK_WAIT_S + 4) * 1000, this.asking.signal);
  }
}
