// Judges one event as a receiver's own Node program does: reads {secret, headers, body}, the body as it came over the wire.
const fs = require("node:fs");
const { Webhook } = require(process.argv[2]);

const { secret, headers, body } = JSON.parse(fs.readFileSync(0, "utf8"));
try {
  console.log(JSON.stringify({ event: new Webhook(secret).verify(Buffer.from(body, "base64"), headers) }));
} catch (error) {
  console.log(JSON.stringify({ refused: error.message }));
}
