// The live transcript: what the line says, which keys were pressed, what became of the call. Text only, never HTML.

const HIDDEN = "●";
const A_LICENCE = /^(\d{6}|\d{12})#$/;

export class Transcript {
  constructor(element, texts) {
    this.element = element;
    this.texts = texts;
    this.clear();
  }

  clear() {
    this.element.replaceChildren();
    this.keyed = null;
    this.said = null;
    this.secret = false;
  }

  // What is said next. `secret`: the keys that answer it are a PIN.
  say(clips, secret) {
    if (secret && this.keyed) this.hideKeyedAhead();
    this.secret = secret;
    this.keyed = null;
    this.said = this.add("said");
    for (const clip of clips) {
      const line = document.createElement("p");
      line.textContent = clip.text || clip.name.replaceAll("_", " ");
      line.lang = /[\u3400-\u9fff]/.test(line.textContent) ? "zh-CN" : "en";
      line.title = clip.name;
      this.said.append(line);
    }
    this.follow();
  }

  // Keys typed ahead of the question for a PIN may be that PIN: hidden once we know. One key alone was the choice that
  // led here, and a licence number is no secret.
  hideKeyedAhead() {
    const typed = this.keyed.textContent;
    if (typed.length > 1 && !A_LICENCE.test(typed)) this.keyed.textContent = typed.replace(/\d/g, HIDDEN);
  }

  // Marks the sentence that is being heard now; returns its text.
  began(index) {
    const line = this.said?.children[index];
    this.said?.querySelector(".now")?.classList.remove("now");
    line?.classList.add("heard", "now");
    return line?.textContent ?? "";
  }

  ended() {
    this.said?.querySelector(".now")?.classList.remove("now");
  }

  interrupted() {
    this.ended();
    this.note(this.texts.interrupted);
  }

  missing(index) {
    this.said?.children[index]?.classList.add("heard");
    if (!this.said?.dataset.missing) this.note(this.texts.no_sound_file);
    if (this.said) this.said.dataset.missing = "yes";
  }

  note(text) {
    const note = document.createElement("small");
    note.textContent = text;
    this.said?.append(note);
    this.follow();
  }

  // Adds a key and tells how it is shown.
  key(key) {
    const shown = this.secret && /\d/.test(key) ? HIDDEN : key;
    this.keyed ??= this.add("keyed");
    this.keyed.textContent += shown;
    this.follow();
    return this.keyed.textContent;
  }

  event(text) {
    this.add("event").textContent = text;
    this.said = this.keyed = null;
    this.follow();
  }

  add(kind) {
    const item = document.createElement("li");
    item.className = kind;
    this.element.append(item);
    return item;
  }

  follow() {
    this.element.scrollTop = this.element.scrollHeight;
  }
}
