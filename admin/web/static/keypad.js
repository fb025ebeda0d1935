// The keypad, by mouse, finger or keyboard: tells press(key) at the moment a key goes down. No call in here.

const KEYS = new Set("0123456789*#ABCD");
const BOUNCE_MS = 80;

export class Keypad {
  constructor(element, press) {
    this.element = element;
    this.press = press;
    this.last = { key: "", at: 0 };
    this.buttons = new Map([...element.querySelectorAll("button")].map((button) => [button.dataset.key, button]));
    this.byPointer = new WeakSet();
    for (const [key, button] of this.buttons) this.listen(key, button);
    window.addEventListener("keydown", (event) => this.keyDown(event));
    window.addEventListener("keyup", () => this.release());
    this.enable(false);
  }

  // A finger that trembles on the glass presses once.
  touch(key) {
    const at = performance.now();
    const bounced = key === this.last.key && at - this.last.at < BOUNCE_MS;
    this.last = { key, at };
    if (!bounced) this.press(key);
  }

  enable(on) {
    this.on = on;
    for (const button of this.buttons.values()) button.disabled = !on;
    if (!on) this.release();
  }

  // pointerdown, not click: a prompt must fall silent when the finger lands. A click without one comes from the
  // keyboard or an assistive device.
  listen(key, button) {
    button.addEventListener("pointerdown", (event) => {
      if (event.button !== 0 || button.disabled) return;
      this.byPointer.add(button);
      this.touch(key);
    });
    button.addEventListener("click", () => {
      if (!this.byPointer.delete(button)) this.press(key);
    });
    for (const gone of ["pointerleave", "pointercancel"]) {
      button.addEventListener(gone, () => setTimeout(() => this.byPointer.delete(button)));
    }
  }

  keyDown(event) {
    if (!this.on || event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target instanceof Element && event.target.matches("input[type=tel], input[type=text], textarea")) return;
    const key = event.key.length === 1 ? event.key.toUpperCase() : "";
    if (!KEYS.has(key)) return;
    event.preventDefault();
    this.buttons.get(key)?.classList.add("down");
    this.press(key);
  }

  release() {
    for (const button of this.buttons.values()) button.classList.remove("down");
  }
}
