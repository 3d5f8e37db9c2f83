// What the server is asked about takes. It takes no long bodies, so a recording goes in pieces.

const PIECE = 48_000;

export class Takes {
  constructor(voice) {
    this.base = `/record/${voice}`;
  }

  /** The server's judgement of a new take; null when it does not answer. */
  async judge(line, second, wav) {
    for (let from = 0; from < wav.byteLength; from += PIECE) {
      const sent = await this.post(`/takes/${line}?from=${from}`, wav.slice(from, from + PIECE));
      if (!sent?.ok) return null;
    }
    const answer = await this.post(`/takes/${line}/judge?reading=${second ? 2 : 1}`);
    return answer?.ok ? answer.json() : null;
  }

  async keep(line, second) {
    return (await this.post(`/takes/${line}/keep?reading=${second ? 2 : 1}`))?.ok ?? false;
  }

  /** `{ made }` or `{ error }`. */
  async pack(form) {
    const answer = await this.post("/pack", new URLSearchParams(new FormData(form)));
    if (!answer) return { error: "" };
    const told = await answer.json().catch(() => ({}));
    return answer.ok ? { made: told } : { error: told.error ?? "" };
  }

  url(line, isNew) {
    // The same address gives another sound after another take.
    return `${this.base}/takes/${line}.wav?${isNew ? "new&" : ""}${Date.now()}`;
  }

  sampleUrl(code) {
    return `${this.base}/sample.wav?code=${code}&${Date.now()}`;
  }

  async post(path, body) {
    const answer = await fetch(this.base + path, { method: "POST", body }).catch(() => null);
    if (answer?.status === 401) location.reload();
    return answer;
  }
}
