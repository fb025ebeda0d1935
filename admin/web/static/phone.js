// The browser phone's page: joins handset, keypad, sound, transcript and call. Each of them lives in its own file.

import { Call, Refused } from "./call.js";
import { Keypad } from "./keypad.js";
import { Sound } from "./sound.js";
import { Transcript } from "./transcript.js";

const at = (id) => document.getElementById(id);
const texts = JSON.parse(at("texts").textContent);
const language = document.documentElement.lang.startsWith("zh") ? "zh" : "en";
const sound = new Sound();
const transcript = new Transcript(at("transcript"), texts);
const keypad = new Keypad(at("keypad"), press);
const suggestions = [...document.querySelectorAll("#suggested button")];
let call = null;
let tag = null;
let beganAt = 0;

// -- what is seen

function show(state, cause = "") {
  at("handset").dataset.state = state;
  at("state").textContent = texts[`state_${state}`];
  at("cause").textContent = cause;
  const busy = ["dialling", "ringing", "in_call"].includes(state);
  at("dial").hidden = busy;
  at("hang-up").hidden = !busy;
  at("caller").disabled = busy;
  suggestions.forEach((button) => (button.disabled = busy));
  keypad.enable(state === "in_call");
}

function showTyped(text) {
  const typed = document.createElement("bdo");
  typed.textContent = text;
  at("typed").replaceChildren(typed);
}

function showTimer() {
  if (!call || !beganAt) return;
  const seconds = Math.floor((performance.now() - beganAt) / 1000);
  at("timer").textContent = `${String(Math.floor(seconds / 60)).padStart(2, "0")}:${String(seconds % 60).padStart(2, "0")}`;
}

function showChosen() {
  suggestions.forEach((button) => button.setAttribute("aria-pressed", String(button.dataset.number === at("caller").value)));
}

// -- what the line says

const commands = {
  answer() {
    sound.stopRinging();
    beganAt = performance.now();
    showTimer();
    show("in_call");
  },
  play({ clips, tag: given, secret }) {
    tag = given;
    transcript.say(clips, secret);
    showTyped("");
    at("allow-sound").hidden = !sound.blocked;
    sound.play(clips, {
      began: (index) => (at("saying").textContent = transcript.began(index)),
      missing: (index) => transcript.missing(index),
      ended() {
        transcript.ended();
        at("saying").textContent = "";
        tag = null;
        call?.played(given);
      },
    });
  },
  stop() {
    sound.stop();
    transcript.ended();
    at("saying").textContent = "";
    tag = null;
  },
};

function over(cause) {
  sound.stop();
  sound.stopRinging();
  at("saying").textContent = "";
  showTyped("");
  const text = texts[`cause_${cause}`] ?? cause;
  transcript.event(`${texts.state_ended} · ${text}`);
  const failed = !beganAt || cause === "network";
  call = null;
  tag = null;
  at("network").hidden = true;
  at("allow-sound").hidden = true;
  show(failed && cause !== "caller_hung_up" ? "failed" : "ended", text);
  at("dial").focus();
}

// -- what the person does

async function dial() {
  if (call) return;
  sound.wake();
  transcript.clear();
  showTyped("");
  beganAt = 0;
  at("timer").textContent = "00:00";
  const mine = new Call({
    command: (command) => commands[command.do]?.(command),
    network: (fine) => (at("network").hidden = fine),
    over,
  });
  call = mine;
  show("dialling");
  // Not on the hang-up button: the Enter that dialled may still be held down.
  at("keypad").focus();
  try {
    await mine.dial(at("caller").value.trim());
    if (call !== mine) return;
    // The line may have answered already, while this page was still being told the call's name.
    if (!beganAt) {
      show("ringing");
      sound.ring();
    }
  } catch (error) {
    if (call !== mine) return;
    mine.over = true;
    call = null;
    show("failed", (error instanceof Refused && error.texts[language]) || texts.cause_network);
    at("dial").focus();
  }
}

function press(key) {
  if (!call || !beganAt) return;
  const interrupted = tag;
  const heard = sound.heardMs;
  sound.stop();
  at("saying").textContent = "";
  if (interrupted !== null) transcript.interrupted();
  tag = null;
  call.press(key, interrupted, heard);
  sound.keyTone(key);
  showTyped(transcript.key(key));
}

at("dial-form").addEventListener("submit", (event) => {
  event.preventDefault();
  dial();
});
at("hang-up").addEventListener("click", () => call?.hangUp());
at("caller").addEventListener("input", showChosen);
at("allow-sound").addEventListener("click", () => {
  sound.wake();
  at("allow-sound").hidden = true;
});
at("volume").addEventListener("input", (event) => sound.setVolume(event.target.value / 100, sound.muted));
at("mute").addEventListener("click", () => {
  sound.setVolume(sound.volume, !sound.muted);
  const label = sound.muted ? texts.unmute : texts.mute;
  at("mute").setAttribute("aria-pressed", String(sound.muted));
  at("mute").setAttribute("aria-label", label);
  at("mute").title = label;
});
suggestions.forEach((button) =>
  button.addEventListener("click", () => {
    at("caller").value = button.dataset.number;
    showChosen();
  }),
);
window.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && call) call.hangUp();
  // Enter on the hang-up button would end the call that a second Enter was meant to begin.
  if (event.key === "Enter" && !call && event.target === document.body) dial();
});
window.addEventListener("pagehide", () => call?.hangUp());
setInterval(showTimer, 500);
show("idle");
showChosen();
