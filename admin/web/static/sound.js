// What the caller hears: prompts without gaps, ringing, key tones. Web Audio; begins with the person's own click.
// Where sound is blocked the prompts run their time in silence, so that the call goes on and the text can be read.

import { within } from "./call.js";

const MOST_BUFFERS = 300;
const GAP_S = 0.02;
const FREQUENCIES = {
  1: [697, 1209], 2: [697, 1336], 3: [697, 1477], A: [697, 1633], 4: [770, 1209], 5: [770, 1336], 6: [770, 1477], B: [770, 1633],
  7: [852, 1209], 8: [852, 1336], 9: [852, 1477], C: [852, 1633], "*": [941, 1209], 0: [941, 1336], "#": [941, 1477], D: [941, 1633],
};

export class Sound {
  constructor() {
    this.context = null;
    this.buffers = new Map();
    this.volume = 0.8;
    this.muted = false;
    this.playing = null;
    this.ringing = null;
  }

  // To be called from a click or key press, or browsers keep silent. Never waits: a blocked context may hang.
  wake() {
    if (!this.context) {
      this.context = new AudioContext({ latencyHint: "interactive" });
      this.out = this.context.createGain();
      this.out.connect(this.context.destination);
      this.setVolume(this.volume, this.muted);
    }
    if (this.context.state !== "running") this.context.resume().catch(() => {});
  }

  get blocked() {
    return !this.context || this.context.state !== "running";
  }

  setVolume(volume, muted) {
    this.volume = volume;
    this.muted = muted;
    if (this.out) this.out.gain.setTargetAtTime(muted ? 0 : volume, this.context.currentTime, 0.01);
  }

  // Fetched once; the address names the content.
  load(url) {
    let buffer = this.buffers.get(url);
    if (!buffer) {
      const limit = within(10000);
      buffer = fetch(url, { signal: limit.signal })
        .then((answer) => (answer.ok ? answer.arrayBuffer() : Promise.reject(new Error(String(answer.status)))))
        .then((bytes) => this.context.decodeAudioData(bytes))
        .finally(limit.done);
      buffer.catch(() => this.buffers.delete(url));
      this.buffers.set(url, buffer);
      if (this.buffers.size > MOST_BUFFERS) this.buffers.delete(this.buffers.keys().next().value);
    }
    return buffer;
  }

  // Plays clips [{url, ms}] in place of what is playing. Told: began(index), missing(index), ended().
  play(clips, told) {
    this.stop();
    const run = { sources: [], timers: [], startedAt: null, totalMs: clips.reduce((sum, clip) => sum + clip.ms, 0) };
    this.playing = run;
    // One missing file must not keep the rest from being heard.
    const loaded = clips.map((clip, index) =>
      this.load(clip.url).catch(() => {
        if (this.playing === run) told.missing(index);
        return null;
      }),
    );
    Promise.all(loaded).then((buffers) => {
      if (this.playing === run) this.schedule(run, clips, buffers, told);
    });
  }

  schedule(run, clips, buffers, told) {
    let at = GAP_S;
    run.startedAt = performance.now();
    buffers.forEach((buffer, index) => {
      if (buffer && !this.blocked) {
        const source = this.context.createBufferSource();
        source.buffer = buffer;
        source.connect(this.out);
        source.start(this.context.currentTime + at);
        run.sources.push(source);
      }
      run.timers.push(setTimeout(() => told.began(index), at * 1000));
      at += buffer ? buffer.duration : clips[index].ms / 1000;
    });
    run.totalMs = at * 1000;
    run.timers.push(
      setTimeout(() => {
        if (this.playing !== run) return;
        this.playing = null;
        told.ended();
      }, at * 1000),
    );
  }

  // How much of what is playing was heard, in milliseconds.
  get heardMs() {
    const run = this.playing;
    if (!run || run.startedAt === null) return 0;
    return Math.min(run.totalMs, performance.now() - run.startedAt);
  }

  stop() {
    const run = this.playing;
    this.playing = null;
    if (!run) return;
    run.timers.forEach(clearTimeout);
    run.sources.forEach((source) => source.stop());
  }

  // The tone of a key, as on a telephone, or the ringing: frequencies in Hz for some seconds.
  tone(frequencies, seconds, level = 0.06) {
    if (this.blocked) return [];
    const now = this.context.currentTime;
    const gain = this.context.createGain();
    gain.gain.setValueAtTime(0, now);
    gain.gain.linearRampToValueAtTime(level, now + 0.005);
    gain.gain.setValueAtTime(level, now + seconds - 0.01);
    gain.gain.linearRampToValueAtTime(0, now + seconds);
    gain.connect(this.out);
    return frequencies.map((frequency) => {
      const oscillator = this.context.createOscillator();
      oscillator.frequency.value = frequency;
      oscillator.connect(gain);
      oscillator.start(now);
      oscillator.stop(now + seconds);
      return oscillator;
    });
  }

  keyTone(key) {
    this.tone(FREQUENCIES[key] ?? [], 0.12);
  }

  // Chinese ringing: one second of 450 Hz, four of silence.
  ring() {
    this.stopRinging();
    const once = () => this.tone([450], 1, 0.05);
    this.ringing = { now: once(), again: setInterval(() => (this.ringing.now = once()), 5000) };
  }

  stopRinging() {
    if (!this.ringing) return;
    clearInterval(this.ringing.again);
    this.ringing.now.forEach((oscillator) => oscillator.stop());
    this.ringing = null;
  }
}
