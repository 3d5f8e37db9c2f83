// Passkeys: makes one on the page "Your account", shows one on the pages of the login.

const texts = JSON.parse(document.getElementById("passkey-texts").textContent);
const fault = document.getElementById("passkey-fault");

const bytes = (text) =>
  Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (one) => one.charCodeAt(0));
const text = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replace(/\+/g, "-")
    .replace(/\//g, "_")
    .replace(/=+$/, "");

function complain(what) {
  fault.textContent = what;
  fault.hidden = false;
}

async function post(path, body, token) {
  const headers = { "content-type": "application/json" };
  if (token) headers["x-form-token"] = token;
  const answer = await fetch(path, { method: "POST", headers, body: JSON.stringify(body) });
  const said = await answer.json();
  if (!answer.ok) throw new Error(said.error);
  return said;
}

const descriptor = (one) => ({ ...one, id: bytes(one.id) });

async function make(form) {
  const token = form.elements.token.value;
  const options = await post("/console/you/passkey/ask", {}, token);
  options.challenge = bytes(options.challenge);
  options.user.id = bytes(options.user.id);
  options.excludeCredentials = (options.excludeCredentials ?? []).map(descriptor);
  const made = await navigator.credentials.create({ publicKey: options });
  const answer = {
    id: made.id,
    rawId: text(made.rawId),
    type: made.type,
    response: {
      clientDataJSON: text(made.response.clientDataJSON),
      attestationObject: text(made.response.attestationObject),
    },
  };
  return post("/console/you/passkey", { name: form.elements.name.value, answer }, token);
}

async function show() {
  const options = await post("/login/passkey/ask", {});
  options.challenge = bytes(options.challenge);
  options.allowCredentials = (options.allowCredentials ?? []).map(descriptor);
  const shown = await navigator.credentials.get({ publicKey: options });
  return post("/login/passkey", {
    id: shown.id,
    rawId: text(shown.rawId),
    type: shown.type,
    response: {
      clientDataJSON: text(shown.response.clientDataJSON),
      authenticatorData: text(shown.response.authenticatorData),
      signature: text(shown.response.signature),
      userHandle: shown.response.userHandle ? text(shown.response.userHandle) : null,
    },
  });
}

async function run(button, task) {
  fault.hidden = true;
  button.disabled = true;
  try {
    const { next } = await task();
    // A part of the page that is shown already is no reason for the browser to load it anew.
    if (new URL(next, location.href).pathname === location.pathname) location.reload();
    else location.assign(next);
  } catch (error) {
    // NotAllowedError: whoever sits there said no, or nothing in time.
    complain(error.name === "NotAllowedError" || error.name === "AbortError" ? texts.cancelled : error.message);
    button.disabled = false;
  }
}

const maker = document.getElementById("make-passkey");
const shower = document.getElementById("show-passkey");
if (!window.PublicKeyCredential) {
  for (const one of [maker?.querySelector("button"), shower]) if (one) one.disabled = true;
  complain(texts.missing);
}
maker?.addEventListener("submit", (event) => {
  event.preventDefault();
  run(maker.querySelector("button"), () => make(maker));
});
shower?.addEventListener("click", () => run(shower, show));
